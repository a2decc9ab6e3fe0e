//! How much of one's own voice comes back, when the other's speaker stands beside the microphone
//! and both talk.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use jasmin_tests::{Desk, RATE};

use crate::{
    ear::{Ear, Heard, arrival, begins, to_pcm},
    talk::{speak_both, voice},
    telephone::Telephone,
};

/// From the speaker through the room into the microphone.
const ROOM: Duration = Duration::from_millis(40);
/// What the room takes away.
const ROOM_VOLUME: &str = "-6dB";
/// The canceller gets to know the room, while one talks.
const LEARN: f64 = 8.0;
/// So much of that is not looked at; nor the last of it, whose echo comes when both talk already.
const LEARNT: usize = 4;
const LAST: f64 = 1.0;
/// Then both talk.
const TALK: f64 = 12.0;
/// One looked-at piece.
const FRAME: usize = RATE / 50;
/// Speech this much below its mean counts as silent, and this much as loud.
const SILENT_DB: f64 = -30.0;
const LOUD_DB: f64 = -12.0;
/// For so many frames before, and half of that after, the other must be silent.
const STILL: usize = 10;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EchoReturn {
    /// Level of what came back against what was said, while one talks alone.
    pub(crate) alone_db: f64,
    /// The same while both talk, in the short pauses of the one beside the echo.
    pub(crate) both_db: f64,
    /// Seconds of such pauses.
    pub(crate) looked_at: f64,
}

/// Lets the callee's speaker be heard in the callee's microphone, and both talk.
pub(crate) fn measure(telephone: &dyn Telephone) -> Result<EchoReturn> {
    let [caller, callee] = telephone.desks();
    let breath = Duration::from_millis(200);
    let alone = voice(caller, 40, LEARN, breath)?;
    let one = voice(caller, 60, TALK, breath)?;
    let other = voice(callee, 90, TALK, Duration::from_millis(1200))?;

    let room = Room::open(callee)?;
    // The other's voice must be told from the echo: how late it comes.
    let ears = [Ear::at_microphone(caller)?, Ear::at_microphone(callee)?];
    let back = Ear::at_speaker(caller)?;
    let there = Ear::at_speaker(callee)?;
    caller.sound().say(alone.samples())?;
    let both = [one, other];
    speak_both([caller, callee], &both)?;
    let [one, other] = both;
    let [mouth, other_mouth] = ears.map(Ear::end);
    let (mouth, other_mouth, back, there) = (mouth?, other_mouth?, back.end()?, there.end()?);
    drop(room);
    for (name, heard) in [("echo-said", &mouth), ("echo-came", &back)] {
        // For whoever keeps the logs and wants to hear it.
        fs::write(caller.sound().folder().join(name), to_pcm(&heard.samples))?;
    }

    let way_there = arrival(&one, &mouth, &there).context("the callee heard nothing")?;
    let way_back = arrival(&other, &other_mouth, &back).context("the caller heard nothing")?;
    // The callee's microphone has both: where the callee talks is known from what was played.
    let other_begins = begins(&other, &other_mouth).context("the callee said nothing")?;
    let alone_begins = begins(&alone, &mouth).context("the caller said nothing")?;
    let both_begin = begins(&one, &mouth).context("the caller said nothing more")?;
    let round_ms = way_there.delay_ms + ROOM.as_secs_f64() * 1000.0 + way_back.delay_ms;
    let shift = |from: &Heard, ms: f64| {
        ((from.origin_ns - back.origin_ns) / 1e9 + ms / 1000.0) * RATE as f64 / FRAME as f64
    };
    let returned = Returned {
        sent: levels(&mouth.samples),
        came: levels(&back.samples),
        later: shift(&mouth, round_ms).round() as i64,
    };
    let first = |begins: usize| begins / FRAME;
    let all = |_: usize| true;
    let learn =
        first(alone_begins) + LEARNT * RATE / FRAME..first(alone_begins) + frames(LEARN - LAST);
    let (alone_db, _) = returned
        .in_frames(learn, all)
        .context("nobody talked alone")?;
    // Frames of the caller's ear in which the callee's voice is silent.
    let voice = levels(other.samples());
    let voice_at = other_begins as f64 / FRAME as f64 + shift(&other_mouth, way_back.delay_ms);
    let mean = mean_db(&voice);
    let is_still = |at: usize| {
        let at = at as i64 - voice_at.round() as i64;
        (at - STILL as i64..=at + STILL as i64 / 2).all(|at| {
            usize::try_from(at)
                .ok()
                .and_then(|at| voice.get(at))
                .is_none_or(|level| *level < mean + SILENT_DB)
        })
    };
    let talk = first(both_begin)..first(both_begin) + frames(TALK);
    let (both_db, count) = returned
        .in_frames(talk, is_still)
        .context("the callee made no pause while the caller talked")?;
    Ok(EchoReturn {
        alone_db,
        both_db,
        looked_at: (count * FRAME) as f64 / RATE as f64,
    })
}

