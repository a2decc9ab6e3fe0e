//! Somebody who says no to everything, then yes, then takes it back; and the records of it, which
//! prove themselves.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use jasmin_tests::{Page, World, built, until};
use jasmin_vcam::spec::Camera;

use crate::pair::Side;

#[test]
fn every_decision_is_on_record_and_the_record_proves_itself() -> Result<()> {
    World::run("ledger", |world| {
        let ana = &Side::arrive(world, "Ana", 0, &Camera::default())?;
        ana.window.click("device-check")?;
        ana.answer_questions(2, |_| "deny")?;
        ana.window.click("submit")?;
        ana.window.wait_until_gone("check-screen")?;
        ensure!(ana.desk.cameras().log()?.is_empty(), "no means no");

        ana.window.click("nav-privacy")?;
        for purpose in ["camera", "microphone"] {
            let switch = format!("consent-switch-{purpose}");
            let stands = |state: &str| {
                let row = format!("consent-{purpose}");
                ana.window.wait_for_attribute(&row, "data-state", state)
            };
            stands("denied")?;
            ana.window.click(&switch)?;
            ana.answer_questions(1, |_| "allow")?;
            stands("allowed")?;
            ana.window.click(&switch)?;
            stands("withdrawn")?;
        }

        let records = || ana.window.count("ledger-record");
        until("six records", || Ok((records()? == 6).then_some(())))?;
        ana.window
            .wait_for_attribute("ledger-record", "data-told", "true")?;
        ana.window.wait_until_gone("ledger-waiting")?;

        // Where nothing can be saved it says so, and a second try works.
        let downloads = ana.desk.folder().join("home/Downloads");
        fs::write(&downloads, "a file where the folder should be")?;
        ana.window.click("ledger-export")?;
        ana.window.wait_for("ledger-export-failed")?;
        fs::remove_file(&downloads)?;
        ana.window.click("ledger-export")?;
        ana.window.wait_for("ledger-exported")?;
        let folder = ana.desk.folder().join("home/Downloads/Jasmin consents");
        ensure!(folder.join("verify.html").is_file(), "the page that checks");
        let file = folder.join("ledger.jsonl");
        let (good, said) = verify(&file)?;
        ensure!(good && said.contains("good: 6 records"), "{said}");

        let text = fs::read_to_string(&file)?;
        let changed = text.replacen("\"withdrawn\"", "\"denied\"", 1);
        let line = changed.lines().zip(text.lines()).position(|(a, b)| a != b);
        let record = text
            .lines()
            .nth(line.context("a line was changed")?)
            .and_then(|line| Some(line.split_once(r#""id":""#)?.1.get(..36)?.to_owned()))
            .context("a record in it")?;
        fs::write(&file, changed)?;
        let (good, said) = verify(&file)?;
        ensure!(!good && said.contains(&record), "{record} is named: {said}");
        Ok(())
    })
}

/// A server that was set back and then went on with somebody else's entry: the app knows better, and says so.
#[test]
fn a_server_that_forgot_is_found_out() -> Result<()> {
    World::run("forgot", |world| {
        let ana = Side::arrive(world, "Ana", 0, &Camera::default())?;
        let backup = ana.desk.folder().join("backup");
        world.server_mut().kill()?;
        world.server().back_up(&backup)?;
        world.server_mut().restart()?;
        decide(&ana.window, "deny")?;
        world.server_mut().kill()?;
        let Side {
            window,
            desk,
            person,
            ..
        } = ana;
        drop(window);
        world.server().set_back(&backup)?;
        world.server_mut().restart()?;

        let laptop = world.desk("laptop")?;
        let other = laptop.open()?;
        world.sign_in(&other, &person)?;
        decide(&other, "allow")?;

        let window = desk.open()?;
        window.click("nav-privacy")?;
        window.wait_for("ledger-trouble")?;
        let fault = window.attribute("ledger-trouble", "data-fault")?;
        ensure!(fault.as_deref() == Some("changed"), "{fault:?}");
        // What is known here can be saved as a proof.
        window.click("ledger-trouble-save")?;
        window.wait_for("ledger-exported")?;
        let folder = desk.folder().join("home/Downloads/Jasmin consents");
        let (good, said) = verify(&folder.join("ledger.jsonl"))?;
        ensure!(good && said.contains("good: 1 record"), "{said}");
        Ok(())
    })
}

/// Answers the question about statistics, until the server has heard of it.
fn decide(window: &Page, answer: &str) -> Result<()> {
    window.click("nav-privacy")?;
    crate::partners::ask(window, "statistics", "statistics-switch", answer)?;
    let state = if answer == "allow" {
        "allowed"
    } else {
        "denied"
    };
    window.wait_for_attribute("statistics", "data-state", state)?;
    window.wait_for_attribute("statistics", "data-told", "true")
}

fn verify(file: &PathBuf) -> Result<(bool, String)> {
    let output = Command::new(built("jasmin")?)
        .args(["ledger", "verify"])
        .arg(file)
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}
