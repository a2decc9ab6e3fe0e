//! The Rust tests, by nextest.

use anyhow::Result;

use crate::{doctor, needs::For, platform, shell, steps::Steps, toolchain, ui, workspace};

/// `cargo xtask unit`.
pub(crate) fn verb(filter: &[&str]) -> Result<()> {
    let mut steps = Steps::new("unit");
    steps.step("system packages", "what the tests need", || {
        doctor::prepare(For::Test)
    })?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step("page: build", "the window carries the page", ui::build)?;
    steps.step("rust: tests", "every crate, without windows", || {
        unit(filter)
    })
}

/// Everything but the whole-system scenarios.
pub(crate) fn unit(filter: &[&str]) -> Result<()> {
    toolchain::require_nextest()?;
    let mut command = shell::cargo(&workspace::root(), &["nextest", "run", "--workspace"]);
    if !platform::HAS_WINDOW_TESTS {
        command.args(["--exclude", "jasmin-tests"]);
    }
    shell::run(command.args(filter))
}