fn frames(seconds: f64) -> usize {
    (seconds * RATE as f64) as usize / FRAME
}

/// Levels of what was sent and of what came back, frame by frame, in dB of full scale.
struct Returned {
    sent: Vec<f64>,
    came: Vec<f64>,
    /// So many frames later.
    later: i64,
}

impl Returned {
    /// The level of what came back against what was sent, over the frames in which something loud
    /// was sent and `may` allows to look at what came; and how many these were.
    fn in_frames(
        &self,
        sent: std::ops::Range<usize>,
        may: impl Fn(usize) -> bool,
    ) -> Option<(f64, usize)> {
        let range = self.sent.get(sent.clone())?;
        let loud = mean_db(range) + LOUD_DB;
        let (mut out, mut back, mut count) = (0.0, 0.0, 0);
        for (at, level) in sent.zip(range) {
            let Ok(came) = usize::try_from(at as i64 + self.later) else {
                continue;
            };
            if *level < loud || !may(came) {
                continue;
            }
            // The echo lies within a frame before or after.
            let around = self.came.get(came.saturating_sub(1)..=came + 1)?;
            out += power(*level);
            back += around.iter().map(|level| power(*level)).sum::<f64>() / 3.0;
            count += 1;
        }
        (count > 0).then(|| (10.0 * (back / out).max(1e-12).log10(), count))
    }
}

fn power(db: f64) -> f64 {
    10_f64.powf(db / 10.0)
}

/// The mean power of all frames.
fn mean_db(levels: &[f64]) -> f64 {
    let sum: f64 = levels.iter().map(|level| power(*level)).sum();
    10.0 * (sum / levels.len().max(1) as f64).max(1e-12).log10()
}

fn levels(samples: &[f32]) -> Vec<f64> {
    let level = |frame: &[f32]| {
        let sum: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        10.0 * (sum / frame.len() as f64).max(1e-12).log10()
    };
    samples.chunks_exact(FRAME).map(level).collect()
}

/// The way from a desk's speaker into its microphone, until it is dropped.
struct Room<'a> {
    desk: &'a Desk,
    module: String,
}

impl<'a> Room<'a> {
    fn open(desk: &'a Desk) -> Result<Self> {
        let latency = format!("latency_msec={}", ROOM.as_millis());
        let module = desk.sound().control(&[
            "load-module",
            "module-loopback",
            "source=speaker.monitor",
            "sink=feed",
            &latency,
            "adjust_time=0",
        ])?;
        let room = Self {
            desk,
            module: module.trim().to_owned(),
        };
        let inputs = desk.sound().control(&["list", "sink-inputs"])?;
        let input = input_of(&inputs, &room.module).context("the loop plays nothing")?;
        desk.sound()
            .control(&["set-sink-input-volume", input, ROOM_VOLUME])?;
        Ok(room)
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // With the sound card it goes, too.
        let _gone = self.desk.sound().control(&["unload-module", &self.module]);
    }
}

/// The number of the stream that belongs to a module, in what `pactl list sink-inputs` prints.
fn input_of<'a>(inputs: &'a str, module: &str) -> Option<&'a str> {
    let owner = format!("Owner Module: {module}");
    inputs
        .split("Sink Input #")
        .find(|one| one.lines().any(|line| line.trim() == owner))?
        .lines()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_of_a_known_level_is_found() {
        let tone = |at: usize| (at as f32 * 0.3).sin() * 0.5;
        let sent: Vec<f32> = (0..RATE).map(tone).collect();
        let mut came = vec![0.0; 10 * FRAME];
        came.extend(sent.iter().map(|sample| sample * 0.01));
        came.resize(came.len() + FRAME * 2, 0.0);
        let returned = Returned {
            sent: levels(&sent),
            came: levels(&came),
            later: 10,
        };
        let (db, count) = returned.in_frames(2..40, |_| true).unwrap();
        assert!((db + 40.0).abs() < 0.5, "{db}");
        assert_eq!(count, 38);
        assert_eq!(returned.in_frames(2..40, |_| false), None);
    }

    #[test]
    fn the_stream_of_a_module_is_found() {
        let text = "Sink Input #3\n\tOwner Module: 1\nSink Input #12\n\tOwner Module: 11\n";
        assert_eq!(input_of(text, "11"), Some("12"));
        assert_eq!(input_of(text, "2"), None);
    }
}
