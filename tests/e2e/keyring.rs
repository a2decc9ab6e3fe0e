//! Where secrets are kept when the system has no place for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use jasmin_tests::{Keeper, Person, World};

const PASSPHRASE: &str = "seven herons over slow water";

#[test]
fn without_a_keyring_a_passphrase_guards_the_profile() -> Result<()> {
    World::run("passphrase", |world| {
        let desk = world.desk_with("ana", Keeper::Nobody)?;
        let person = Person::named("Ana");
        let window = desk.open()?;
        window.click("use-passphrase")?;
        window.enter("password", PASSPHRASE)?;
        window.enter("password-again", PASSPHRASE)?;
        window.click("submit")?;
        world.sign_up(&window, &person)?;
        window.close()?;
        nothing_readable(&desk.profile(), &person)?;

        let window = desk.open()?;
        window.enter("password", "seven herons over fast water")?;
        window.click("submit")?;
        window.wait_for_attribute("password", "aria-invalid", "true")?;
        window.enter("password", PASSPHRASE)?;
        window.click("submit")?;
        window.wait_for("nav-people")?;
        window.close()
    })
}

#[test]
fn without_a_keyring_nothing_may_be_kept_at_all() -> Result<()> {
    World::run("session", |world| {
        let desk = world.desk_with("ana", Keeper::Nobody)?;
        let person = Person::named("Ana");
        let window = desk.open()?;
        window.click("use-session")?;
        world.sign_up(&window, &person)?;
        window.close()?;
        nothing_readable(&desk.profile(), &person)?;

        let window = desk.open()?;
        window.wait_for("use-session")
    })
}

#[test]
fn with_a_keyring_nobody_is_asked() -> Result<()> {
    World::run("keyring", |world| {
        let desk = world.desk("ana")?;
        let person = Person::named("Ana");
        let window = desk.open()?;
        world.sign_up(&window, &person)?;
        window.close()?;
        nothing_readable(&desk.profile(), &person)?;

        let window = desk.open()?;
        window.wait_for("nav-people")
    })
}

/// No file of the profile holds anything that was typed.
fn nothing_readable(profile: &Path, person: &Person) -> Result<()> {
    let files = files(profile)?;
    ensure!(!files.is_empty(), "the profile is in {}", profile.display());
    for file in files {
        let bytes = fs::read(&file)?;
        for secret in [&person.email, &person.password, &PASSPHRASE.to_owned()] {
            let is_there = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            ensure!(!is_there, "{} holds `{secret}`", file.display());
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
