//! `cargo xtask test`: all of it, stopping at the first failure. What fails fastest comes first,
//! what takes the whole machine for itself comes last.

use anyhow::Result;

use crate::{doctor, e2e, lint, needs::For, platform, rust_tests, steps::Steps, toolchain, ui};

/// Runs everything.
pub(crate) fn test() -> Result<()> {
    let mut steps = Steps::new("test");
    steps.step("system packages", "what building and testing needs", || {
        doctor::prepare(For::Test)?;
        toolchain::require_nextest()
    })?;
    lint::format(&mut steps)?;
    ui::checks(&mut steps)?;
    ui::browser(&mut steps)?;
    lint::licences(&mut steps)?;
    lint::clippy(&mut steps)?;
    steps.step(
        "rust: programs",
        "server, app, echo peer, virtual camera",
        e2e::programs,
    )?;
    steps.step("rust: tests", "every crate, without windows", || {
        rust_tests::unit(&[])
    })?;
    if platform::HAS_WINDOW_TESTS {
        steps.step("scenarios", "two people, two windows", || {
            e2e::scenarios(&[])
        })?;
    }
    Ok(())
}
