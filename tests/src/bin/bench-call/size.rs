//! How much room the programs take on the disk.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::figures::Measured;

/// What Debian's browser for a call consists of.
const PEER: &[&str] = &["chromium", "chromium-common"];

/// Sizes, in megabytes.
#[derive(Debug)]
pub(crate) struct Sizes {
    /// The app's package.
    pub(crate) package_mb: Measured<f64>,
    /// The app, installed.
    pub(crate) installed_mb: Measured<f64>,
    /// The peer, installed.
    pub(crate) peer_installed_mb: Measured<f64>,
}

impl Sizes {
    /// Looks for the package that `cargo xtask bundle` made, and asks Debian's packages.
    pub(crate) fn look() -> Self {
        let package = package().map_err(|error| format!("{error:#}"));
        let of = |path: &PathBuf| {
            let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
            Ok(bytes as f64 / 1e6)
        };
        let installed = |path: &PathBuf| {
            let mut ask = Command::new("dpkg-deb");
            kilobytes(ask.arg("--field").arg(path).arg("Installed-Size"))
                .map_err(|error| format!("{error:#}"))
        };
        let mut ask = Command::new("dpkg-query");
        ask.args(["--show", "--showformat=${Installed-Size}\n"])
            .args(PEER);
        Self {
            package_mb: package.as_ref().map_err(Clone::clone).and_then(of),
            installed_mb: package.as_ref().map_err(Clone::clone).and_then(installed),
            peer_installed_mb: kilobytes(&mut ask).map_err(|error| format!("{error:#}")),
        }
    }
}

/// The newest `.deb` under this build's `bundle` folder.
fn package() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().context("no build folder")?.join("bundle");
    let mut waiting = vec![folder];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "deb") {
                found.push((entry.metadata()?.modified()?, path));
            }
        }
    }
    let newest = found.into_iter().max().map(|(_, path)| path);
    newest.context("no package: `cargo xtask bundle` makes one")
}

/// The sum of the numbers that a command prints, in kilobytes, as megabytes.
fn kilobytes(command: &mut Command) -> Result<f64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let sum: f64 = numbers
        .with_context(|| format!("{name} says `{text}`"))?
        .iter()
        .sum();
    Ok(sum * 1024.0 / 1e6)
}
