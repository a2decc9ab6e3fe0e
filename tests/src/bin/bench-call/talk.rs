//! A conversation in the measured window: first the caller speaks, then the callee. What one
//! microphone is told is looked for in what the other's speaker plays.

use std::{thread, time::Duration};

use anyhow::Result;
use jasmin_tests::{Desk, Speech};

use crate::{
    ear::{Arrival, Ear, Heard, arrival},
    echo,
    figures::{Measured, SoundFigures},
    measure::both,
    pesq::Pesq,
    say,
    telephone::Telephone,
};

/// Silence after each speaker, in which the last of it arrives.
const AFTER: Duration = Duration::from_millis(1_500);
/// Gain control and noise suppression get to know both voices before the window.
const LEARN: f64 = 6.0;
/// A voice before a microphone as most are set: half of what [`Speech`] has by itself.
pub(crate) const VOLUME: f32 = 0.5;

/// A voice; each `first` sentence begins other words.
pub(crate) fn voice(desk: &Desk, first: usize, seconds: f64, pause: Duration) -> Result<Speech> {
    let speech = Speech::recorded_from(desk.sound().folder(), first, seconds, pause)?;
    Ok(speech.at_volume(VOLUME))
}

/// Both speak at once.
pub(crate) fn speak_both(desks: [&Desk; 2], speech: &[Speech; 2]) -> Result<()> {
    let say = |side: usize| desks[side].sound().say(speech[side].samples());
    thread::scope(|scope| {
        let other = scope.spawn(|| say(1));
        say(0)?;
        other
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Ears at both microphones and both speakers, and what is going to be said.
pub(crate) struct Talk {
    speech: [Speech; 2],
    mouths: [Ear; 2],
    ears: [Ear; 2],
}

impl Talk {
    /// Both speak until the processing of sound knows them, and listening begins. Afterwards they
    /// speak for as long as the window lasts.
    pub(crate) fn listen(telephone: &dyn Telephone, window: Duration) -> Result<Self> {
        let desks = telephone.desks();
        let breath = Duration::from_millis(200);
        let learn = both(|side| voice(desks[side], 100 + 20 * side, LEARN, breath))?;
        speak_both(desks, &learn)?;
        let seconds = (window / 2).saturating_sub(AFTER).as_secs_f64().max(1.0);
        let speech = both(|side| voice(desks[side], 10 + 15 * side, seconds, breath))?;
        Ok(Self {
            speech,
            mouths: both(|side| Ear::at_microphone(desks[side]))?,
            ears: both(|side| Ear::at_speaker(desks[side]))?,
        })
    }

    /// One after the other.
    pub(crate) fn speak(&self, telephone: &dyn Telephone) -> Result<()> {
        both(|side| {
            telephone.desks()[side]
                .sound()
                .say(self.speech[side].samples())?;
            thread::sleep(AFTER);
            Ok(())
        })
        .map(drop)
    }

    /// Ends listening and tells how the speech arrived; then tries the echo.
    pub(crate) fn end(
        self,
        telephone: &dyn Telephone,
        pesq: &Measured<Pesq>,
    ) -> Result<SoundFigures> {
        let [mouth, other_mouth] = self.mouths.map(Ear::end);
        let [ear, other_ear] = self.ears.map(Ear::end);
        let mouths = [mouth?, other_mouth?];
        let ears = [ear?, other_ear?];
        let find = |side: usize| {
            arrival(&self.speech[side], &mouths[side], &ears[1 - side])
                .ok_or_else(|| "what was said was not heard".to_owned())
        };
        let arrivals = [find(0), find(1)];
        let judge = |side: usize| {
            let arrival = arrivals[side].as_ref().map_err(Clone::clone)?;
            let desk = telephone.desks()[1 - side];
            judged(pesq, &self.speech[side], &ears[1 - side], arrival, desk)
        };
        let pesq = [judge(0), judge(1)];
        say("  echo");
        Ok(SoundFigures {
            arrivals,
            pesq,
            echo: echo::measure(telephone).map_err(|error| format!("{error:#}")),
        })
    }
}

fn judged(
    pesq: &Measured<Pesq>,
    speech: &Speech,
    heard: &Heard,
    arrival: &Arrival,
    desk: &Desk,
) -> Measured<f64> {
    let pesq = pesq.as_ref().map_err(Clone::clone)?;
    pesq.judge(speech, heard, arrival, desk.sound().folder())
        .map_err(|error| format!("{error:#}"))
}
