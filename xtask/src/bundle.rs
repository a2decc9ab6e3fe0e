//! `cargo xtask bundle`: packages for this system.

mod needs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{doctor, needs::For, platform, shell, steps::Steps, ui, workspace};

/// The packer, as a prebuilt program inside an npm package; the same version line as the library.
const TAURI_CLI: &str = "@tauri-apps/cli@2.12.5";

/// The largest package that is put up with.
const LARGEST: u64 = 20_000_000;

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
    steps.step("build", "the app, optimised", || {
        let words = [
            "build",
            "--locked",
            "--release",
            "--workspace",
            "--bin",
            "jasmin-chat",
        ];
        shell::run(&mut shell::cargo(&workspace::root(), &words))
    })?;
    steps.step("pack", "with what the program needs", || {
        pack(&workspace::binary("release", "jasmin-chat")?)
    })
}

fn pack(program: &Path) -> Result<()> {
    let folder = workspace::target()?.join("release").join("bundle");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let mut npm = Command::new(platform::npm());
    npm.current_dir(workspace::root());
    npm.args(["exec", "--yes", "--package", TAURI_CLI, "--"]);
    npm.args(["tauri", "bundle", "--ci", "--bundles", platform::BUNDLES]);
    if cfg!(target_os = "linux") {
        npm.args(["--config", &needs::config(program)?]);
    }
    shell::run(&mut npm)?;

    for package in packages(&folder)? {
        let size = fs::metadata(&package)?.len();
        println!("{}: {:.1} MB", package.display(), size as f64 / 1e6);
        ensure!(size < LARGEST, "the package is larger than 20 MB");
        if package.extension().is_some_and(|kind| kind == "deb") {
            let field = ["--field", &package.to_string_lossy(), "Installed-Size"];
            let kilobytes = shell::answer("dpkg-deb", &field).unwrap_or_default();
            println!("installed: {kilobytes} kB");
        }
    }
    Ok(())
}

/// The files (on macOS also the folder of the app) one level below the kinds of package.
fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    const KINDS: [&str; 5] = ["deb", "rpm", "dmg", "exe", "msi"];
    let mut found = Vec::new();
    for kind in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        for entry in fs::read_dir(kind?.path())? {
            let path = entry?.path();
            let kind = path
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_file() && KINDS.contains(&kind.as_str()) {
                found.push(path);
            }
        }
    }
    found.sort();
    ensure!(
        !found.is_empty(),
        "no package was made in {}",
        folder.display()
    );
    Ok(found)
}
