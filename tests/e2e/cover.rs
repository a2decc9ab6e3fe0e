//! Pictures that the window paints over the page keep clear of what the page shows above them, and
//! are gone when they should be.

use anyhow::{Result, ensure};
use jasmin_tests::{World, lens::origin, until};
use serde_json::json;

use crate::pair::{Pair, Side};

#[test]
fn pictures_over_the_page_keep_clear_of_it() -> Result<()> {
    World::run("cover", |world| {
        let pair = Pair::meet(world)?;
        pair.talk()?;
        let Pair { ana, ben } = &pair;
        ben.see_on_screen(ana, 10)?;
        let corner = origin(&ben.desk, &ben.window)?;

        // The white rim of the small picture lies on the other one.
        let (x, y, _, height) = place(ben, "[role=group][data-corner]")?;
        is_light(ben, (corner.0 + x - 1.0, corner.1 + y + height / 2.0))?;

        press(ben, "?")?;
        ben.window.wait_for("key-sheet")?;
        let (x, y, width, _) = place(ben, "[data-testid=key-sheet]")?;
        is_light(ben, (corner.0 + x + width / 2.0, corner.1 + y + 6.0))?;
        press(ben, "\u{e00c}")?;
        ben.window.wait_until_gone("key-sheet")?;
        ben.see_on_screen(ana, 10)?;

        // A shape that leaves the barcode whole.
        ben.window.session().resize(900, 640)?;
        ben.see_on_screen(ana, 10)?;

        ana.window.click("toggle-camera")?;
        ben.sees_devices(true, false)?;
        shows_no_picture(ben)?;
        ana.window.click("toggle-camera")?;
        ben.see_on_screen(ana, 10)?;

        let mut lens = ben.lens()?;
        ben.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")?;
        until("the screen without a picture", || {
            Ok(lens.read()?.is_none().then_some(()))
        })
    })
}

fn shows_no_picture(side: &Side) -> Result<()> {
    let mut lens = side.lens()?;
    until("the picture to go from the screen", || {
        Ok(lens.read()?.is_none().then_some(()))
    })
}

/// An element's place in the page, in pixels of the screen.
fn place(side: &Side, css: &str) -> Result<(f64, f64, f64, f64)> {
    jasmin_tests::lens::shown(&side.window, css)
}

/// Waits until one pixel of the screen is almost white.
fn is_light(side: &Side, (x, y): (f64, f64)) -> Result<()> {
    until("a light pixel", || {
        let screen = side.desk.screen().picture()?;
        let pixel = screen.pixel(x as usize, y as usize);
        ensure!(
            pixel[..3].iter().all(|part| *part > 200),
            "it is {pixel:?} at {x}, {y}"
        );
        Ok(Some(()))
    })
}

/// Presses a key where the focus is.
fn press(side: &Side, key: &str) -> Result<()> {
    let session = side.window.session();
    let has_focus = "return document.activeElement?.tagName ?? '';";
    let focus = session.script(has_focus, &[])?;
    let css = if focus == json!("DIALOG") {
        "dialog[open]"
    } else {
        "#main"
    };
    let element = session.find(css)?;
    ensure!(!element.is_empty(), "there is no {css}");
    session.type_into(&element[0], key)
}
