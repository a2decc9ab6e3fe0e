//! From the microphone's ring to packets.

use std::time::{Duration, Instant};

use super::super::ear::{self, Ear};
use super::super::encoder::VoiceEncoder;
use super::super::io::{CaptureRing, Mark};
use super::super::resample::Resampler;
use super::super::voice::{EncodedAudio, VoiceEvent};
use super::super::{FRAME, PACKET, SAMPLE_RATE};

/// An open microphone as the engine sees it.
#[derive(Debug)]
pub(crate) struct Microphone {
    ring: CaptureRing,
    rate: u32,
    resampler: Option<Resampler>,
    /// Which opening it belongs to; sound of an older one is not wanted any more.
    pub(crate) generation: u64,
    /// Samples taken from the ring.
    taken: u64,
    mark: Option<Mark>,
    /// 10 ms at the device's rate.
    chunk: Vec<f32>,
    /// At our rate, not yet a frame, and when its first sample was heard.
    rest: Vec<f32>,
    rest_at: Option<Instant>,
}

impl Microphone {
    pub(crate) fn new(ring: CaptureRing, rate: u32, generation: u64) -> Self {
        Self {
            ring,
            rate,
            resampler: Resampler::new(rate, SAMPLE_RATE),
            generation,
            taken: 0,
            mark: None,
            chunk: vec![0.0; rate as usize / 100],
            rest: Vec::with_capacity(2 * FRAME),
            rest_at: None,
        }
    }

    /// Samples lost because nobody took them in time.
    pub(super) fn lost(&self) -> u64 {
        self.ring.lost.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Takes the next 10 ms and when they were heard.
    pub(super) fn next_frame(&mut self, out: &mut [f32; FRAME]) -> Option<Instant> {
        while self.rest.len() < FRAME {
            self.read_chunk()?;
        }
        for (out, sample) in out.iter_mut().zip(self.rest.drain(..FRAME)) {
            *out = sample;
        }
        let at = self.rest_at?;
        self.rest_at = Some(at + Duration::from_millis(10));
        Some(at)
    }

    fn read_chunk(&mut self) -> Option<()> {
        let chunk = self.ring.samples.read_chunk(self.chunk.len()).ok()?;
        for (to, sample) in self.chunk.iter_mut().zip(chunk) {
            *to = sample;
        }
        let heard_at = self.heard_at();
        self.taken += self.chunk.len() as u64;
        let sound = match &mut self.resampler {
            Some(resampler) => resampler.convert(&self.chunk),
            None => &self.chunk,
        };
        let kept = self.rest.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE);
        self.rest_at = heard_at.and_then(|at| at.checked_sub(Duration::from_micros(kept)));
        self.rest.extend_from_slice(sound);
        Some(())
    }

    /// When the next sample of the ring was heard.
    fn heard_at(&mut self) -> Option<Instant> {
        while let Ok(next) = self.ring.marks.peek() {
            if next.sample > self.taken && self.mark.is_some() {
                break;
            }
            self.mark = Some(*next);
            self.ring.marks.pop().ok()?;
        }
        let mark = self.mark?;
        let since = self.taken.saturating_sub(mark.sample) * 1_000_000 / u64::from(self.rate);
        Some(mark.at + Duration::from_micros(since))
    }
}

/// Collects frames into packets.
#[derive(Debug)]
pub(super) struct Outgoing {
    encoder: VoiceEncoder,
    ear: Ear,
    epoch: Instant,
    packet: Vec<f32>,
    packet_at: Option<Instant>,
    voice: bool,
    /// RTP time of the next packet while sound goes on without a pause.
    next_rtp: Option<u32>,
    /// The least RTP time that may follow.
    least_rtp: u32,
    pub(super) encoded: u64,
    pub(super) capture_to_encoded: Duration,
}

impl Outgoing {
    pub(super) fn new(encoder: VoiceEncoder, epoch: Instant) -> Self {
        Self {
            encoder,
            ear: Ear::new(),
            epoch,
            packet: Vec::with_capacity(PACKET),
            packet_at: None,
            voice: false,
            next_rtp: None,
            least_rtp: 0,
            encoded: 0,
            capture_to_encoded: Duration::ZERO,
        }
    }

    pub(super) fn set_network(&mut self, loss: f32, bitrate: u32) {
        self.encoder.set_network(loss, bitrate);
    }

    /// A microphone opened or closed: what was collected is forgotten.
    pub(super) fn microphone_changed(&mut self) {
        self.ear = Ear::new();
        self.pause();
    }

    /// Takes 10 ms, raw and cleaned; gives a packet when there is one.
    pub(super) fn take(
        &mut self,
        raw: &[f32; FRAME],
        clean: &[f32; FRAME],
        heard_at: Instant,
        muted: bool,
        tell: impl FnMut(VoiceEvent),
    ) -> Option<EncodedAudio> {
        let voice = self.ear.hear(raw, clean, muted, tell);
        if muted {
            self.pause();
            return None;
        }
        self.voice |= voice;
        self.packet_at.get_or_insert(heard_at);
        self.packet.extend_from_slice(clean);
        if self.packet.len() < PACKET {
            return None;
        }
        self.encode()
    }

