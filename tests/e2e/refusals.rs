//! Calls that come to nothing, and what both sides see of them.

use anyhow::{Result, ensure};
use jasmin_tests::World;

use crate::pair::Pair;

#[test]
fn declined_undone_cancelled_and_unanswered_calls_are_told_once() -> Result<()> {
    World::run_with("refusals", &["--ring-seconds", "10"], |world| {
        let Pair { ana, ben } = &Pair::meet(world)?;

        // Ben says no.
        ana.call(ben, "video")?;
        ana.answer(2, |_| "allow", &["calling", "ringing"])?;
        ben.wait_for_state(crate::pair::CONNECT, &["incoming"])?;
        ben.window.click("decline")?;
        ana.ended("declined")?;
        ben.ended("declined")?;
        ana.has_devices_closed()?;
        ana.wait_for_log(ben, &["declined"])?;
        ben.wait_for_log(ana, &["declined"])?;

        // Ana thinks again before anything rings.
        ana.call(ben, "audio")?;
        ana.answer(0, |_| "allow", &["preparing"])?;
        ana.window.click("undo")?;
        ana.ended("cancelled")?;
        ana.has_devices_closed()?;

        // Ana gives up while it rings.
        ana.call(ben, "audio")?;
        ana.answer(0, |_| "allow", &["calling", "ringing"])?;
        ben.wait_for_state(crate::pair::CONNECT, &["incoming"])?;
        ana.window.click("hang-up")?;
        ana.ended("cancelled")?;
        ben.ended("cancelled")?;
        ana.wait_for_log(ben, &["cancelled", "declined"])?;
        ben.wait_for_log(ana, &["cancelled", "declined"])?;

        // Ben is not there.
        ana.call(ben, "audio")?;
        ana.answer(0, |_| "allow", &["calling", "ringing"])?;
        ben.wait_for_state(crate::pair::CONNECT, &["incoming"])?;
        ana.ended("no_answer")?;
        ben.ended("no_answer")?;
        ana.wait_for_log(ben, &["missed", "cancelled", "declined"])?;
        ben.wait_for_log(ana, &["missed", "cancelled", "declined"])?;

        // Nothing was opened on the side that never answered.
        ensure!(
            ben.desk.cameras().log()?.is_empty(),
            "Ben's camera was opened"
        );
        ben.has_devices_closed()
    })
}
