//! The audio jitter buffer: packets in as the network brings them, 10 ms of sound out whenever
//! the speaker asks.
//!
//! It aims at a delay that lets 97 % of packets arrive in time ([`Arrivals`]) and reaches it by
//! shortening and lengthening the sound. What is lost comes from the next packet's forward error
//! correction, or is made up for a tenth of a second and then fades. Nothing here reads a clock.

mod arrivals;
mod queue;
mod stretch;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use self::arrivals::Arrivals;
use self::queue::{Inserted, Queue, Waiting};
use super::decoder::{CONCEAL_STEP, Decode, LONGEST_PACKET};
use super::{FRAME, PACKET, SAMPLE_RATE};

/// Made-up sound stays at full loudness this long, then fades (100 ms, 100 ms).
const CONCEAL_FULL: usize = 4_800;
const CONCEAL_FADE: usize = 4_800;

/// Nothing for this long (600 ms) means that the sender has stopped: DTX refreshes every 400 ms.
const STOPPED: usize = 28_800;

/// Sound comes back over 5 ms.
const FADE_IN: usize = 240;

/// More delay than this over the target (200 ms) is cut at once, not worn away.
const TOO_LATE: i64 = 9_600;

/// Delay above and below the target that is left alone (5 ms, 8 ms).
const SLACK_ABOVE: i64 = 240;
const SLACK_BELOW: i64 = 384;

/// An excess (60 ms) that is worn away faster, less gently.
const HURRY: i64 = 2_880;

/// Sound between two cuts (60 ms; 20 ms in a hurry).
const BETWEEN_CUTS: usize = 2_880;
const BETWEEN_HURRIED_CUTS: usize = 960;

/// Delays looked back at: the least of 400 ms counts, since speakers ask in bursts.
const LOOK_BACK: usize = 40;

/// A sender's clock that jumps this much (10 s) against ours has been restarted.
const RESTART: i64 = 480_000;

/// No Opus packet is longer.
const LARGEST: usize = 1_275 * 6;

/// A DTX packet is nothing but its table of contents (RFC 7587, 3.1.3).
const DTX: usize = 2;

/// Bounds of the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JitterConfig {
    /// Never aims below.
    pub least: Duration,
    /// Never aims above.
    pub most: Duration,
    /// Aims at before the network is known.
    pub initial: Duration,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self {
            least: Duration::from_millis(20),
            most: Duration::from_millis(400),
            initial: Duration::from_millis(30),
        }
    }
}

/// Counters from the start, and the delays of now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterStats {
    /// Aimed at.
    pub target: Duration,
    /// Added at the moment, over the undisturbed path.
    pub delay: Duration,
    /// Packets offered.
    pub received: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that were no Opus, or of no possible time.
    pub corrupt: u64,
    /// Samples given out while a sender was heard.
    pub played: u64,
    /// Samples made up.
    pub concealed: u64,
    /// Samples from forward error correction.
    pub recovered: u64,
    /// Samples taken out to catch up.
    pub accelerated: u64,
    /// Samples put in to wait.
    pub decelerated: u64,
    /// Samples skipped because a stall ended.
    pub skipped: u64,
}

/// What [`JitterBuffer::get_10ms`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// Nobody sends, or not for long enough yet; silence.
    Nothing,
    /// Sound, or what stands for it.
    Sound {
        /// RTP time of the first sample.
        rtp_time: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody sends, or the first packets wait for their time.
    Idle,
    /// The sample at this time is decoded next.
    Playing { next: i64 },
}

/// See the module.
pub struct JitterBuffer<D> {
    decoder: D,
    queue: Queue,
    arrivals: Arrivals,
    state: State,
    /// Decoded and not yet given out.
    pending: VecDeque<f32>,
    /// Times are samples since the first packet's arrival.
    epoch: Option<Instant>,
    /// The newest time, to which 32-bit times are relative.
    newest: i64,
    /// A packet of another age: the next one tells whether the sender restarted or it was junk.
    stray: Option<i64>,
    frame: usize,
    dtx: bool,
    /// Made-up samples in a row.
    concealing: usize,
    /// Samples for which nothing has come at all.
    waiting: usize,
    fade_in: usize,
    delays: VecDeque<i64>,
    since_cut: usize,
    refused_cuts: u8,
    room: Box<[f32]>,
    stats: JitterStats,
}

