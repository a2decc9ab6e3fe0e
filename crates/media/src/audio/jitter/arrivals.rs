//! How late packets come, and how long to wait for them.
//!
//! Every packet has a transit: its arrival on our clock minus its time on the sender's. The
//! smallest transit of the last seconds is the undisturbed path; what a packet took longer is its
//! delay. A histogram of delays with forgetting gives the wait that most packets meet.

use std::collections::VecDeque;
use std::time::Duration;

/// Width of a histogram bucket in samples (5 ms).
const BUCKET: i64 = 240;

/// Buckets, up to half a second. A wait for more would be no conversation.
const BUCKETS: usize = 100;

/// Share of packets that shall come in time.
const QUANTILE: f32 = 0.97;

/// What remains of a packet's weight after each further packet: some four seconds of memory.
const FORGETTING: f32 = 0.995;

/// The smallest transit is looked for in this many slots of half a second each.
const SLOTS: usize = 10;
const SLOT: i64 = 24_000;

/// For our own imprecision: threads wake late.
const MARGIN: i64 = 240;

#[derive(Debug)]
pub(super) struct Arrivals {
    least: i64,
    most: i64,
    weights: [f32; BUCKETS],
    seen: u32,
    /// Slot number and the smallest transit in it, oldest first.
    slots: VecDeque<(i64, i64)>,
    base: Option<i64>,
    /// Of base changes smaller than a bucket, not yet shifted.
    remainder: i64,
    target: i64,
}

impl Arrivals {
    pub(super) fn new(least: Duration, most: Duration, initial: Duration) -> Self {
        let samples = |time: Duration| (time.as_micros() as i64) * 48 / 1000;
        let (least, most) = (samples(least), samples(most).max(samples(least)));
        let initial = samples(initial).clamp(least, most);
        let mut weights = [0.0; BUCKETS];
        weights[bucket(initial - MARGIN - BUCKET)] = 1.0;
        Self {
            least,
            most,
            weights,
            seen: 0,
            slots: VecDeque::with_capacity(SLOTS + 1),
            base: None,
            remainder: 0,
            target: initial,
        }
    }

    /// Notes a packet of `time` that arrived at `clock`, both in samples. Returns by how much the
    /// undisturbed path became longer.
    pub(super) fn note(&mut self, time: i64, clock: i64) -> i64 {
        let transit = clock - time;
        let moved = self.follow_base(transit, clock);
        let delay = transit - self.base.unwrap_or(transit);
        // A stall beyond what can be waited for teaches nothing about the ordinary wait.
        if delay < BUCKET * BUCKETS as i64 {
            self.seen = self.seen.saturating_add(1);
            let keep = FORGETTING.min(1.0 - 1.0 / (self.seen as f32 + 2.0));
            for weight in &mut self.weights {
                *weight *= keep;
            }
            self.weights[bucket(delay)] += 1.0 - keep;
        }
        self.target = self.wait();
        moved
    }

    /// How long a sample shall wait, in samples.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// How long the sample of `time` has waited when it is played at `clock`.
    pub(super) fn delay(&self, time: i64, clock: i64) -> i64 {
        clock - time - self.base.unwrap_or(0)
    }

    /// The transit of the undisturbed path.
    pub(super) fn base(&self) -> Option<i64> {
        self.base
    }

    /// Starts on a new stream; what was learnt about the network stays.
    pub(super) fn forget_base(&mut self) {
        self.base = None;
        self.slots.clear();
        self.remainder = 0;
    }

    fn follow_base(&mut self, transit: i64, clock: i64) -> i64 {
        let slot = clock.div_euclid(SLOT);
        match self.slots.back_mut() {
            Some((last, least)) if *last >= slot => *least = transit.min(*least),
            Some(_) | None => self.slots.push_back((slot, transit)),
        }
        while self
            .slots
            .front()
            .is_some_and(|(oldest, _)| *oldest + SLOTS as i64 <= slot)
        {
            self.slots.pop_front();
        }
        let least = self.slots.iter().map(|(_, least)| *least).min();
        let base = least.unwrap_or(transit);
        let moved = self.base.map_or(0, |old| base - old);
        self.base = Some(base);
        if moved != 0 {
            self.shift(moved);
        }
        moved
    }

    /// Delays already noted become smaller by what the undisturbed path became longer.
    fn shift(&mut self, longer: i64) {
        self.remainder += longer;
        let steps = self.remainder / BUCKET;
        self.remainder -= steps * BUCKET;
        if steps == 0 {
            return;
        }
        let mut shifted = [0.0; BUCKETS];
        for (index, weight) in self.weights.iter().enumerate() {
            let to = (index as i64).saturating_sub(steps);
            shifted[to.clamp(0, BUCKETS as i64 - 1) as usize] += weight;
        }
        self.weights = shifted;
    }

    fn wait(&self) -> i64 {
        let total: f32 = self.weights.iter().sum();
        let mut sum = 0.0;
        let mut index = 0;
        for (at, weight) in self.weights.iter().enumerate() {
            sum += weight;
            index = at;
            if sum >= QUANTILE * total {
                break;
            }
        }
        ((index as i64 + 1) * BUCKET + MARGIN).clamp(self.least, self.most)
    }
}

fn bucket(delay: i64) -> usize {
    (delay / BUCKET).clamp(0, BUCKETS as i64 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals() -> Arrivals {
        let ms = Duration::from_millis;
        Arrivals::new(ms(20), ms(400), ms(40))
    }

    fn feed(arrivals: &mut Arrivals, packets: std::ops::Range<i64>, extra: impl Fn(i64) -> i64) {
        for n in packets {
            arrivals.note(n * 960, n * 960 + 5_000 + extra(n) * 48);
        }
    }

    #[test]
    fn a_quiet_network_needs_the_least() {
        let mut arrivals = arrivals();
        assert_eq!(arrivals.target(), 40 * 48);
        feed(&mut arrivals, 0..200, |_| 0);
        assert_eq!(arrivals.target(), 20 * 48);
    }

    #[test]
    fn the_wait_grows_with_jitter_and_shrinks_after() {
        let mut arrivals = arrivals();
        feed(&mut arrivals, 0..500, |n| n % 10 * 8);
        assert!(
            (75..=90).contains(&(arrivals.target() / 48)),
            "{}",
            arrivals.target() / 48
        );
        feed(&mut arrivals, 500..1500, |_| 0);
        assert_eq!(arrivals.target(), 20 * 48);
    }

    #[test]
    fn a_longer_path_is_not_jitter_for_long() {
        let mut arrivals = arrivals();
        feed(&mut arrivals, 0..500, |_| 0);
        feed(&mut arrivals, 500..1000, |_| 100);
        assert_eq!(arrivals.base(), Some(5_000 + 4_800));
        assert_eq!(arrivals.target(), 20 * 48);
    }

    #[test]
    fn a_stall_of_seconds_does_not_teach_to_wait_for_seconds() {
        let mut arrivals = arrivals();
        feed(&mut arrivals, 0..500, |_| 0);
        feed(&mut arrivals, 500..510, |_| 3_000);
        assert_eq!(arrivals.target(), 20 * 48);
    }
}
