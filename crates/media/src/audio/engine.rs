//! The thread between the callbacks, the codec and the network: everything that is done to sound.

pub(super) mod incoming;
pub(super) mod outgoing;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::incoming::{Incoming, Speaker};
use self::outgoing::{Microphone, Outgoing};
use super::FRAME;
use super::cleaner::Cleaner;
use super::decoder::OpusDecoder;
use super::ear;
use super::encoder::VoiceEncoder;
use super::events::Events;
use super::voice::{
    Levels, OnEncoded, OutOfBandId, Playing, Processing, ReceivedAudio, Repeat, VoiceEvent,
    VoiceStats,
};
use crate::urgency::be_urgent;

/// How long to sleep when callbacks or orders will wake the thread.
const LONG: Duration = Duration::from_millis(500);
/// How often figures are written down for whoever measures.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What the engine is told to do.
#[derive(Debug)]
pub(super) enum Task {
    Microphone(Option<Microphone>),
    Speaker(Option<Speaker>),
    Processing(Processing),
    Receive(ReceivedAudio),
    Network { loss: f32, bitrate: u32 },
    Play(OutOfBandId, Arc<[f32]>, Repeat),
    StopPlaying(OutOfBandId),
    Stop,
}

/// What the engine shares with the handle.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) muted: AtomicBool,
    /// Grows with every wish about the microphone; sound of an older wish is not encoded.
    pub(super) generation: AtomicU64,
    microphone_level: AtomicU32,
    speaker_level: AtomicU32,
    figures: Mutex<(VoiceStats, Option<Playing>)>,
}

impl Board {
    pub(super) fn levels(&self) -> Levels {
        let level = |bits: &AtomicU32| f32::from_bits(bits.load(Ordering::Relaxed));
        Levels {
            microphone: level(&self.microphone_level),
            speaker: level(&self.speaker_level),
        }
    }

    pub(super) fn figures(&self) -> (VoiceStats, Option<Playing>) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Engine {
    tasks: Receiver<Task>,
    board: Arc<Board>,
    events: Events,
    on_encoded: OnEncoded,
    cleaner: Cleaner,
    microphone: Option<Microphone>,
    outgoing: Outgoing,
    incoming: Incoming,
    microphone_level: f32,
    lost_before: u64,
    processing_time: Duration,
    /// When the figures were last written down for whoever measures.
    told: Instant,
}

impl Engine {
    pub(super) fn new(
        tasks: Receiver<Task>,
        board: Arc<Board>,
        events: Events,
        on_encoded: OnEncoded,
        processing: Processing,
        (encoder, decoder): (VoiceEncoder, OpusDecoder),
    ) -> Self {
        Self {
            tasks,
            board,
            events,
            on_encoded,
            cleaner: Cleaner::new(processing, super::SAMPLE_RATE),
            microphone: None,
            outgoing: Outgoing::new(encoder, Instant::now()),
            incoming: Incoming::new(decoder),
            microphone_level: 0.0,
            lost_before: 0,
            processing_time: Duration::ZERO,
            told: Instant::now(),
        }
    }

    /// Runs until told to stop or nobody is left who could tell.
    pub(super) fn run(mut self) {
        be_urgent();
        loop {
            loop {
                match self.tasks.try_recv() {
                    Ok(Task::Stop) | Err(TryRecvError::Disconnected) => return,
                    Ok(task) => self.obey(task),
                    Err(TryRecvError::Empty) => break,
                }
            }
            let now = Instant::now();
            let events = &self.events;
            self.incoming
                .refill(now, |id| events.tell(VoiceEvent::OutOfBandEnded(id)));
            let sounds_at = self.incoming.show_played(&mut self.cleaner);
            let frames = self.listen(sounds_at);
            self.note_time(now.elapsed(), frames);
            self.publish();
            let drains = self.incoming.drains(now);
            thread::park_timeout(if drains {
                Duration::from_millis(5)
            } else {
                LONG
            });
        }
    }

