//! `cargo xtask bundle`: packages for this system.

use std::process::Command;

use anyhow::Result;

use crate::{doctor, needs::For, platform, shell, steps::Steps, ui, workspace};

/// The packer, as a prebuilt program inside an npm package; the same version line as the library.
const TAURI_CLI: &str = "@tauri-apps/cli@2.12.5";

/// Builds the app as people install it, and packs it.
pub(crate) fn bundle() -> Result<()> {
    let mut steps = Steps::new("bundle");
    steps.step("system packages", "what the build needs", || {
        doctor::prepare(For::Build)
    })?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step("page: build", "the window carries the page", ui::build)?;
    steps.step("pack", "build optimised, then pack", || {
        let mut npm = Command::new(platform::npm());
        npm.current_dir(workspace::root());
        npm.args([
            "exec",
            "--yes",
            "--package",
            TAURI_CLI,
            "--",
            "tauri",
            "build",
        ]);
        npm.args(["--ci", "--bundles", platform::BUNDLES]);
        shell::run(&mut npm)
    })?;
    let folder = workspace::target()?.join("release").join("bundle");
    println!("packed under {}", folder.display());
    Ok(())
}
