//! No device opens without a yes, and a yes can be taken back at any moment.

use anyhow::{Context, Result, ensure};
use jasmin_tests::{World, unix_ms_as_monotonic_ns, until};

use crate::pair::{CONNECT, Pair};

/// From the switch to the closed handle.
const AT_ONCE_NS: u64 = 200_000_000;

#[test]
fn a_call_goes_on_without_the_device_that_was_refused() -> Result<()> {
    World::run("refused", |world| {
        let Pair { ana, ben } = &Pair::meet(world)?;
        let no_camera = |title: &str| {
            if title.contains("microphone") {
                "allow"
            } else {
                "deny"
            }
        };
        ana.call(ben, "video")?;
        ana.answer(2, no_camera, &["calling", "ringing"])?;
        ben.pick_up("video")?;
        ben.answer(2, |_| "allow", &["active"])?;
        ana.wait_for_state(CONNECT, &["active"])?;

        ben.sees_devices(true, false)?;
        ana.watch(ben, 3)?;
        ana.window.wait_for("trouble-camera")?;
        ensure!(
            ana.desk.cameras().log()?.is_empty(),
            "Ana's camera was never opened"
        );

        ana.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")
    })
}

#[test]
fn a_withdrawn_camera_is_closed_at_once() -> Result<()> {
    World::run("withdrawn", |world| {
        let pair = Pair::meet(world)?;
        pair.talk()?;
        pair.see_each_other()?;
        let Pair { ana, ben } = &pair;

        ana.window.click("privacy")?;
        let felt = ana.window.click_timed("consent-switch-camera")?;
        let closed = until("the camera to be closed", || {
            let handles = ana.desk.cameras().open_handles(ana.camera)?;
            Ok(if handles == 0 {
                ana.camera_closed_ns()?
            } else {
                None
            })
        })?;
        let took = closed.saturating_sub(unix_ms_as_monotonic_ns(felt)?);
        ensure!(took <= AT_ONCE_NS, "it took {} ms", took / 1_000_000);

        ben.sees_devices(true, false)?;
        ana.wait_for_state(CONNECT, &["active"])?;
        ana.window.click("hang-up")?;
        ben.ended("hung_up")?;
        ana.ended("hung_up")?;

        ana.window.click("nav-privacy")?;
        let state = ana.window.attribute("consent-camera", "data-state")?;
        ensure!(
            state.context("a state")? == "withdrawn",
            "the settings say so, too"
        );
        Ok(())
    })
}

#[test]
fn a_withdrawn_microphone_is_closed_at_once() -> Result<()> {
    World::run("silenced", |world| {
        let pair = Pair::meet(world)?;
        pair.talk()?;
        let Pair { ana, ben } = &pair;
        until("the microphone to be open", || {
            Ok((ana.desk.sound().microphone_users()? == 1).then_some(()))
        })?;

        ana.window.click("privacy")?;
        let watch = ana.desk.sound().watch_microphone()?;
        let felt = ana.window.click_timed("consent-switch-microphone")?;
        let closed = watch.closed_ns()?;
        ensure!(ana.desk.sound().microphone_users()? == 0, "and nobody else");
        let took = closed.saturating_sub(unix_ms_as_monotonic_ns(felt)?);
        ensure!(took <= AT_ONCE_NS, "it took {} ms", took / 1_000_000);

        ben.sees_devices(false, true)?;
        ana.wait_for_state(CONNECT, &["active"])?;
        ana.window.click("hang-up")?;
        ben.ended("hung_up")
    })
}