    fn obey(&mut self, task: Task) {
        match task {
            Task::Microphone(microphone) => self.set_microphone(microphone),
            Task::Speaker(speaker) => {
                self.incoming.set_speaker(speaker);
                self.rebuild_cleaner(self.cleaner.processing());
            }
            Task::Processing(processing) => self.rebuild_cleaner(processing),
            Task::Receive(packet) => self.incoming.receive(packet),
            Task::Network { loss, bitrate } => self.outgoing.set_network(loss, bitrate),
            Task::Play(id, samples, repeat) => self.incoming.mixer.play(id, samples, repeat),
            Task::StopPlaying(id) => self.incoming.mixer.stop(id),
            Task::Stop => {}
        }
    }

    fn set_microphone(&mut self, microphone: Option<Microphone>) {
        if let Some(old) = &self.microphone {
            self.lost_before += old.lost();
        }
        if microphone.is_some() {
            self.rebuild_cleaner(self.cleaner.processing());
        }
        self.microphone = microphone;
        self.outgoing.microphone_changed();
        self.microphone_level = 0.0;
    }

    fn rebuild_cleaner(&mut self, processing: Processing) {
        let speaker = self.incoming.speaker.as_ref();
        let rate = speaker.map_or(super::SAMPLE_RATE, |speaker| speaker.rate);
        self.cleaner = Cleaner::new(processing, rate);
    }

    /// Cleans, measures and encodes what the microphone has heard. Returns the frames.
    fn listen(&mut self, sounds_at: Option<Instant>) -> u32 {
        let wanted = self.board.generation.load(Ordering::Acquire);
        if (self.microphone.as_ref()).is_some_and(|microphone| microphone.generation != wanted) {
            self.set_microphone(None);
        }
        let Some(microphone) = &mut self.microphone else {
            return 0;
        };
        let mut frames = 0;
        let mut raw = [0.0; FRAME];
        while let Some(heard_at) = microphone.next_frame(&mut raw) {
            frames += 1;
            self.microphone_level = ear::peak(&raw).max(self.microphone_level * 0.8);
            let mut clean = raw;
            let echo_delay = sounds_at.and_then(|at| at.checked_duration_since(heard_at));
            self.cleaner.clean(&mut clean, echo_delay);
            let muted = self.board.muted.load(Ordering::Acquire);
            let events = &self.events;
            let tell = |event| events.tell(event);
            let packet = self.outgoing.take(&raw, &clean, heard_at, muted, tell);
            if let Some(packet) = packet
                && self.board.generation.load(Ordering::Acquire) == wanted
            {
                self.outgoing
                    .note_encoded(packet.captured_at, Instant::now());
                (self.on_encoded)(packet);
            }
        }
        frames
    }

    fn note_time(&mut self, took: Duration, frames: u32) {
        if frames > 0 {
            self.processing_time = self.processing_time * 31 / 32 + took / frames / 32;
        }
    }

    fn publish(&mut self) {
        let level = |level: f32| level.to_bits();
        let board = &self.board;
        (board.microphone_level).store(level(self.microphone_level), Ordering::Relaxed);
        (board.speaker_level).store(level(self.incoming.level), Ordering::Relaxed);
        let jitter = self.incoming.buffer.stats();
        let lost = self.microphone.as_ref().map_or(0, Microphone::lost);
        let stats = VoiceStats {
            jitter_target: jitter.target,
            jitter_delay: jitter.delay,
            received: jitter.received,
            late: jitter.late,
            duplicates: jitter.duplicates,
            corrupt: jitter.corrupt,
            played_samples: jitter.played,
            concealed_samples: jitter.concealed,
            fec_samples: jitter.recovered,
            accelerated_samples: jitter.accelerated + jitter.skipped,
            decelerated_samples: jitter.decelerated,
            encoded: self.outgoing.encoded,
            capture_to_encoded: self.outgoing.capture_to_encoded,
            playout_delay: self.incoming.playout_delay,
            underruns: self.incoming.underruns(),
            overrun_samples: self.lost_before + lost,
            processing_time: self.processing_time,
        };
        if self.told.elapsed() >= TELL_EVERY && stats.received > 0 {
            self.told = Instant::now();
            tracing::debug!(
                to_encoded = stats.capture_to_encoded.as_micros(),
                buffer = stats.jitter_delay.as_micros(),
                to_speaker = stats.playout_delay.as_micros(),
                "sound"
            );
        }
        let mut figures = board.figures.lock().unwrap_or_else(PoisonError::into_inner);
        *figures = (stats, self.incoming.playing);
    }
}
