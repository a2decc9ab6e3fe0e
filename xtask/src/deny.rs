//! Licences, banned crates, sources and security advisories, by cargo-deny.

use anyhow::{Context, Result};

use crate::{shell, toolchain, workspace};

/// Runs every check that the network lets it run; says which one it could not.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    if shell::answer("cargo-deny", &["--version"]).is_none() {
        println!("cargo-deny is missing: it checks licences and bans. Building it, once:");
        toolchain::install_quickly("cargo-deny").context("cargo-deny could not be installed")?;
    }
    shell::run(&mut shell::cargo(
        &root,
        &["deny", "check", "bans", "licenses", "sources"],
    ))?;

    let fetched = shell::cargo(&root, &["deny", "fetch", "db"]).output();
    let is_fetched = fetched.is_ok_and(|output| output.status.success());
    if is_fetched {
        return shell::run(&mut shell::cargo(&root, &["deny", "check", "advisories"]));
    }
    if has_old_advisories() {
        println!("the advisory list cannot be fetched: the copy from the last time is used");
        let words = ["deny", "check", "--disable-fetch", "advisories"];
        return shell::run(&mut shell::cargo(&root, &words));
    }
    println!(
        "NOT CHECKED: security advisories. The list lives at github.com/RustSec/advisory-db, \
         which cannot be reached from here, and there is no older copy."
    );
    Ok(())
}

fn has_old_advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME")
        .map(std::path::PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let Some(folder) = home.map(|home| home.join("advisory-dbs")) else {
        return false;
    };
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join("crates").is_dir())
    })
}
