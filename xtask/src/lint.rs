//! Formatting, clippy, licences.

use std::process::Stdio;

use anyhow::Result;

use crate::{deny, doctor, needs::For, shell, steps::Steps, ui, walls, workspace};

/// `cargo xtask lint`.
pub(crate) fn verb() -> Result<()> {
    let mut steps = Steps::new("lint");
    steps.step("system packages", "what the build needs", || {
        doctor::prepare(For::Build)
    })?;
    format(&mut steps)?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step(
        "page: build",
        "clippy reads the window, which carries the page",
        ui::build,
    )?;
    clippy(&mut steps)?;
    licences(&mut steps)
}

/// The walls, the lock file and `cargo fmt --check`.
pub(crate) fn format(steps: &mut Steps) -> Result<()> {
    steps.step(
        "walls",
        "each room uses only the rooms it may",
        walls::check,
    )?;
    steps.step("lock file", "Cargo.lock fits the manifests", || {
        let words = ["metadata", "--locked", "--format-version", "1"];
        shell::run(shell::cargo(&workspace::root(), &words).stdout(Stdio::null()))
    })?;
    steps.step(
        "format",
        "every Rust file looks as rustfmt writes it",
        || {
            shell::run(&mut shell::cargo(
                &workspace::root(),
                &["fmt", "--all", "--check"],
            ))
        },
    )
}

/// Clippy over everything, warnings are errors.
pub(crate) fn clippy(steps: &mut Steps) -> Result<()> {
    steps.step("clippy", "no warning in any crate or test", || {
        let words = [
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        shell::run(&mut shell::cargo(&workspace::root(), &words))
    })
}

/// cargo-deny.
pub(crate) fn licences(steps: &mut Steps) -> Result<()> {
    steps.step(
        "deny",
        "licences, banned crates, sources, advisories",
        deny::check,
    )
}
