//! Rust, Node and the cargo tools.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{platform, shell, workspace};

/// The oldest Node that builds the page.
const NODE: u32 = 20;

/// What a look at one tool found.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The tool and its version, or what to do about it.
    pub(crate) text: String,
    /// It is good enough.
    pub(crate) fine: bool,
}

/// Rust comes by `rust-toolchain.toml`: whoever reads this message has it, except when a cargo
/// without rustup runs us.
pub(crate) fn rust() -> Finding {
    let wanted = std::fs::read_to_string(workspace::root().join("rust-toolchain.toml"))
        .ok()
        .and_then(|text| channel(&text));
    let found = shell::answer("rustc", &["--version"]);
    match (wanted, found) {
        (Some(wanted), Some(found)) if found.contains(&wanted) => Finding {
            text: found,
            fine: true,
        },
        (wanted, found) => Finding {
            text: format!(
                "{}, and rust-toolchain.toml asks for {}: install rustup from https://rustup.rs, \
                 which fetches it by itself",
                found.unwrap_or_else(|| "no Rust".to_owned()),
                wanted.unwrap_or_else(|| "a channel that cannot be read".to_owned()),
            ),
            fine: false,
        },
    }
}

fn channel(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("channel"))?;
    Some(line.split('"').nth(1)?.to_owned())
}

/// Node, 20 or newer.
pub(crate) fn node() -> Finding {
    match shell::answer("node", &["--version"]) {
        Some(version) if major(&version).is_some_and(|major| major >= NODE) => Finding {
            text: format!("node {version}"),
            fine: true,
        },
        found => Finding {
            text: format!(
                "{}, and the page needs Node {NODE} or newer: https://nodejs.org/en/download",
                found.map_or_else(|| "no Node".to_owned(), |version| format!("node {version}")),
            ),
            fine: false,
        },
    }
}

/// npm, which comes with Node.
pub(crate) fn npm() -> Finding {
    match shell::answer(platform::npm(), &["--version"]) {
        Some(version) => Finding {
            text: format!("npm {version}"),
            fine: true,
        },
        None => Finding {
            text: "no npm: it comes with Node".to_owned(),
            fine: false,
        },
    }
}

fn major(version: &str) -> Option<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Stops with words when Rust, Node or npm are missing or too old.
pub(crate) fn require() -> Result<()> {
    for finding in [rust(), node(), npm()] {
        if !finding.fine {
            bail!("{}", finding.text);
        }
    }
    Ok(())
}

/// The test runner, installed from source when it is missing.
pub(crate) fn require_nextest() -> Result<()> {
    if shell::answer("cargo-nextest", &["nextest", "--version"]).is_some() {
        return Ok(());
    }
    println!("cargo-nextest is missing: it runs the tests. Building it takes some minutes, once.");
    install("cargo-nextest")
}

/// `cargo install --locked`, outside of this workspace's target folder and toolchain file.
pub(crate) fn install(tool: &str) -> Result<()> {
    let mut command: Command = shell::cargo(&std::env::temp_dir(), &["install", "--locked", tool]);
    shell::run(command.env_remove("CARGO_TARGET_DIR"))
}

/// As [`install`], but with little optimisation: for tools that have little to compute and much to
/// compile.
pub(crate) fn install_quickly(tool: &str) -> Result<()> {
    let mut command = shell::cargo(
        &std::env::temp_dir(),
        &["install", "--locked", "--debug", tool],
    );
    command
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    shell::run(command.env_remove("CARGO_TARGET_DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(major("v20.11.1"), Some(20));
        assert_eq!(major("nonsense"), None);
        assert_eq!(
            channel("[toolchain]\nchannel = \"1.95.0\"\n").as_deref(),
            Some("1.95.0")
        );
    }
}
