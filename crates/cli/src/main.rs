//! Jasmin Chat's client without a window, for programs: an echo peer that answers test calls, and a
//! caller that tests a server. It is the client of `src-tauri/` with nobody in front of it, so its
//! accounts are robots': it signs itself up, at a server on this machine whose mail it can read.
//!
//! ```text
//! jasmin echo                     answers calls; plays sound and picture back a second later
//! jasmin call anna@example.org    calls, says what happens, hangs up
//! jasmin ledger verify FILE       checks saved consent records
//! ```

mod account;
mod args;
mod call;
mod echo;
mod ledger;
mod outbox;
mod platform;
mod views;

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Verb};

/// What is written to standard error unless `JASMIN_LOG` says otherwise.
const QUIET: &str = "warn,jasmin=info";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unheard = writeln!(io::stderr(), "jasmin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments = match args::parse(lexopt::Parser::from_env())? {
        Verb::Help => return tell(args::USAGE),
        Verb::Version => return tell(concat!("jasmin ", env!("CARGO_PKG_VERSION"))),
        Verb::Verify(verify) => return ledger::verify(&verify),
        Verb::Run(arguments) => arguments,
    };
    log()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(work(arguments))
}

async fn work(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Echo(echo) => echo::run(echo).await,
        Arguments::Call(call) => call::run(call).await,
    }
}

fn log() -> anyhow::Result<()> {
    let wanted = env::var("JASMIN_LOG").unwrap_or_else(|_| QUIET.to_owned());
    let filter = EnvFilter::try_new(wanted).context("JASMIN_LOG cannot be understood")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    Ok(())
}

/// One line of what the program was started for. A closed pipe ends it.
fn tell(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("nobody reads the output")
}
