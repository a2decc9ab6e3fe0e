//! The server dies in the middle of a call.

use anyhow::Result;
use jasmin_tests::World;

use crate::pair::Pair;

#[test]
fn a_call_goes_on_without_the_server_and_is_in_the_log_afterwards() -> Result<()> {
    World::run("killed", |world| {
        let pair = Pair::meet(world)?;
        pair.talk()?;
        pair.see_each_other()?;
        let Pair { ana, ben } = &pair;

        world.server_mut().kill()?;
        ana.watch(ben, 2)?;
        ben.watch(ana, 2)?;

        ana.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")?;
        ana.has_devices_closed()?;
        ben.has_devices_closed()?;

        world.server_mut().restart()?;
        ana.wait_for_log(ben, &["answered"])?;
        ben.wait_for_log(ana, &["answered"])?;

        // The two can talk again, so both are back for good.
        ana.call(ben, "audio")?;
        ana.answer(0, |_| "allow", &["calling", "ringing"])?;
        ben.pick_up("audio")?;
        ben.answer(0, |_| "allow", &["active"])?;
        ben.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")?;
        ana.wait_for_log(ben, &["answered", "answered"])
    })
}
