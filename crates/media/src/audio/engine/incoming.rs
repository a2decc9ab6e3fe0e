//! From packets to the speaker's ring.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::cleaner::Cleaner;
use super::super::decoder::OpusDecoder;
use super::super::ear;
use super::super::io::{Mark, PlaybackRing};
use super::super::jitter::{JitterBuffer, JitterConfig, Pulled};
use super::super::mixer::Mixer;
use super::super::resample::Resampler;
use super::super::sync::SenderClock;
use super::super::voice::{OutOfBandId, Playing, ReceivedAudio};
use super::super::{FRAME, SAMPLE_RATE};

/// More than this is never kept ready for the speaker on top of what it asks for (40 ms).
const MOST_CUSHION: u32 = 4;

/// Time without an underrun after which less is kept ready.
const TRUST_AFTER: Duration = Duration::from_secs(30);

/// The most asked for at once is that of the last one or two of these.
const ASK_WINDOW: Duration = Duration::from_secs(1);

const TEN_MS: Duration = Duration::from_millis(10);

/// An open speaker as the engine sees it.
#[derive(Debug)]
pub(crate) struct Speaker {
    ring: PlaybackRing,
    pub(super) rate: u32,
    resampler: Option<Resampler>,
    /// Samples put into the ring.
    put: u64,
    mark: Option<Mark>,
    asked: [u32; 2],
    asked_since: Option<Instant>,
    /// Frames of 10 ms kept ready on top of what is asked for, because the thread woke late.
    cushion: u32,
    underruns: u64,
    calm_since: Option<Instant>,
    reference: Vec<f32>,
}

impl Speaker {
    pub(crate) fn new(ring: PlaybackRing, rate: u32) -> Self {
        Self {
            ring,
            rate,
            resampler: Resampler::new(SAMPLE_RATE, rate),
            put: 0,
            mark: None,
            asked: [0; 2],
            asked_since: None,
            cushion: 0,
            underruns: 0,
            calm_since: None,
            reference: Vec::with_capacity(rate as usize / 10),
        }
    }

    fn ready(&self) -> usize {
        self.ring.samples.buffer().capacity() - self.ring.samples.slots()
    }

    /// Samples that shall be ready when the speaker asks.
    fn goal(&mut self, now: Instant) -> usize {
        let asked = self.ring.notes.most_asked.swap(0, Ordering::Relaxed);
        let since = *self.asked_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= ASK_WINDOW {
            self.asked = [asked, self.asked[0]];
            self.asked_since = Some(now);
        } else {
            self.asked[0] = self.asked[0].max(asked);
        }
        let underruns = self.ring.notes.underruns.load(Ordering::Relaxed);
        let calm_since = *self.calm_since.get_or_insert(now);
        if underruns > self.underruns {
            self.underruns = underruns;
            self.cushion = (self.cushion + 1).min(MOST_CUSHION);
            self.calm_since = Some(now);
        } else if now.saturating_duration_since(calm_since) > TRUST_AFTER {
            self.cushion = self.cushion.saturating_sub(1);
            self.calm_since = Some(now);
        }
        let ten_ms = self.rate / 100;
        let asked = self.asked[0].max(self.asked[1]).max(ten_ms);
        let goal = (asked + self.cushion * ten_ms) as usize;
        goal.min(self.ring.samples.buffer().capacity() / 2)
    }

    /// When the next sample put into the ring will sound.
    fn sounds_at(&mut self, now: Instant) -> Instant {
        while let Ok(mark) = self.ring.marks.pop() {
            self.mark = Some(mark);
        }
        let Some(mark) = self.mark else {
            return now + self.duration(self.ready() as u64);
        };
        mark.at + self.duration(self.put.saturating_sub(mark.sample))
    }

    fn duration(&self, samples: u64) -> Duration {
        Duration::from_micros(samples * 1_000_000 / u64::from(self.rate))
    }

    fn put(&mut self, frame: &[f32; FRAME]) {
        let sound = match &mut self.resampler {
            Some(resampler) => resampler.convert(frame),
            None => &frame[..],
        };
        let fitting = sound.len().min(self.ring.samples.slots());
        if let Ok(chunk) = self.ring.samples.write_chunk_uninit(fitting) {
            self.put += chunk.fill_from_iter(sound.iter().copied()) as u64;
        }
        self.ring.notes.begun.store(true, Ordering::Relaxed);
    }

