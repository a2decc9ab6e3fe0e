//! Sound beside the call's: ringing, the test tone, a clip.

use std::sync::Arc;

use super::FRAME;
use super::voice::{OutOfBandId, Repeat};

/// More at once would be noise; the oldest gives way.
const MOST: usize = 8;

#[derive(Debug)]
struct Track {
    id: OutOfBandId,
    samples: Arc<[f32]>,
    at: usize,
    repeat: Repeat,
}

#[derive(Debug, Default)]
pub(super) struct Mixer {
    tracks: Vec<Track>,
}

impl Mixer {
    pub(super) fn play(&mut self, id: OutOfBandId, samples: Arc<[f32]>, repeat: Repeat) {
        if self.tracks.len() == MOST {
            self.tracks.remove(0);
        }
        self.tracks.push(Track {
            id,
            samples,
            at: 0,
            repeat,
        });
    }

    pub(super) fn stop(&mut self, id: OutOfBandId) {
        self.tracks.retain(|track| track.id != id);
    }

    pub(super) fn is_silent(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Adds 10 ms to `out` and calls `ended` for what has come to its end.
    pub(super) fn mix(&mut self, out: &mut [f32; FRAME], mut ended: impl FnMut(OutOfBandId)) {
        if self.tracks.is_empty() {
            return;
        }
        self.tracks.retain_mut(|track| {
            let goes_on = track.add(out);
            if !goes_on {
                ended(track.id);
            }
            goes_on
        });
        for sample in out {
            *sample = sample.clamp(-1.0, 1.0);
        }
    }
}

impl Track {
    fn add(&mut self, out: &mut [f32; FRAME]) -> bool {
        if self.samples.is_empty() {
            return false;
        }
        for sample in out {
            if self.at == self.samples.len() {
                match self.repeat {
                    Repeat::Once => return false,
                    Repeat::UntilStopped => self.at = 0,
                }
            }
            *sample += self.samples[self.at];
            self.at += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(mixer: &mut Mixer) -> ([f32; FRAME], Vec<OutOfBandId>) {
        let mut out = [0.25; FRAME];
        let mut ended = Vec::new();
        mixer.mix(&mut out, |id| ended.push(id));
        (out, ended)
    }

    #[test]
    fn once_ends_and_repeated_goes_on_until_stopped() {
        let mut mixer = Mixer::default();
        let (once, again) = (OutOfBandId(1), OutOfBandId(2));
        mixer.play(once, vec![0.1; 500].into(), Repeat::Once);
        mixer.play(again, vec![0.2; 300].into(), Repeat::UntilStopped);
        let (out, ended) = mixed(&mut mixer);
        assert!(out.iter().all(|sample| (sample - 0.55).abs() < 1e-6));
        assert!(ended.is_empty());
        let (out, ended) = mixed(&mut mixer);
        assert!((out[19] - 0.55).abs() < 1e-6 && (out[20] - 0.45).abs() < 1e-6);
        assert_eq!(ended, [once]);
        mixer.stop(again);
        assert!(mixer.is_silent());
        assert_eq!(mixed(&mut mixer).0, [0.25; FRAME]);
    }

    #[test]
    fn loud_sums_are_clamped_and_empty_sound_ends() {
        let mut mixer = Mixer::default();
        mixer.play(OutOfBandId(1), vec![0.9; 480].into(), Repeat::Once);
        mixer.play(OutOfBandId(2), Vec::new().into(), Repeat::UntilStopped);
        let (out, ended) = mixed(&mut mixer);
        assert_eq!(out, [1.0; FRAME]);
        assert_eq!(ended, [OutOfBandId(2)]);
    }

    #[test]
    fn there_are_never_more_than_a_few() {
        let mut mixer = Mixer::default();
        for id in 0..100 {
            mixer.play(OutOfBandId(id), vec![0.0; 10].into(), Repeat::UntilStopped);
        }
        assert_eq!(mixer.tracks.len(), MOST);
    }
}
