//! Whether there is anything to take out of what the microphone hears.

use super::super::voice::Processing;

/// A speaker below this (RMS) is silent: its echo is weaker still (-60 dBFS).
const SILENT: f32 = 1e-3;
/// An echo may come back for this many frames of 10 ms after the speaker fell silent.
const ECHO_LASTS: u32 = 100;
/// The room's own noise, RMS, above which it is taken out (-58 dBFS) …
const NOISY: f32 = 1.26e-3;
/// … and below which it is left alone (-62 dBFS).
const QUIET: f32 = 0.8e-3;
/// The quietest frame of this many is taken for the room: a voice pauses within a second.
const WINDOW: u32 = 100;

/// Watches both sides, frame by frame of 10 ms.
#[derive(Debug)]
pub(super) struct Need {
    processing: Processing,
    /// Frames of the microphone since the speaker was loud.
    silent_for: u32,
    noise: Noise,
    /// Level of the room's own noise.
    room: Option<f32>,
    is_noisy: bool,
}

/// The quietest of the last one to two windows.
#[derive(Debug, Default)]
struct Noise {
    now: Option<f32>,
    before: Option<f32>,
    frames: u32,
}

impl Need {
    /// Until a room is known, it is taken for a noisy one.
    pub(super) fn new(processing: Processing) -> Self {
        Self {
            processing,
            silent_for: ECHO_LASTS,
            noise: Noise::default(),
            room: None,
            is_noisy: true,
        }
    }

    /// Learns 10 ms of the speaker.
    pub(super) fn hear_speaker(&mut self, frame: &[f32]) {
        if rms(frame) >= SILENT {
            self.silent_for = 0;
        }
    }

    /// Learns 10 ms of the microphone, and tells whether they are to be cleaned.
    pub(super) fn hear_microphone(&mut self, frame: &[f32]) -> bool {
        self.room = self.noise.next(rms(frame));
        if let Some(floor) = self.room {
            self.is_noisy = floor > if self.is_noisy { QUIET } else { NOISY };
        }
        let echoes = self.echoes();
        self.silent_for = self.silent_for.saturating_add(1);
        let noise = self.processing.noise_suppression && self.is_noisy;
        echoes || noise
    }

    /// Whether what the speaker played may be in what the microphone hears.
    pub(super) fn echoes(&self) -> bool {
        self.processing.echo_cancellation && self.silent_for < ECHO_LASTS
    }

    /// Level of the room's own noise, RMS, once it is known.
    pub(super) fn room(&self) -> Option<f32> {
        self.room
    }
}

impl Noise {
    /// The floor; `None` before the first window has ended.
    fn next(&mut self, level: f32) -> Option<f32> {
        self.now = Some(self.now.map_or(level, |now| now.min(level)));
        self.frames += 1;
        if self.frames == WINDOW {
            self.frames = 0;
            self.before = self.now.take();
        }
        let before = self.before?;
        Some(self.now.map_or(before, |now| now.min(before)))
    }
}

/// The level of some sound, 0..=1 of full scale.
pub(super) fn rms(frame: &[f32]) -> f32 {
    let power: f32 = frame.iter().map(|sample| sample * sample).sum();
    (power / frame.len().max(1) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Processing = Processing {
        echo_cancellation: true,
        noise_suppression: true,
        automatic_gain: true,
    };

    fn hear(need: &mut Need, microphone: f32, speaker: f32, frames: u32) -> bool {
        let mut needed = true;
        for _ in 0..frames {
            need.hear_speaker(&[speaker; 480]);
            needed = need.hear_microphone(&[microphone; 480]);
        }
        needed
    }

    #[test]
    fn a_quiet_room_needs_nothing_once_it_is_known() {
        let mut need = Need::new(ALL);
        assert!(hear(&mut need, 0.0, 0.0, 99));
        assert!(!hear(&mut need, 0.0, 0.0, 3));
    }

    #[test]
    fn a_speaker_needs_cleaning_at_once_and_for_a_second_after() {
        let mut need = Need::new(ALL);
        assert!(!hear(&mut need, 0.0, 0.0, 200));
        assert!(hear(&mut need, 0.0, 0.1, 1));
        assert!(hear(&mut need, 0.0, 0.0, 99));
        assert!(!hear(&mut need, 0.0, 0.0, 1));
    }

    #[test]
    fn noise_needs_cleaning_and_a_voice_with_pauses_does_not() {
        let mut need = Need::new(ALL);
        assert!(hear(&mut need, 3e-3, 0.0, 500));
        for _ in 0..20 {
            hear(&mut need, 0.2, 0.0, 40);
            hear(&mut need, 1e-4, 0.0, 5);
        }
        assert!(!hear(&mut need, 0.2, 0.0, 40));
    }

    #[test]
    fn a_room_between_the_two_bounds_stays_what_it_was() {
        let mut need = Need::new(ALL);
        assert!(hear(&mut need, 1e-3, 0.0, 500));
        assert!(!hear(&mut need, 1e-4, 0.0, 500));
        assert!(!hear(&mut need, 1e-3, 0.0, 500));
        assert!(hear(&mut need, 2e-3, 0.0, 500));
    }

    #[test]
    fn what_is_not_asked_for_is_not_needed() {
        let mut need = Need::new(Processing {
            echo_cancellation: false,
            noise_suppression: false,
            automatic_gain: true,
        });
        assert!(!hear(&mut need, 0.5, 0.5, 500));
    }
}