    /// Shows the cleaner what the speaker was given since the last time.
    fn show_played(&mut self, cleaner: &mut Cleaner) {
        let frame = cleaner.speaker_frame();
        if !cleaner.listens_to_speaker() || frame == 0 {
            while self.ring.played.pop().is_ok() {}
            self.reference.clear();
            return;
        }
        while let Ok(sample) = self.ring.played.pop() {
            self.reference.push(sample);
            if self.reference.len() == frame {
                cleaner.hear_speaker(&self.reference);
                self.reference.clear();
            }
        }
    }
}

/// Fills the speaker's ring, or a clock's when there is no speaker.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) buffer: JitterBuffer<OpusDecoder>,
    pub(super) mixer: Mixer,
    clock: SenderClock,
    pub(super) speaker: Option<Speaker>,
    /// When the absent speaker would ask next.
    due: Option<Instant>,
    heard_until: Option<Instant>,
    pub(super) playing: Option<Playing>,
    pub(super) playout_delay: Duration,
    pub(super) level: f32,
    underruns_before: u64,
}

impl Incoming {
    pub(super) fn new(decoder: OpusDecoder) -> Self {
        Self {
            buffer: JitterBuffer::new(decoder, JitterConfig::default()),
            mixer: Mixer::default(),
            clock: SenderClock::default(),
            speaker: None,
            due: None,
            heard_until: None,
            playing: None,
            playout_delay: Duration::ZERO,
            level: 0.0,
            underruns_before: 0,
        }
    }

    pub(super) fn receive(&mut self, packet: ReceivedAudio) {
        if let Some(report) = packet.sender_report {
            self.clock.note(report);
        }
        self.heard_until = Some(packet.arrived + Duration::from_secs(1));
        self.buffer
            .insert(packet.rtp_time, packet.data, packet.arrived);
    }

    pub(super) fn set_speaker(&mut self, speaker: Option<Speaker>) {
        if let Some(old) = &self.speaker {
            self.underruns_before += old.underruns;
        }
        self.speaker = speaker;
        self.due = None;
    }

    pub(super) fn underruns(&self) -> u64 {
        self.underruns_before + self.speaker.as_ref().map_or(0, |speaker| speaker.underruns)
    }

    /// Keeps as much ready as the speaker will ask for.
    pub(super) fn refill(&mut self, now: Instant, mut ended: impl FnMut(OutOfBandId)) {
        let Some(mut speaker) = self.speaker.take() else {
            self.drain(now, ended);
            return;
        };
        let goal = speaker.goal(now);
        let mut frame = [0.0; FRAME];
        while speaker.ready() < goal {
            let sounds_at = speaker.sounds_at(now);
            self.pull(now, sounds_at, &mut frame, &mut ended);
            let before = speaker.put;
            speaker.put(&frame);
            if speaker.put == before {
                break;
            }
        }
        self.speaker = Some(speaker);
    }

    /// When there is no speaker, time goes on all the same: the far side's sound is used up, and
    /// a clip comes to its end.
    fn drain(&mut self, now: Instant, mut ended: impl FnMut(OutOfBandId)) {
        if !self.drains(now) {
            self.due = None;
            self.level = 0.0;
            return;
        }
        let mut due = self.due.unwrap_or(now);
        if now.saturating_duration_since(due) > Duration::from_millis(500) {
            due = now;
        }
        let mut frame = [0.0; FRAME];
        while due <= now {
            self.pull(now, now, &mut frame, &mut ended);
            due += TEN_MS;
        }
        self.due = Some(due);
    }

    /// Whether the thread has to wake every 10 ms although no speaker asks.
    pub(super) fn drains(&self, now: Instant) -> bool {
        let receives = self.heard_until.is_some_and(|until| now < until);
        self.speaker.is_none() && (receives || !self.mixer.is_silent())
    }