impl<D: Decode> JitterBuffer<D> {
    /// An empty buffer.
    pub fn new(decoder: D, config: JitterConfig) -> Self {
        Self {
            decoder,
            queue: Queue::default(),
            arrivals: Arrivals::new(config.least, config.most, config.initial),
            state: State::Idle,
            pending: VecDeque::with_capacity(2 * LONGEST_PACKET),
            epoch: None,
            newest: 0,
            stray: None,
            frame: PACKET,
            dtx: false,
            concealing: 0,
            waiting: 0,
            fade_in: 0,
            delays: VecDeque::with_capacity(LOOK_BACK),
            since_cut: 0,
            refused_cuts: 0,
            room: vec![0.0; LONGEST_PACKET].into_boxed_slice(),
            stats: JitterStats::default(),
        }
    }

    /// Takes a packet, in any order and of any content.
    pub fn insert(&mut self, rtp_time: u32, data: Vec<u8>, arrived: Instant) {
        self.stats.received += 1;
        let Some(samples) = self.samples(&data) else {
            self.stats.corrupt += 1;
            return;
        };
        let clock = self.clock(arrived);
        if self.arrivals.base().is_none() {
            self.newest = i64::from(rtp_time);
        }
        let mut time = self.extend(rtp_time);
        if let Some(base) = self.arrivals.base()
            && (clock - time - base).abs() > RESTART
        {
            let transit = clock - time;
            let confirmed =
                (self.stray).is_some_and(|other| (transit - other).abs() < RESTART / 10);
            if !confirmed {
                self.stray = Some(transit);
                self.stats.corrupt += 1;
                return;
            }
            self.restart();
            self.newest = i64::from(rtp_time);
            time = self.newest;
        }
        self.stray = None;
        self.newest = self.newest.max(time);
        let next = match self.state {
            State::Playing { next } => Some(next),
            State::Idle => None,
        };
        let packet = Waiting {
            data,
            samples: samples as i64,
        };
        match self.queue.insert(time, packet, next) {
            Inserted::Duplicate => {
                self.stats.duplicates += 1;
                return;
            }
            Inserted::Late => self.stats.late += 1,
            Inserted::Kept => {}
        }
        let longer = self.arrivals.note(time, clock);
        for delay in &mut self.delays {
            *delay -= longer;
        }
    }

    /// Gives the next 10 ms, to be played as soon as the speaker can.
    pub fn get_10ms(&mut self, now: Instant, out: &mut [f32; FRAME]) -> Pulled {
        let clock = self.clock(now);
        let Some(mut next) = self.begin(clock) else {
            out.fill(0.0);
            self.show(0);
            return Pulled::Nothing;
        };
        self.skip_stall(&mut next, clock);
        while self.pending.len() < FRAME {
            self.decode_more(&mut next, clock);
        }
        self.note_delay(next, clock);
        self.stretch(&mut next);
        let first = next - self.pending.len() as i64;
        for (out, sample) in out.iter_mut().zip(self.pending.drain(..FRAME)) {
            *out = sample;
        }
        self.since_cut = self.since_cut.saturating_add(FRAME);
        self.stats.played += FRAME as u64;
        self.show(self.arrivals.delay(first, clock));
        self.state = State::Playing { next };
        if self.waiting >= STOPPED {
            self.stop();
        }
        Pulled::Sound {
            rtp_time: first as u32,
        }
    }

    /// Counters and delays.
    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    /// Samples kept in all, decoded or not.
    pub fn kept(&self) -> usize {
        self.pending.len() + self.queue.len() * self.frame
    }

    fn samples(&self, data: &[u8]) -> Option<usize> {
        if data.len() > LARGEST {
            return None;
        }
        self.decoder.samples(data)
    }

