//! The page: npm's part of the house.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{doctor, needs::For, platform, shell, steps::Steps, workspace};

/// `cargo xtask ui`.
pub(crate) fn verb(with_browser: bool) -> Result<()> {
    let mut steps = Steps::new("ui");
    let level = if with_browser { For::Test } else { For::Build };
    steps.step("system packages", "what the page's tests need", || {
        doctor::prepare(level)
    })?;
    checks(&mut steps)?;
    if with_browser {
        browser(&mut steps)?;
    }
    Ok(())
}

/// Install, check, unit tests, build.
pub(crate) fn checks(steps: &mut Steps) -> Result<()> {
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        install,
    )?;
    steps.step("page: check", "types, lint, styles, contrast", || {
        run("check")
    })?;
    steps.step("page: unit tests", "what the page decides", || run("test"))?;
    steps.step("page: build", "the files that the window carries", build)
}

/// Tests in a real browser.
pub(crate) fn browser(steps: &mut Steps) -> Result<()> {
    steps.step(
        "page: browser tests",
        "screens, keyboard, accessibility in Chromium",
        || run("test:browser"),
    )
}

/// `npm ci`, unless the installed packages are those of the lock file already.
pub(crate) fn install() -> Result<()> {
    let ui = workspace::ui();
    let lock = fs::read_to_string(ui.join("package-lock.json"))
        .context("ui/package-lock.json cannot be read")?;
    let stamp = ui.join("node_modules/.jasmin-lock");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        println!("up to date");
        return Ok(());
    }
    shell::run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Writes `ui/dist`.
pub(crate) fn build() -> Result<()> {
    run("build")
}

fn run(script: &str) -> Result<()> {
    shell::run(npm().args(["run", "--silent", script]))
}

fn npm() -> Command {
    let mut command = Command::new(platform::npm());
    command.current_dir(workspace::ui());
    command
}
