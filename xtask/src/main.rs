//! The verbs of the house: one word each for running, testing, measuring and packing Jasmin Chat,
//! the same on a developer's machine and in continuous integration.
//!
//! Not a build system: cargo and npm build. This crate knows what must be there first, in which
//! order the steps go, and says what it does while it does it.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod bundle;
mod deny;
mod doctor;
mod e2e;
mod icons;
mod lint;
mod needs;
mod platform;
mod run;
mod rust_tests;
mod shell;
mod steps;
mod test;
mod toolchain;
mod ui;
mod walls;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask <verb>

  run [--two] [--release]  install what is missing, build, start a server, the echo peer and the app
                           (--two: two profiles side by side, to call yourself)
  test                     everything that continuous integration asks for:
                           lint, ui, unit, e2e
  lint                     formatting, clippy, licences and bans
  ui [--no-browser]        the page: install, check, lint, unit tests, build, browser tests
  unit [FILTER]            the Rust tests that need no window
  e2e [FILTER]             whole-system scenarios: real server, real windows, virtual devices
  bench call               measure a 720p call, beside Chromium; writes docs/benchmarks.md
  bundle                   packages for this system, under target/release/bundle
  icons                    every size of the icon, from icons/icon.svg
  doctor [--install]       say what this machine lacks (--install: and install it)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", options @ ..] => run::run(run::Options::parse(options)?),
        ["test"] => test::test(),
        ["lint"] => lint::verb(),
        ["ui"] => ui::verb(true),
        ["ui", "--no-browser"] => ui::verb(false),
        ["unit", filter @ ..] => rust_tests::verb(filter),
        ["e2e", filter @ ..] => e2e::verb(filter),
        ["bench", "call"] => bench::call(),
        ["bundle"] => bundle::bundle(),
        ["icons"] => icons::icons(),
        ["doctor"] => doctor::doctor(false),
        ["doctor", "--install"] => doctor::doctor(true),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("there is no verb `{}`\n\n{USAGE}", words.join(" ")),
    }
}
