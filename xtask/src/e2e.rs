//! Whole-system scenarios: the real server, real windows, virtual devices.

use anyhow::{Result, bail};

use crate::{doctor, needs::For, platform, shell, steps::Steps, toolchain, ui, workspace};

/// `cargo xtask e2e`.
pub(crate) fn verb(filter: &[&str]) -> Result<()> {
    let mut steps = Steps::new("e2e");
    steps.step("system packages", "a screen, sound, a keyring", || {
        doctor::prepare(For::Test)
    })?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step("page: build", "the window carries the page", ui::build)?;
    steps.step(
        "rust: programs",
        "server, app, echo peer, virtual camera",
        programs,
    )?;
    steps.step("scenarios", "two people, two windows", || scenarios(filter))
}

/// Builds what the scenarios start, with the workspace's features, so that nothing is built twice.
pub(crate) fn programs() -> Result<()> {
    let words = ["build", "--workspace", "--lib", "--bins"];
    shell::run(&mut shell::cargo(&workspace::root(), &words))
}

/// Runs them. nextest starts one at a time: they need the processor for themselves.
pub(crate) fn scenarios(filter: &[&str]) -> Result<()> {
    if !platform::HAS_WINDOW_TESTS {
        bail!("whole-system scenarios drive WebKitGTK windows: they run on Linux only");
    }
    toolchain::require_nextest()?;
    let words = [
        "nextest",
        "run",
        "--locked",
        "--workspace",
        "--profile",
        "e2e",
    ];
    // A failing scenario tells its own story; the frames below it are the test harness.
    let mut command = shell::cargo(&workspace::root(), &words);
    shell::run(command.env("RUST_LIB_BACKTRACE", "0").args(filter))
}
