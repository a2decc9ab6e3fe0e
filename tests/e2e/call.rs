//! The main job: find each other, call, see and hear each other, hang up.

use anyhow::{Result, ensure};
use jasmin_tests::{Speech, World};

use crate::pair::{Pair, Side};

#[test]
fn two_people_see_and_hear_each_other() -> Result<()> {
    World::run("call", |world| {
        let Pair { ana, ben } = &Pair::meet(world)?;
        for side in [ana, ben] {
            leave_sound_alone(side)?;
        }
        let speech = Speech::recorded(ana.desk.sound().folder(), 8.0)?;

        ana.call(ben, "video")?;
        ana.answer(2, |_| "allow", &["calling", "ringing"])?;
        ben.pick_up("video")?;
        ben.answer(2, |_| "allow", &["active"])?;

        // In the page, which keeps one now and then, and on the screen, where each is painted.
        let (at_ana, at_ben) = (ana.watch(ben, 3)?, ben.watch(ana, 3)?);
        crate::tell(&format!(
            "camera to page: {at_ana} ms at Ana, {at_ben} ms at Ben (median)"
        ));
        let (at_ana, at_ben) = (ana.see_on_screen(ben, 60)?, ben.see_on_screen(ana, 60)?);
        crate::tell(&format!(
            "camera to screen: {at_ana} ms at Ana, {at_ben} ms at Ben (median)"
        ));

        for (speaker, listener) in [(ana, ben), (ben, ana)] {
            let heard = speaker.speak_to(listener, &speech)?;
            crate::tell(&format!(
                "{}'s speech: correlation {heard:.3}",
                speaker.person.name
            ));
            ensure!(
                heard >= 0.9,
                "{} hears too little: {heard:.3}",
                listener.person.name
            );
        }

        words_are_equal(ana, ben)?;
        switches_are_seen(ana, ben)?;

        ben.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")?;
        ana.has_devices_closed()?;
        ben.has_devices_closed()?;
        ana.wait_for_log(ben, &["answered"])?;
        ben.wait_for_log(ana, &["answered"])
    })
}

/// Speech is compared with its source: nothing may improve it on the way.
fn leave_sound_alone(side: &Side) -> Result<()> {
    side.window.click("nav-settings")?;
    side.window.click("settings-av")?;
    for switch in ["processing-echo", "processing-noise", "processing-gain"] {
        side.window.wait_for(switch)?;
        if side.window.attribute(switch, "aria-checked")?.as_deref() == Some("true") {
            side.window.click(switch)?;
        }
        side.window
            .wait_for_attribute(switch, "aria-checked", "false")?;
    }
    side.window.click("nav-people")
}

fn words_are_equal(ana: &Side, ben: &Side) -> Result<()> {
    for side in [ana, ben] {
        side.window.click("privacy")?;
        side.window.wait_for("safety-words")?;
    }
    let words = ana.window.text("safety-words")?;
    ensure!(words.split_whitespace().count() == 4, "four words: {words}");
    ensure!(
        words == ben.window.text("safety-words")?,
        "both see the same words"
    );
    ana.window.click("words-match")?;
    ana.window.wait_for("words-verdict")?;
    for side in [ana, ben] {
        side.window.click("privacy")?;
        side.window.wait_until_gone("privacy-panel")?;
    }
    Ok(())
}

fn switches_are_seen(ana: &Side, ben: &Side) -> Result<()> {
    ben.sees_devices(true, true)?;
    ana.window.click("toggle-mic")?;
    ben.sees_devices(false, true)?;
    ana.window.click("toggle-mic")?;
    ben.sees_devices(true, true)?;
    ana.window.click("toggle-camera")?;
    ben.sees_devices(true, false)?;
    ensure!(
        ana.desk.cameras().open_handles(ana.camera)? == 0,
        "a camera that is off is closed"
    );
    ana.window.click("toggle-camera")?;
    ben.sees_devices(true, true)?;
    ben.watch(ana, 3).map(drop)
}
