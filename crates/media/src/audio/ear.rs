//! What can be noticed about a microphone without understanding a word: loudness, voice,
//! silence, clipping, and speaking while muted. Counts frames of 10 ms and reads no clock.

use super::FRAME;
use super::voice::VoiceEvent;

/// Frames between two levels: fourteen a second.
const LEVEL_EVERY: u32 = 7;

/// Below this (−80 dBFS) no microphone in a room stays for long, unless it is switched off.
const DEAD: f32 = 0.000_1;
const DEAD_FOR: u32 = 500;

/// Samples at the rail within a second that can be heard.
const RAIL: f32 = 0.99;
const RAILED: u32 = 50;

/// Frames of voice within a second that are speaking, not a cough.
const SPOKEN: u32 = 40;

/// Frames before the same remark is made again.
const REMARK_EVERY: u32 = 1_000;

/// Voice stands out of the room by so many dB, and is never quieter than that many dBFS.
const STANDS_OUT: f32 = 10.0;
const FAINTEST: f32 = -50.0;

/// Voice lasts this long after its last loud frame: words have gaps.
const HANG: u32 = 20;

#[derive(Debug)]
pub(super) struct Ear {
    frames: u32,
    peak: f32,
    dead: u32,
    railed: u32,
    spoken: u32,
    hang: u32,
    /// The loudness of the room, dBFS, once anything was heard.
    room: Option<f32>,
    clipping_told: Option<u32>,
    speaking_told: Option<u32>,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self {
            frames: 0,
            peak: 0.0,
            dead: 0,
            railed: 0,
            spoken: 0,
            hang: 0,
            room: None,
            clipping_told: None,
            speaking_told: None,
        }
    }

    /// Hears 10 ms, as they came from the microphone and after cleaning. Returns whether somebody
    /// seems to speak.
    pub(super) fn hear(
        &mut self,
        raw: &[f32; FRAME],
        clean: &[f32; FRAME],
        muted: bool,
        mut tell: impl FnMut(VoiceEvent),
    ) -> bool {
        self.frames = self.frames.wrapping_add(1);
        let peak = peak(raw);
        self.peak = self.peak.max(peak);
        if self.frames.is_multiple_of(LEVEL_EVERY) {
            tell(VoiceEvent::Level(self.peak));
            self.peak = 0.0;
        }
        self.dead = if peak < DEAD { self.dead + 1 } else { 0 };
        if self.dead == DEAD_FOR {
            tell(VoiceEvent::SilentMicrophone);
        }
        let voice = self.is_voice(clean);
        if self.frames.is_multiple_of(100) {
            self.railed = 0;
            self.spoken = 0;
        }
        self.railed += raw.iter().filter(|sample| sample.abs() >= RAIL).count() as u32;
        if self.railed >= RAILED && self.is_due(self.clipping_told) {
            self.clipping_told = Some(self.frames);
            tell(VoiceEvent::Clipping);
        }
        self.spoken = if muted {
            self.spoken + u32::from(voice)
        } else {
            0
        };
        if self.spoken >= SPOKEN && self.is_due(self.speaking_told) {
            self.speaking_told = Some(self.frames);
            tell(VoiceEvent::SpeakingWhileMuted);
        }
        voice
    }

    fn is_due(&self, told: Option<u32>) -> bool {
        told.is_none_or(|told| self.frames.wrapping_sub(told) >= REMARK_EVERY)
    }

    fn is_voice(&mut self, frame: &[f32]) -> bool {
        let loudness = loudness(frame);
        let known = self.room.unwrap_or(loudness);
        // Down with every pause between words, up by two decibels a second.
        let room = if loudness < known {
            known + (loudness - known) * 0.2
        } else {
            known + 0.02
        };
        self.room = Some(room.clamp(-90.0, -30.0));
        if loudness > room + STANDS_OUT && loudness > FAINTEST {
            self.hang = HANG;
        } else {
            self.hang = self.hang.saturating_sub(1);
        }
        self.hang > 0
    }
}

pub(super) fn peak(sound: &[f32]) -> f32 {
    let peak = sound
        .iter()
        .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    peak.min(1.0)
}

/// Root mean square in dBFS, −127 at least.
pub(super) fn loudness(sound: &[f32]) -> f32 {
    let energy: f32 = sound.iter().map(|sample| sample * sample).sum();
    let mean = energy / sound.len().max(1) as f32;
    (10.0 * mean.log10()).clamp(-127.0, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::synthetic;

    fn listen(ear: &mut Ear, sound: &[f32], muted: bool) -> Vec<VoiceEvent> {
        let mut events = Vec::new();
        for frame in sound.chunks_exact(FRAME) {
            let frame: &[f32; FRAME] = frame.try_into().unwrap();
            ear.hear(frame, frame, muted, |event| events.push(event));
        }
        events
    }

    fn count(events: &[VoiceEvent], wanted: &VoiceEvent) -> usize {
        events.iter().filter(|event| *event == wanted).count()
    }

    #[test]
    fn speaking_is_noticed_only_when_muted_and_not_all_the_time() {
        let speech = synthetic::murmur(48_000 * 15);
        let wanted = VoiceEvent::SpeakingWhileMuted;
        let mut ear = Ear::new();
        assert_eq!(count(&listen(&mut ear, &speech, false), &wanted), 0);
        assert_eq!(count(&listen(&mut ear, &speech, true), &wanted), 2);
    }

    #[test]
    fn steady_noise_is_no_voice() {
        let mut seed = 1_u32;
        let noise: Vec<f32> = (0..48_000 * 10)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed as f32 / u32::MAX as f32 - 0.5) * 0.02
            })
            .collect();
        let events = listen(&mut Ear::new(), &noise, true);
        assert_eq!(count(&events, &VoiceEvent::SpeakingWhileMuted), 0);
    }

    #[test]
    fn levels_come_fourteen_times_a_second() {
        let mut tone = vec![0.0; 48_000];
        tone[24_000] = -0.7;
        let levels: Vec<f32> = listen(&mut Ear::new(), &tone, false)
            .into_iter()
            .filter_map(|event| {
                let VoiceEvent::Level(level) = event else {
                    return None;
                };
                Some(level)
            })
            .collect();
        assert_eq!(levels.len(), 14);
        assert_eq!(levels.iter().filter(|level| **level == 0.7).count(), 1);
    }

    #[test]
    fn a_dead_microphone_is_told_once_until_it_lives() {
        let silence = vec![0.0; 48_000 * 12];
        let mut ear = Ear::new();
        let wanted = VoiceEvent::SilentMicrophone;
        assert_eq!(count(&listen(&mut ear, &silence, false), &wanted), 1);
        listen(&mut ear, &[0.1; FRAME], false);
        assert_eq!(count(&listen(&mut ear, &silence, false), &wanted), 1);
    }

    #[test]
    fn clipping_is_told_with_long_pauses() {
        let loud: Vec<f32> = synthetic::murmur(48_000 * 15)
            .iter()
            .map(|sample| (sample * 10.0).clamp(-1.0, 1.0))
            .collect();
        let events = listen(&mut Ear::new(), &loud, false);
        assert_eq!(count(&events, &VoiceEvent::Clipping), 2);
    }
}
