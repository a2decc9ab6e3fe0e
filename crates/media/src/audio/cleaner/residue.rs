//! What the canceller leaves of an echo is taken down further where nobody speaks on this side.

/// Cleaned sound above this share of what was heard has a voice in it (-18 dB).
const VOICE: f32 = 0.126;
/// Below it, each dB that the canceller took away takes away two more.
const STEEPNESS: i32 = 2;
/// No more than this is taken away (-34 dB).
const LEAST: f32 = 0.02;
/// The share of the way to a lower gain that is gone each 10 ms; up it goes at once.
const CLOSING: f32 = 0.4;

/// An expander, frame by frame of 10 ms: a canceller that is unsure, as after both sides talked at
/// once, leaves an echo of 30 dB and more below itself, which is heard in every pause.
#[derive(Debug)]
pub(super) struct Residue {
    gain: f32,
}

impl Residue {
    pub(super) fn new() -> Self {
        Self { gain: 1.0 }
    }

    /// The gain at the beginning and at the end of the next frame. `heard` and `cleaned` are its
    /// levels before and behind the canceller; `room` is the level of the room's own noise, which
    /// stays.
    pub(super) fn next(
        &mut self,
        echoes: bool,
        heard: f32,
        cleaned: f32,
        room: Option<f32>,
    ) -> (f32, f32) {
        let from = self.gain;
        let wanted = if echoes && cleaned < heard * VOICE {
            let least = room.map_or(LEAST, |room| (room / cleaned).clamp(LEAST, 1.0));
            (cleaned / (heard * VOICE)).powi(STEEPNESS).max(least)
        } else {
            1.0
        };
        self.gain = if wanted < from {
            from + (wanted - from) * CLOSING
        } else {
            wanted
        };
        (from, self.gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(echoes: bool, heard: f32, cleaned: f32, room: Option<f32>) -> f32 {
        let mut residue = Residue::new();
        for _ in 0..50 {
            residue.next(echoes, heard, cleaned, room);
        }
        residue.gain
    }

    #[test]
    fn a_voice_passes_as_it_is() {
        assert_eq!(settled(true, 0.1, 0.02, None), 1.0);
        assert_eq!(settled(false, 0.1, 0.001, None), 1.0);
    }

    #[test]
    fn what_the_canceller_left_goes_down_the_more_the_surer_it_was() {
        let unsure = settled(true, 0.1, 0.01, None);
        let sure = settled(true, 0.1, 0.003, None);
        assert!(0.5 < unsure && unsure < 0.7, "{unsure}");
        assert!(0.05 < sure && sure < 0.06, "{sure}");
        assert!(settled(true, 0.1, 1e-5, None) >= LEAST);
    }

    #[test]
    fn the_rooms_noise_stays() {
        let gain = settled(true, 0.1, 0.002, Some(0.001));
        assert!((gain - 0.5).abs() < 0.01, "{gain}");
        assert_eq!(settled(true, 0.1, 0.001, Some(0.002)), 1.0);
    }

    #[test]
    fn silence_is_no_echo_and_no_number_breaks_it() {
        assert_eq!(settled(true, 0.0, 0.0, None), 1.0);
        assert!(settled(true, 0.1, 0.0, Some(0.0)).is_finite());
        assert!(settled(true, 0.1, 0.0, Some(0.001)).is_finite());
    }

    #[test]
    fn it_closes_within_five_frames_and_opens_with_the_next() {
        let mut residue = Residue::new();
        for _ in 0..5 {
            residue.next(true, 0.1, 0.001, None);
        }
        assert!(residue.gain < 0.12, "{}", residue.gain);
        assert_eq!(residue.next(true, 0.1, 0.05, None).1, 1.0);
    }
}
