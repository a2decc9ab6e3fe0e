//! `cargo xtask bench call`.

use std::process::Command;

use anyhow::Result;

use crate::{doctor, needs::For, shell, steps::Steps, ui, workspace};

/// Measures a call between two windows, beside the same call between two browsers.
pub(crate) fn call() -> Result<()> {
    let root = workspace::root();
    let mut steps = Steps::new("bench call");
    steps.step("system packages", "what measuring needs", || {
        doctor::prepare(For::Bench)
    })?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step("page: build", "the window carries the page", ui::build)?;
    steps.step("rust: programs", "everything, optimised", || {
        let words = [
            "build",
            "--locked",
            "--release",
            "--workspace",
            "--lib",
            "--bins",
        ];
        shell::run(&mut shell::cargo(&root, &words))
    })?;
    steps.step("measure", "720p both ways on loopback", || {
        // Started as it was built: `cargo run` for one package would choose other features, and build
        // everything once more.
        let program = workspace::binary("release", "bench-call")?;
        shell::run(Command::new(program).current_dir(&root))
    })
}