    fn pull(
        &mut self,
        now: Instant,
        sounds_at: Instant,
        frame: &mut [f32; FRAME],
        ended: impl FnMut(OutOfBandId),
    ) {
        self.playing = match self.buffer.get_10ms(now, frame) {
            Pulled::Nothing => None,
            Pulled::Sound { rtp_time } => self.clock.ntp(rtp_time).map(|sender_ntp| Playing {
                sender_ntp,
                at: sounds_at,
            }),
        };
        self.mixer.mix(frame, ended);
        self.level = ear::peak(frame).max(self.level * 0.8);
        self.playout_delay = sounds_at.saturating_duration_since(now);
    }

    /// Shows the cleaner what was played. Returns when the newest of it sounds.
    pub(super) fn show_played(&mut self, cleaner: &mut Cleaner) -> Option<Instant> {
        let speaker = self.speaker.as_mut()?;
        speaker.show_played(cleaner);
        Some(speaker.mark?.at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::io;
    use super::super::super::sync::SenderReport;
    use super::super::super::voice::Repeat;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn incoming() -> Incoming {
        Incoming::new(OpusDecoder::new().unwrap())
    }

    fn packet(n: u32, arrived: Instant) -> ReceivedAudio {
        ReceivedAudio {
            // A valid 20 ms CELT packet of silence.
            data: vec![0xf8, 0xff, 0xfe],
            rtp_time: n * 960,
            seq: None,
            arrived,
            sender_report: Some(SenderReport {
                rtp_time: 0,
                ntp: Duration::from_secs(1_000),
            }),
        }
    }

    #[test]
    fn one_callback_is_kept_ready_and_more_only_after_underruns() {
        let (mut end, ring) = io::playback(std::thread::current());
        let mut incoming = incoming();
        incoming.set_speaker(Some(Speaker::new(ring, 48_000)));
        let start = Instant::now();
        let ready = |incoming: &Incoming| incoming.speaker.as_ref().unwrap().ready();
        incoming.refill(start, |_| {});
        assert_eq!(ready(&incoming), 480);
        // The speaker asks twice before the thread wakes.
        end.fill(480, start + 30 * MS, |_, _| {});
        end.fill(480, start + 40 * MS, |_, _| {});
        incoming.refill(start + 20 * MS, |_| {});
        assert_eq!(ready(&incoming), 960);
        assert_eq!(incoming.underruns(), 1);
        // Half a minute of peace.
        for n in 0..3_200 {
            let now = start + 20 * MS + n * 10 * MS;
            end.fill(480, now + 20 * MS, |_, _| {});
            incoming.refill(now, |_| {});
        }
        assert_eq!(ready(&incoming), 480);
    }

    #[test]
    fn lip_sync_knows_what_sounds_when() {
        let (mut end, ring) = io::playback(std::thread::current());
        let mut incoming = incoming();
        incoming.set_speaker(Some(Speaker::new(ring, 48_000)));
        let start = Instant::now();
        for n in 0..100_u32 {
            let now = start + n * 20 * MS;
            incoming.receive(packet(n, now));
            for half in 0..2 {
                let now = now + half * 10 * MS;
                end.fill(480, now + 15 * MS, |_, _| {});
                incoming.refill(now, |_| {});
            }
        }
        // In the end the sample pulled last has waited for the jitter buffer, and sounds 10 ms of
        // ring and 15 ms of device later.
        let now = start + 1_990 * MS;
        let playing = incoming.playing.unwrap();
        assert_eq!(playing.at, now + 25 * MS);
        let sent = playing.sender_ntp - Duration::from_secs(1_000);
        let waited = (1_990 * MS).abs_diff(sent);
        assert!(
            waited.abs_diff(incoming.buffer.stats().delay) < MS,
            "{waited:?}"
        );
    }

    #[test]
    fn without_a_speaker_time_goes_on() {
        let mut incoming = incoming();
        let start = Instant::now();
        let mut ended = Vec::new();
        assert!(!incoming.drains(start));
        incoming
            .mixer
            .play(OutOfBandId(4), vec![0.5; 960].into(), Repeat::Once);
        assert!(incoming.drains(start));
        for n in 0..5 {
            incoming.refill(start + n * 10 * MS, |id| ended.push(id));
        }
        assert_eq!(ended, [OutOfBandId(4)]);
        for n in 0..50_u32 {
            let now = start + n * 20 * MS;
            incoming.receive(packet(n, now));
            incoming.refill(now, |_| {});
        }
        assert!(incoming.buffer.stats().played > 40_000);
    }
}
