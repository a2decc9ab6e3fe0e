//! A camera pulled out in the middle of a call.

use anyhow::{Result, ensure};
use jasmin_tests::{Speech, World};
use jasmin_vcam::spec::Camera;

use crate::pair::Pair;

#[test]
fn a_call_outlives_its_camera_and_gets_it_back() -> Result<()> {
    World::run("unplug", |world| {
        let pair = Pair::meet(world)?;
        pair.talk()?;
        pair.see_each_other()?;
        let Pair { ana, ben } = &pair;

        ana.desk.cameras().unplug(ana.camera)?;
        ana.window.wait_for("trouble-camera")?;
        let said = ana.window.text("trouble-camera")?;
        ensure!(
            said.contains("Ana's camera") && said.contains("unplugged"),
            "it says `{said}`"
        );
        ben.sees_devices(true, false)?;

        let speech = Speech::recorded(ana.desk.sound().folder(), 4.0)?;
        let heard = ana.speak_to(ben, &speech)?;
        ensure!(heard >= 0.5, "the sound goes on: {heard:.3}");

        let camera = Camera {
            name: "Ana's camera".to_owned(),
            scene: 9,
            ..Camera::default()
        };
        ana.desk.cameras().plug(ana.camera, &camera)?;
        ben.sees_devices(true, true)?;
        ben.watch(ana, 3)?;
        ana.window.wait_until_gone("trouble-camera")?;

        ana.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")?;
        ana.has_devices_closed()
    })
}
