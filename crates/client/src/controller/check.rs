//! The device check: preview, meters, the tone, and the six-second clip.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jasmin_media::{
    audio::{AudioDevice, Repeat},
    clip::CLIP_LENGTH,
};

use super::actor::{Actor, failure};
use crate::{
    CheckView, ClipView, Failure, FailureCode, LevelView, MicVerdict, PromptContext,
    clock::local_ms,
    gate::{Access, Microphone, Scope},
    studio::Recorded,
};

/// Devices are looked for this often while somebody looks at them.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The clip's countdown moves this often.
const CLIP_TICK: Duration = Duration::from_millis(500);
/// From this peak on a voice is heard; from the second on it is too loud.
const HEARD: f32 = 0.05;
const LOUD: f32 = 0.98;

/// The device check, while it is open.
#[derive(Debug)]
pub(super) struct Check {
    peak: f32,
    heard: bool,
    verdict: MicVerdict,
    pub(super) tone: Option<jasmin_media::audio::OutOfBandId>,
    clip: ClipView,
    /// When the clip's recording or playing ends.
    clip_until: Option<Instant>,
    others: BTreeMap<String, f32>,
    look_again: Instant,
}

impl Check {
    /// What a microphone that is not the chosen one hears.
    pub(super) fn note_other(&mut self, id: String, peak: f32) {
        self.others.insert(id, peak);
    }
}

impl Actor {
    pub(super) fn level(&mut self, peak: f32) {
        let Some(check) = &mut self.check else { return };
        check.peak = peak;
        check.heard |= peak > HEARD;
        check.verdict = match (check.heard, peak) {
            (_, peak) if peak > LOUD => MicVerdict::Loud,
            (true, peak) if peak > HEARD / 5.0 => MicVerdict::Heard,
            (true, _) => MicVerdict::Quiet,
            (false, _) => MicVerdict::Listening,
        };
    }

    pub(super) fn start_check(&mut self) -> Result<(), Failure> {
        if self.own.scope.is_some() || !self.calls.is_empty() {
            return Err(failure(
                FailureCode::NotNow,
                "a call or check uses the devices",
            ));
        }
        self.check = Some(Check {
            peak: 0.0,
            heard: false,
            verdict: MicVerdict::Listening,
            tone: None,
            clip: ClipView::None,
            clip_until: None,
            others: BTreeMap::new(),
            look_again: Instant::now() + LOOK_AGAIN,
        });
        self.use_devices(Scope::Check, &PromptContext::Check, true, true, true);
        Ok(())
    }

    pub(super) fn stop_check(&mut self) -> Result<(), Failure> {
        if self.check.take().is_some() {
            self.screens.show_clip(None);
            self.release_devices(Scope::Check);
        }
        Ok(())
    }

    pub(super) fn check_timeout(&self) -> Option<Instant> {
        let check = self.check.as_ref()?;
        let tick = check
            .clip_until
            .map(|until| until.min(Instant::now() + CLIP_TICK));
        [Some(check.look_again), tick].into_iter().flatten().min()
    }

    pub(super) fn check_passes_time(&mut self, now: Instant) {
        let Some(check) = &mut self.check else { return };
        let looks = check.look_again <= now;
        if looks {
            check.look_again = now + LOOK_AGAIN;
        }
        if let Some(until) = check.clip_until {
            let left = until.saturating_duration_since(now).as_secs_f64().ceil();
            match &mut check.clip {
                ClipView::Recording { seconds_left } => *seconds_left = left,
                ClipView::Playing { .. } if until <= now => {
                    check.clip = ClipView::None;
                    check.clip_until = None;
                    self.screens.show_clip(None);
                }
                ClipView::Playing { seconds_left } => *seconds_left = left,
                ClipView::None | ClipView::Failed { .. } => check.clip_until = None,
            }
        }
        if looks {
            self.refresh_devices();
        }
    }

    pub(super) fn record_clip(&mut self) -> Result<(), Failure> {
        let Some(check) = &mut self.check else {
            return Err(failure(FailureCode::NotNow, "the device check is not open"));
        };
        if check.clip_until.is_some() {
            return Err(failure(FailureCode::NotNow, "the clip is being made"));
        }
        if !self.own.sends_sound() && !self.own.sends_picture() {
            return Err(failure(
                FailureCode::NotNow,
                "neither camera nor microphone is open",
            ));
        }
        self.studio.record_clip().map_err(|error| {
            failure(
                FailureCode::Internal,
                &format!("the clip cannot be recorded: {error}"),
            )
        })?;
        check.clip_until = Some(Instant::now() + CLIP_LENGTH);
        check.clip = ClipView::Recording {
            seconds_left: CLIP_LENGTH.as_secs_f64(),
        };
        Ok(())
    }

    pub(super) fn clip_recorded(&mut self, recorded: Result<Recorded, String>) {
        let Some(check) = &mut self.check else { return };
        match recorded {
            Ok(Recorded { clip, sound }) => {
                let now = Instant::now();
                if let Ok(voice) = self.studio.voice() {
                    voice.play_out_of_band(sound, Repeat::Once);
                }
                check.clip_until = Some(now + clip.length());
                check.clip = ClipView::Playing {
                    seconds_left: clip.length().as_secs_f64().ceil(),
                };
                self.screens.show_clip(Some(clip.play(now)));
            }
            Err(detail) => {
                check.clip_until = None;
                check.clip = ClipView::Failed { detail };
            }
        }
    }

    /// Measures the other microphones, too, while the check is open and the microphone is allowed.
    pub(super) fn measure_microphones(&mut self) {
        if self.check.is_none() || !self.studio.microphone_is_open() {
            return;
        }
        let used = self
            .choices
            .microphone
            .clone()
            .or_else(|| self.lists.default_microphone());
        let others: Vec<String> = self
            .lists
            .microphones
            .iter()
            .map(|device| device.id.clone())
            .filter(|id| Some(id) != used.as_ref())
            .collect();
        let gate = &mut self.gate;
        self.studio.measure(&others, || {
            match gate.request::<Microphone>(Scope::Check, false, local_ms()) {
                Access::Granted(grant) => Some(grant),
                Access::Ask | Access::Refused => None,
            }
        });
    }

    pub(super) fn check_view(&self) -> Option<CheckView> {
        let check = self.check.as_ref()?;
        let id = self
            .choices
            .microphone
            .clone()
            .or_else(|| self.lists.default_microphone());
        Some(CheckView {
            camera: self.own.camera.clone(),
            microphone: self.own.microphone_view(),
            levels: self.levels(check, id.as_deref()),
            verdict: check.verdict,
            tone_playing: check.tone.is_some(),
            clip: check.clip.clone(),
        })
    }

    fn levels(&self, check: &Check, used: Option<&str>) -> Vec<LevelView> {
        let level = |device: &AudioDevice| {
            let other = check.others.get(&device.id).copied().unwrap_or_default();
            let peak = if Some(device.id.as_str()) == used {
                check.peak
            } else {
                other
            };
            LevelView {
                id: device.id.clone(),
                peak: f64::from(peak),
            }
        };
        self.lists.microphones.iter().map(level).collect()
    }
}
