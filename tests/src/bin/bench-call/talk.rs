//! A conversation in the measured window: first the caller speaks, then the callee. What one
//! microphone is told is looked for in what the other's speaker plays.

use std::time::Duration;

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

/// Ears at both microphones and both speakers, and what is going to be said.
pub(crate) struct Talk {
    speech: [Speech; 2],
    mouths: [Ear; 2],
    ears: [Ear; 2],
}

impl Talk {
    /// Begins to listen. Both together speak for as long as the window lasts.
    pub(crate) fn listen(telephone: &dyn Telephone, window: Duration) -> Result<Self> {
        let desks = telephone.desks();
        let folder = desks[0].sound().folder();
        let seconds = (window / 2).saturating_sub(AFTER).as_secs_f64().max(1.0);
        let breath = Duration::from_millis(200);
        let speech = both(|side| Speech::recorded_from(folder, 10 + 15 * side, seconds, breath))?;
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
            std::thread::sleep(AFTER);
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