    /// Samples between the epoch and a moment, on our clock.
    fn clock(&mut self, moment: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(moment);
        let samples = |time: Duration| {
            let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX / SAMPLE_RATE as i64);
            micros.saturating_mul(48) / 1000
        };
        match moment.checked_duration_since(epoch) {
            Some(after) => samples(after),
            None => -samples(epoch.saturating_duration_since(moment)),
        }
    }

    /// The 64-bit time that is nearest to the newest one.
    fn extend(&self, rtp_time: u32) -> i64 {
        let step = rtp_time.wrapping_sub(self.newest as u32) as i32;
        self.newest + i64::from(step)
    }

    /// The sender's clock is another one.
    fn restart(&mut self) {
        self.arrivals.forget_base();
        self.decoder.reset();
        self.stop();
        self.queue.clear();
    }

    fn stop(&mut self) {
        self.state = State::Idle;
        self.pending.clear();
        self.delays.clear();
        self.dtx = false;
        self.waiting = 0;
        self.concealing = 0;
        self.fade_in = FADE_IN;
    }

    /// The time to decode next, once the first packet has waited long enough.
    fn begin(&mut self, clock: i64) -> Option<i64> {
        if let State::Playing { next } = self.state {
            return Some(next);
        }
        let (first, _) = self.queue.earliest()?;
        let waited = self.arrivals.delay(first, clock);
        if waited + SLACK_ABOVE < self.arrivals.target() {
            return None;
        }
        self.fade_in = FADE_IN;
        self.since_cut = 0;
        Some(first)
    }

    /// After a stall the backlog is left out, so that the conversation is live again.
    fn skip_stall(&mut self, next: &mut i64, clock: i64) {
        let position = *next - self.pending.len() as i64;
        let excess = self.arrivals.delay(position, clock) - self.arrivals.target();
        let Some(latest) = self.queue.latest_time() else {
            return;
        };
        if excess <= TOO_LATE || latest <= *next {
            return;
        }
        self.pending.clear();
        let to = (position + excess).clamp(*next, latest);
        self.stats.skipped += (to - *next).unsigned_abs();
        *next = to;
        self.fade_in = FADE_IN;
        self.delays.clear();
    }

    fn decode_more(&mut self, next: &mut i64, clock: i64) {
        if let Some((time, packet)) = self.queue.take(*next) {
            self.decode(next, time, &packet);
            return;
        }
        let Some((first, _)) = self.queue.first(*next) else {
            // Nothing newer either: late or stopped. The place in the stream is kept.
            self.conceal(FRAME, true);
            return;
        };
        let gap = first - *next;
        let position = *next - self.pending.len() as i64;
        let surplus = self.arrivals.delay(position, clock) - self.arrivals.target();
        if surplus >= PACKET as i64 {
            // Making up all of the gap would only keep the delay.
            *next += surplus.min(gap);
            return;
        }
        self.waiting = 0;
        if self.recover(next, first, gap) {
            return;
        }
        let step = CONCEAL_STEP as i64;
        let samples = gap.min(self.frame as i64).min(PACKET as i64) / step * step;
        if samples == 0 {
            *next = first;
            return;
        }
        self.conceal(samples as usize, false);
        *next += samples;
    }

    fn decode(&mut self, next: &mut i64, time: i64, packet: &Waiting) {
        let mut room = std::mem::take(&mut self.room);
        match self.decoder.decode(&packet.data, &mut room) {
            Ok(written) => {
                let played = usize::try_from(*next - time).unwrap_or(0).min(written);
                if self.concealing > CONCEAL_FULL {
                    self.fade_in = FADE_IN;
                }
                self.concealing = 0;
                self.push(&mut room[played..written]);
            }
            Err(_) => {
                self.stats.corrupt += 1;
                let lost = (packet.samples as usize).min(PACKET);
                self.room = std::mem::take(&mut room);
                self.conceal(lost / CONCEAL_STEP * CONCEAL_STEP, false);
                room = std::mem::take(&mut self.room);
            }
        }
        self.room = room;
        self.waiting = 0;
        self.dtx = packet.data.len() <= DTX;
        self.frame = packet.samples as usize;
        *next = time + packet.samples;
    }

    /// Restores the one packet before `first`, if that one carries it.
    fn recover(&mut self, next: &mut i64, first: i64, gap: i64) -> bool {
        let Some((_, packet)) = self.queue.first(*next) else {
            return false;
        };
        if gap != packet.samples || !self.decoder.carries_fec(&packet.data) {
            return false;
        }
        let Some(space) = self.room.get_mut(..gap as usize) else {
            return false;
        };
        let Ok(written) = self.decoder.recover(&packet.data, space) else {
            return false;
        };
        self.stats.recovered += written as u64;
        self.concealing = 0;
        let mut room = std::mem::take(&mut self.room);
        self.push(&mut room[..written]);
        self.room = room;
        *next = first;
        true
    }

    /// Makes up sound; `waiting` when it stands for nothing the sender is known to have sent.
    fn conceal(&mut self, samples: usize, waiting: bool) {
        let mut room = std::mem::take(&mut self.room);
        let space = &mut room[..samples];
        let written = self.decoder.conceal(space).unwrap_or(0).min(samples);
        space[written..].fill(0.0);
        if waiting {
            self.waiting += samples;
        }
        if !self.dtx {
            for (n, sample) in space.iter_mut().enumerate() {
                let faded = (self.concealing + n).saturating_sub(CONCEAL_FULL);
                *sample *= 1.0 - faded.min(CONCEAL_FADE) as f32 / CONCEAL_FADE as f32;
            }
            self.concealing = self.concealing.saturating_add(samples);
            self.stats.concealed += samples as u64;
        }
        self.push(space);
        self.room = room;
    }

    fn push(&mut self, sound: &mut [f32]) {
        for sample in sound.iter_mut().take(self.fade_in) {
            *sample *= 1.0 - self.fade_in as f32 / FADE_IN as f32;
            self.fade_in -= 1;
        }
        self.pending.extend(sound.iter().copied());
    }

    fn note_delay(&mut self, next: i64, clock: i64) {
        if self.delays.len() == LOOK_BACK {
            self.delays.pop_front();
        }
        let position = next - self.pending.len() as i64;
        self.delays.push_back(self.arrivals.delay(position, clock));
    }

    /// Shortens or lengthens what is about to be played when the delay is off its target.
    fn stretch(&mut self, next: &mut i64) {
        let Some(least) = self.delays.iter().min() else {
            return;
        };
        let excess = least - self.arrivals.target();
        let hurry = !(-HURRY..=HURRY).contains(&excess);
        let pause = if hurry {
            BETWEEN_HURRIED_CUTS
        } else {
            BETWEEN_CUTS
        };
        let settled = self.delays.len() >= if hurry { 4 } else { LOOK_BACK / 4 };
        if self.since_cut < pause || !settled || self.concealing > 0 {
            return;
        }
        let likeness = if hurry { 0.6 } else { 0.85 } - 0.05 * f32::from(self.refused_cuts);
        if excess > SLACK_ABOVE {
            self.look_ahead(next, FRAME + stretch::NEEDED);
            if self.pending.len() < FRAME + stretch::NEEDED {
                return;
            }
            let cut = stretch::shorten(&mut self.pending, (excess + 192) as usize, likeness);
            self.stats.accelerated += cut as u64;
            self.cut(-(cut as i64));
        } else if excess < -SLACK_BELOW {
            self.look_ahead(next, stretch::NEEDED);
            let added = stretch::lengthen(&mut self.pending, (192 - excess) as usize, likeness);
            self.stats.decelerated += added as u64;
            self.cut(added as i64);
        }
    }

    /// Decodes packets that are here already until so much is pending.
    fn look_ahead(&mut self, next: &mut i64, samples: usize) {
        while self.pending.len() < samples {
            let Some((time, packet)) = self.queue.take(*next) else {
                return;
            };
            self.decode(next, time, &packet);
        }
    }

    fn cut(&mut self, longer: i64) {
        if longer == 0 {
            self.refused_cuts = (self.refused_cuts + 1).min(8);
            return;
        }
        self.refused_cuts = 0;
        self.since_cut = 0;
        for delay in &mut self.delays {
            *delay += longer;
        }
    }

    fn show(&mut self, delay: i64) {
        let time = |samples: i64| Duration::from_micros(samples.max(0) as u64 * 1000 / 48);
        self.stats.target = time(self.arrivals.target());
        self.stats.delay = time(delay);
    }
}

impl<D> fmt::Debug for JitterBuffer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitterBuffer")
            .field("state", &self.state)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
