//! `cargo xtask bench call`.

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
        let words = [
            "run",
            "--locked",
            "--release",
            "--quiet",
            "--package",
            "jasmin-tests",
        ];
        shell::run(shell::cargo(&root, &words).args(["--bin", "bench-call"]))
    })
}
