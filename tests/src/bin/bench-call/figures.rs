//! What one round of one program found.

use std::time::Duration;

use crate::{
    ear::Arrival, echo::EchoReturn, load::Usage, options::Who, stages::Stages, telephone::Arrived,
    watch::Seen, wire::Way,
};

/// Longer than this without a new picture is a freeze.
const FREEZE: Duration = Duration::from_millis(200);

/// One call.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) who: Who,
    /// From the press on Accept to the callee's camera, which begins to take pictures then. Below 0
    /// it began without being asked.
    pub(crate) camera_on_ms: f64,
    /// The caller and the callee.
    pub(crate) sides: Vec<SideFigures>,
    /// Kilobits a second through the loopback interface, for one direction of the call.
    pub(crate) wire_kbps: f64,
    /// Sound, unless it was left out.
    pub(crate) sound: Option<SoundFigures>,
    /// The way of the caller's picture to the callee, and the other way round.
    pub(crate) ways: Measured<[Way; 2]>,
}

/// How sound arrived; what could not be measured says why.
#[derive(Debug)]
pub(crate) struct SoundFigures {
    /// The caller's voice at the callee, and the other way round.
    pub(crate) arrivals: [Measured<Arrival>; 2],
    /// PESQ (wideband) of both.
    pub(crate) pesq: [Measured<f64>; 2],
    /// What came back of the caller's voice.
    pub(crate) echo: Measured<EchoReturn>,
}

/// A figure, or why there is none.
pub(crate) type Measured<T> = Result<T, String>;

/// Sizes, each with milliseconds since the first picture.
pub(crate) type Growth = Vec<(f64, (u32, u32))>;

/// What one side saw, and used.
#[derive(Debug)]
pub(crate) struct SideFigures {
    /// From the press on Accept to the other's first picture on this side's screen.
    pub(crate) setup_ms: f64,
    /// Pictures on the screen in the window.
    pub(crate) pictures: Pictures,
    /// From the first picture to the first of 720 lines; `None`: it never came.
    pub(crate) to_720_ms: Option<f64>,
    /// Each size that arrived, with milliseconds since the first picture.
    pub(crate) sizes: Growth,
    /// The processor and memory.
    pub(crate) usage: Usage,
    /// What the program says of its steps, if it does.
    pub(crate) stages: Option<Stages>,
    /// Xvfb and PulseAudio, in percent of a core.
    pub(crate) around: (f64, f64),
}

/// Pictures on a screen during a window of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pictures {
    /// Age when they came, milliseconds: median and 95th percentile.
    pub(crate) latency_ms: (f64, f64),
    /// Different ones a second.
    pub(crate) fps: f64,
    /// How many times a minute none came for longer than 200 ms.
    pub(crate) freezes_a_minute: f64,
}

impl Pictures {
    /// From what was seen between two moments.
    pub(crate) fn between(seen: &[Seen], from_ns: u64, to_ns: u64) -> Self {
        let window: Vec<&Seen> = seen
            .iter()
            .filter(|seen| (from_ns..to_ns).contains(&seen.at_ns))
            .collect();
        let ages: Vec<f64> = window.iter().map(|seen| f64::from(seen.age_ms)).collect();
        let mut moments = vec![from_ns];
        moments.extend(window.iter().map(|seen| seen.at_ns));
        moments.push(to_ns);
        let freeze = FREEZE.as_nanos() as u64;
        let freezes = moments.windows(2).filter(|two| two[1] - two[0] > freeze);
        let seconds = (to_ns - from_ns).max(1) as f64 / 1e9;
        Self {
            latency_ms: (percentile(&ages, 50), percentile(&ages, 95)),
            fps: window.len() as f64 / seconds,
            freezes_a_minute: freezes.count() as f64 * 60.0 / seconds,
        }
    }
}

/// Milliseconds from the first size to the first of at least 720 lines, and all with their time.
pub(crate) fn growth(arrived: &[Arrived]) -> (Option<f64>, Growth) {
    let Some(first) = arrived.first() else {
        return (None, Vec::new());
    };
    let since = |one: &Arrived| one.at_ms.saturating_sub(first.at_ms) as f64;
    let full = arrived.iter().find(|one| one.size.1 >= 720);
    let all = arrived.iter().map(|one| (since(one), one.size)).collect();
    (full.map(since), all)
}

/// A percentile (nearest rank); NaN of nothing.
pub(crate) fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// The median; the mean of the middle two where there is no middle one, NaN of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan() && percentile(&[], 50).is_nan());
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 50), percentile(&values, 95)),
            (50.0, 95.0)
        );
    }

    #[test]
    fn gaps_at_the_edges_of_the_window_are_freezes_too() {
        let seen: Vec<Seen> = (10..20)
            .map(|n| Seen {
                at_ns: n * 33_000_000,
                age_ms: 50,
            })
            .collect();
        let found = Pictures::between(&seen, 0, 1_000_000_000);
        assert!((found.freezes_a_minute - 120.0).abs() < 0.1);
        assert_eq!(found.latency_ms, (50.0, 50.0));
        assert!((found.fps - 10.0).abs() < 0.01);
    }

    #[test]
    fn growth_counts_from_the_first_picture() {
        let arrived = |at_ms, height| Arrived {
            at_ms,
            size: (height * 16 / 9, height),
        };
        let (full, all) = growth(&[arrived(1000, 360), arrived(1700, 720), arrived(2000, 540)]);
        assert_eq!(full, Some(700.0));
        assert_eq!(all.len(), 3);
        assert_eq!(growth(&[arrived(5, 180)]).0, None);
        assert_eq!(growth(&[]).0, None);
    }
}
