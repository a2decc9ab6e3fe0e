use std::{io::Write, process::ExitCode};

use anyhow::Context;
use jasmin_server::{Invocation, Server, USAGE, stop_signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("JASMIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let config =
        match Invocation::parse(std::env::args_os().skip(1), |name| std::env::var_os(name))? {
            Invocation::Run(config) => *config,
            Invocation::Publish(config, publication) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                return say(&runtime.block_on(jasmin_server::publish(&config, &publication))?);
            }
            Invocation::Disclose(config, order) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                return say(&runtime.block_on(jasmin_server::disclose(&config, &order))?);
            }
            Invocation::Partner(config, order) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                return say(&runtime.block_on(jasmin_server::partner(&config, &order))?);
            }
            Invocation::DataMap => return say(&jasmin_server::data_map::describe()),
            Invocation::Help => return say(USAGE),
            Invocation::Version => {
                return say(concat!("jasmin-server ", env!("CARGO_PKG_VERSION"), "\n"));
            }
        };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(config).await?;
        say(&format!("listening on {}\n", server.url()))?;
        stop_signal()
            .await
            .context("waiting for a signal to stop")?;
        tracing::info!("stopping");
        server.shutdown().await;
        Ok(())
    })
}

/// Standard output is for whoever started this process: one line says where to connect.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
