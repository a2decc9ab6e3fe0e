//! Camera, microphone and speaker before the first call.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jasmin_tests::{RATE, Speech, World, unix_ms_as_monotonic_ns, until, until_within};
use jasmin_vcam::spec::Camera;

use crate::pair::Side;

/// Six seconds to record, and a start on a busy machine.
const CLIP: Duration = Duration::from_secs(25);

#[test]
fn devices_are_seen_and_heard_before_a_call() -> Result<()> {
    World::run("check", |world| {
        let ana = &Side::arrive(world, "Ana", 0, &Camera::default())?;
        ana.window.click("device-check")?;
        ana.answer_questions(2, |_| "allow")?;
        let seen = ana.window.watch("self-view", 10, Duration::from_secs(20))?;
        ensure!(seen.len() == 10, "the preview moves: {} seen", seen.len());

        the_meter_follows_the_voice(ana)?;
        the_speaker_plays(ana)?;
        the_clip_comes_back(ana)?;

        ana.window.click("submit")?;
        ana.window.wait_until_gone("check-screen")?;
        ana.has_devices_closed()
    })
}

fn the_meter_follows_the_voice(ana: &Side) -> Result<()> {
    let speech = Speech::recorded(ana.desk.sound().folder(), 4.0)?;
    let level = || -> Result<u64> {
        let read = "return Number(document.querySelector('[role=meter]')?.ariaValueNow\
                    ?? document.querySelector('[role=meter]')?.getAttribute('aria-valuenow'));";
        let lit = ana.window.session().script(read, &[])?;
        lit.as_u64().context("there is a meter")
    };
    until("a quiet meter", || Ok((level()? <= 2).then_some(())))?;
    std::thread::scope(|scope| {
        let voice = scope.spawn(|| ana.desk.sound().say(speech.samples()));
        until("the meter to move", || Ok((level()? >= 6).then_some(())))?;
        voice
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn the_speaker_plays(ana: &Side) -> Result<()> {
    let recording = ana.desk.sound().listen()?;
    ana.window.click("play-tone")?;
    let heard = recording.end(3 * RATE)?;
    let loudest = heard
        .iter()
        .fold(0.0f32, |most, sample| most.max(sample.abs()));
    ensure!(loudest > 0.02, "the tone is heard: {loudest}");
    Ok(())
}

/// What it plays is what the camera saw while it recorded: older than any picture on its way.
fn the_clip_comes_back(ana: &Side) -> Result<()> {
    ana.window.click("record-clip")?;
    until_within(CLIP, "the clip to play", || {
        Ok(ana.window.has("clip-view")?.then_some(()))
    })?;
    let seen = ana.window.watch("clip-view", 5, Duration::from_secs(5))?;
    ensure!(seen.len() == 5, "the clip moves: {} seen", seen.len());
    for sight in seen {
        let at_ms = unix_ms_as_monotonic_ns(sight.at_ms)? / 1_000_000;
        let age = sight.stamp.age_at(at_ms as u32);
        ensure!(age > 4_000, "it is of {age} ms ago");
    }
    Ok(())
}
