//! One window per profile.

use anyhow::{Context, Result, ensure};
use jasmin_tests::{Desk, Program, World, until};

#[test]
fn a_second_start_shows_the_first_window() -> Result<()> {
    World::run("second", |world| {
        let desk = world.desk("ana")?;
        let mut manager = desk.command("openbox");
        let _manager = Program::start(&mut manager, "openbox", desk.folder())?;
        let window = desk.open()?;
        window.wait_for("sign-up")?;

        let shown = until("the window", || active(&desk))?;
        ask(&desk, &["windowminimize", &shown])?;
        until("the window to be put away", || {
            Ok((active(&desk).unwrap_or(None).as_ref() != Some(&shown)).then_some(()))
        })?;

        let mut again = desk.start_again()?;
        let status = again.wait_for_end()?;
        ensure!(status.success(), "the second one says {status}");
        let raised = until("the first window in front", || active(&desk))?;
        ensure!(raised == shown, "it is the same window");
        window.wait_for("sign-up")
    })
}

/// The window that has the focus, if one of Jasmin's has it.
fn active(desk: &Desk) -> Result<Option<String>> {
    let Ok(window) = ask(desk, &["getactivewindow"]) else {
        return Ok(None);
    };
    let name = ask(desk, &["getwindowname", &window]).unwrap_or_default();
    Ok(name.contains("Jasmin").then_some(window))
}

fn ask(desk: &Desk, words: &[&str]) -> Result<String> {
    let output = desk
        .command("xdotool")
        .args(words)
        .output()
        .context("is xdotool installed?")?;
    ensure!(output.status.success(), "xdotool {words:?} failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