    pub(super) fn note_encoded(&mut self, captured_at: Instant, now: Instant) {
        self.encoded += 1;
        let took = now.saturating_duration_since(captured_at);
        self.capture_to_encoded = match self.capture_to_encoded {
            Duration::ZERO => took,
            smooth => smooth * 15 / 16 + took / 16,
        };
    }

    fn pause(&mut self) {
        self.packet.clear();
        self.packet_at = None;
        self.voice = false;
        self.next_rtp = None;
    }

    fn encode(&mut self) -> Option<EncodedAudio> {
        let captured_at = self.packet_at.take()?;
        let rtp_time = self.next_rtp.unwrap_or_else(|| self.begin(captured_at));
        let after = rtp_time.wrapping_add(PACKET as u32);
        (self.next_rtp, self.least_rtp) = (Some(after), after);
        let level = -ear::loudness(&self.packet);
        let data = self.encoder.encode(&self.packet);
        let voice = std::mem::take(&mut self.voice);
        self.packet.clear();
        match data {
            Ok(data) => Some(EncodedAudio {
                data,
                rtp_time,
                captured_at,
                voice,
                level: level as u8,
            }),
            Err(error) => {
                tracing::debug!(%error, "20 ms not sent");
                None
            }
        }
    }

    /// After a pause the RTP time has gone on with the clock, and the codec starts afresh so that
    /// nothing from before the pause is sent again as error correction.
    fn begin(&mut self, captured_at: Instant) -> u32 {
        self.encoder.reset();
        let since = captured_at.saturating_duration_since(self.epoch);
        let samples = since.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
        let rtp_time = samples as u32;
        if (rtp_time.wrapping_sub(self.least_rtp) as i32) < 0 {
            return self.least_rtp;
        }
        rtp_time
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::io;
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn any_callback_size_becomes_frames_with_their_times() {
        let (mut end, ring) = io::capture(std::thread::current());
        let mut microphone = Microphone::new(ring, 48_000, 1);
        let start = Instant::now();
        let mut pushed = 0_u64;
        let mut taken = 0_u64;
        let mut frame = [0.0; FRAME];
        for size in [51_usize, 480, 960, 1, 333, 512, 2_048, 480] {
            let at = start + Duration::from_micros(pushed * 1_000_000 / 48_000);
            let samples = (0..size).map(|n| (pushed + n as u64) as f32);
            end.push(samples.collect::<Vec<_>>().into_iter(), at);
            pushed += size as u64;
            while let Some(at) = microphone.next_frame(&mut frame) {
                let exact = Duration::from_micros(taken * 1_000_000 / 48_000);
                let off = at.duration_since(start).abs_diff(exact);
                assert!(off < Duration::from_micros(50), "{off:?} off at {taken}");
                assert_eq!(frame[0], taken as f32);
                assert_eq!(frame[479], (taken + 479) as f32);
                taken += 480;
            }
            assert!(pushed - taken < 480);
        }
    }

    #[test]
    fn a_device_of_another_rate_gives_a_hundred_frames_a_second() {
        let (mut end, ring) = io::capture(std::thread::current());
        let mut microphone = Microphone::new(ring, 44_100, 1);
        let start = Instant::now();
        let (mut frames, mut frame) = (0, [0.0; FRAME]);
        for n in 0..200 {
            end.push(vec![0.0; 441].into_iter(), start + ms(n * 10));
            while let Some(at) = microphone.next_frame(&mut frame) {
                let off = at.duration_since(start).abs_diff(ms(frames * 10));
                assert!(off < ms(2), "{off:?} off");
                frames += 1;
            }
        }
        assert!((197..=200).contains(&frames), "{frames}");
    }

    fn outgoing(epoch: Instant) -> Outgoing {
        Outgoing::new(VoiceEncoder::new().unwrap(), epoch)
    }

    #[test]
    fn muting_sends_nothing_and_the_rtp_time_goes_on() {
        let epoch = Instant::now();
        let mut outgoing = outgoing(epoch);
        let frame = [0.1; FRAME];
        let mut times = Vec::new();
        for n in 0..600_u64 {
            let muted = (101..401).contains(&n);
            let at = epoch + ms(n * 10);
            if let Some(packet) = outgoing.take(&frame, &frame, at, muted, |_| {}) {
                assert!(!muted, "a packet while muted");
                times.push((packet.captured_at, packet.rtp_time));
            }
        }
        assert_eq!(times.len(), 50 + 99);
        for (captured_at, rtp_time) in times {
            let expected = captured_at.duration_since(epoch).as_micros() * 48 / 1000;
            assert!(expected.abs_diff(u128::from(rtp_time)) < 48, "{rtp_time}");
        }
    }

    #[test]
    fn rtp_time_never_goes_back_when_the_device_runs_fast() {
        let epoch = Instant::now();
        let mut outgoing = outgoing(epoch);
        let frame = [0.1; FRAME];
        let mut last = None;
        for n in 0..400_u64 {
            // Ten milliseconds of sound every nine, with a pause now and then.
            let muted = n % 50 == 49;
            let at = epoch + ms(n * 9);
            if let Some(packet) = outgoing.take(&frame, &frame, at, muted, |_| {}) {
                if let Some(last) = last {
                    assert!(packet.rtp_time >= last + PACKET as u32);
                }
                last = Some(packet.rtp_time);
            }
        }
    }
}
