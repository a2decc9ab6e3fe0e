//! Sounds that the app itself makes: the ring and the test tone.

use jasmin_media::audio::{Repeat, tones};

use super::actor::{Actor, failure};
use crate::{Failure, FailureCode};

impl Actor {
    pub(super) fn start_ring(&mut self) {
        if self.ring.is_some() || self.studio.captures_nothing() {
            return;
        }
        match self.studio.voice() {
            Ok(voice) => {
                self.ring = Some(voice.play_out_of_band(tones::ringing(), Repeat::UntilStopped));
            }
            Err(error) => tracing::warn!(%error, "the ring cannot be heard"),
        }
    }

    pub(super) fn stop_ring(&mut self) {
        if let (Some(id), Ok(voice)) = (self.ring.take(), self.studio.voice()) {
            voice.stop_out_of_band(id);
        }
    }

    pub(super) fn play_tone(&mut self) -> Result<(), Failure> {
        if self.check.is_none() {
            return Err(failure(FailureCode::NotNow, "the device check is not open"));
        }
        let voice = self.studio.voice().map_err(|error| {
            failure(
                FailureCode::Internal,
                &format!("sound cannot be set up: {error}"),
            )
        })?;
        let id = voice.play_out_of_band(tones::speaker_test(), Repeat::Once);
        if let Some(check) = &mut self.check {
            check.tone = Some(id);
        }
        Ok(())
    }
}
