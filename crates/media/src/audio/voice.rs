//! The voice of one call: devices, processing, codec and playout behind one handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::decoder::OpusDecoder;
use super::device::{DeviceProblem, Direction};
use super::encoder::VoiceEncoder;
use super::engine::{Board, Engine, Task};
use super::events::Events;
use super::hardware::SoundCards;
use super::io::AudioIo;
use super::keeper::{Keeper, Order};
use super::sync::SenderReport;

/// Packets and wishes that may wait for the engine: ten seconds of packets.
const TASKS: usize = 512;

/// Wishes and faults that may wait for the keeper of the devices.
const ORDERS: usize = 64;

/// What to start with. The microphone stays closed until [`Voice::open_microphone`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceConfig {
    /// [`AudioDevice::id`](super::AudioDevice::id); `None` follows the system's default.
    pub speaker: Option<String>,
    /// What is done to the microphone's sound.
    pub processing: Processing,
}

/// What is done to the microphone's sound; with everything off it passes bit-exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    /// Takes out what the speaker plays.
    pub echo_cancellation: bool,
    /// Takes out steady background noise.
    pub noise_suppression: bool,
    /// Brings quiet and loud voices to one level.
    pub automatic_gain: bool,
}

impl Default for Processing {
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            automatic_gain: true,
        }
    }
}

/// One Opus packet for the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAudio {
    /// The packet (RFC 6716), 20 ms of mono.
    pub data: Vec<u8>,
    /// Of the first sample, 48 kHz. Runs on with the clock while muted or closed.
    pub rtp_time: u32,
    /// When the first sample was heard by the microphone.
    pub captured_at: Instant,
    /// Whether somebody seems to speak (the V bit of RFC 6464).
    pub voice: bool,
    /// Loudness in −dBov: 0 is the loudest, 127 silence (RFC 6464).
    pub level: u8,
}

/// One Opus packet from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedAudio {
    /// The packet; anything is accepted, also garbage.
    pub data: Vec<u8>,
    /// Of the first sample, 48 kHz.
    pub rtp_time: u32,
    /// The extended RTP sequence number where it is known (not of a packet recovered by RED).
    pub seq: Option<u64>,
    /// When it came from the network.
    pub arrived: Instant,
    /// The newest sender report of this stream.
    pub sender_report: Option<SenderReport>,
}

/// What happened to the devices, or was noticed about the sound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VoiceEvent {
    /// The microphone runs. Comes again when another device takes over.
    MicrophoneOpened {
        /// The device's name.
        name: String,
    },
    /// The microphone is closed and its handle given back to the operating system.
    MicrophoneClosed,
    /// The microphone does not open; it is tried again when devices change.
    MicrophoneFailed(DeviceProblem),
    /// The speaker runs. Comes again when another device takes over.
    SpeakerOpened {
        /// The device's name.
        name: String,
    },
    /// The speaker does not open; it is tried again when devices change.
    SpeakerFailed(DeviceProblem),
    /// A device in use went away. A replacement is opened by itself and announced.
    DeviceGone(Direction),
    /// Peak of the microphone since the last one, 0..=1; at most 15 a second, muted or not.
    Level(f32),
    /// Somebody speaks into a muted microphone. Not more often than every ten seconds.
    SpeakingWhileMuted,
    /// The open microphone has given nothing but silence for seconds.
    SilentMicrophone,
    /// The microphone is too loud. Not more often than every ten seconds.
    Clipping,
    /// Sound given to [`Voice::play_out_of_band`] has ended by itself.
    OutOfBandEnded(OutOfBandId),
}

/// Peaks of the last tenth of a second, 0..=1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Levels {
    /// What the microphone hears, muted or not; 0 while closed.
    pub microphone: f32,
    /// What the speaker plays.
    pub speaker: f32,
}

/// How sound flows. Counters run from the start of the [`Voice`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VoiceStats {
    /// What the jitter buffer aims at.
    pub jitter_target: Duration,
    /// What the jitter buffer adds at the moment.
    pub jitter_delay: Duration,
    /// Packets given to [`Voice::receive`].
    pub received: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that were no Opus.
    pub corrupt: u64,
    /// Samples played.
    pub played_samples: u64,
    /// Samples made up because nothing was there.
    pub concealed_samples: u64,
    /// Samples restored from the next packet's forward error correction.
    pub fec_samples: u64,
    /// Samples left out to catch up.
    pub accelerated_samples: u64,
    /// Samples added to wait.
    pub decelerated_samples: u64,
    /// Packets handed to `on_encoded`.
    pub encoded: u64,
    /// From the first sample of a packet in the microphone to `on_encoded`, smoothed.
    pub capture_to_encoded: Duration,
    /// From leaving the jitter buffer to the speaker, estimated.
    pub playout_delay: Duration,
    /// Times the speaker asked and nothing was ready.
    pub underruns: u64,
    /// Samples of the microphone lost because nobody took them in time.
    pub overrun_samples: u64,
    /// Time the processing thread took for 10 ms of sound, smoothed.
    pub processing_time: Duration,
}

/// Which moment of the sender's clock is heard when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playing {
    /// The sender's clock ([`SenderReport::ntp`]).
    pub sender_ntp: Duration,
    /// The moment that sound leaves the speaker.
    pub at: Instant,
}

/// Names sound given to [`Voice::play_out_of_band`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutOfBandId(pub(crate) u64);

/// Whether sound is played once or until it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Once; [`VoiceEvent::OutOfBandEnded`] tells the end.
    Once,
    /// Again and again, as a ringing tone.
    UntilStopped,
}

/// Why a [`Voice`] cannot start.
#[derive(Debug, Error)]
pub enum VoiceError {
    /// The operating system gave no thread.
    #[error("no thread for sound: {0}")]
    Thread(#[from] std::io::Error),
    /// The codec could not be set up.
    #[error("Opus could not be set up: {0}")]
    Codec(String),
}

/// Called for each packet, on the processing thread: hand it on and return.
pub type OnEncoded = Box<dyn FnMut(EncodedAudio) + Send>;

/// Called for each event, on threads of the voice: hand it on and return.
pub type OnEvent = Box<dyn FnMut(VoiceEvent) + Send>;

/// The voice of one call. Methods return at once; what came of them is told by events.
/// Dropping it closes the devices.
#[derive(Debug)]
pub struct Voice {
    board: Arc<Board>,
    tasks: SyncSender<Task>,
    engine: Thread,
    orders: SyncSender<Order>,
    next_out_of_band: AtomicU64,
}

impl Voice {
    /// Starts with the computer's sound devices: opens the speaker, leaves the microphone closed.
    ///
    /// # Errors
    /// See [`VoiceError`]. A missing speaker is an event, not an error.
    pub fn start(
        config: VoiceConfig,
        on_encoded: OnEncoded,
        on_event: OnEvent,
    ) -> Result<Self, VoiceError> {
        let io = Box::new(SoundCards::default());
        Self::start_with(io, config, on_encoded, on_event)
    }

    /// Starts with other devices, as [`Headless`](super::headless::Headless).
    ///
    /// # Errors
    /// See [`VoiceError`].
    pub fn start_with(
        io: Box<dyn AudioIo>,
        config: VoiceConfig,
        on_encoded: OnEncoded,
        on_event: OnEvent,
    ) -> Result<Self, VoiceError> {
        let encoder = VoiceEncoder::new().map_err(|error| VoiceError::Codec(error.to_string()))?;
        let decoder = OpusDecoder::new().map_err(|error| VoiceError::Codec(error.to_string()))?;
        let board = Arc::new(Board::default());
        let events = Events::new(on_event);
        let (tasks, from_tasks) = mpsc::sync_channel(TASKS);
        let (orders, from_orders) = mpsc::sync_channel(ORDERS);

        let (its_board, its_events) = (board.clone(), events.clone());
        let engine = thread::Builder::new()
            .name("voice".into())
            .spawn(move || {
                let codec = (encoder, decoder);
                let processing = config.processing;
                Engine::new(
                    from_tasks, its_board, its_events, on_encoded, processing, codec,
                )
                .run();
            })?
            .thread()
            .clone();

        let its_orders = (orders.clone(), from_orders);
        let (its_engine, its_board) = ((tasks.clone(), engine.clone()), board.clone());
        thread::Builder::new()
            .name("voice-devices".into())
            .spawn(move || Keeper::new(io, its_orders, its_engine, its_board, events).run())?;

        let voice = Self {
            board,
            tasks,
            engine,
            orders,
            next_out_of_band: AtomicU64::new(1),
        };
        voice.order(Order::SetSpeaker(config.speaker));
        Ok(voice)
    }

    /// Opens a microphone, in place of the one that is open; `None` follows the system's default.
    pub fn open_microphone(&self, id: Option<String>) {
        let generation = self.new_generation();
        self.order(Order::OpenMicrophone { id, generation });
    }

    /// Closes the microphone. Nothing heard from now on is encoded, what was heard and not yet
    /// encoded is thrown away, and the handle is closed within 200 ms
    /// ([`VoiceEvent::MicrophoneClosed`]).
    pub fn close_microphone(&self) {
        self.new_generation();
        self.order(Order::CloseMicrophone);
    }

    /// Stops or resumes encoding. The device stays open and its level is still measured.
    pub fn set_muted(&self, muted: bool) {
        self.board.muted.store(muted, Ordering::Release);
    }

    /// Changes the speaker; `None` follows the system's default.
    pub fn set_speaker(&self, id: Option<String>) {
        self.order(Order::SetSpeaker(id));
    }

    /// Changes what is done to the microphone's sound.
    pub fn set_processing(&self, processing: Processing) {
        self.task(Task::Processing(processing));
    }

    /// Takes a packet from the network. Order, repetition and content may be anything.
    pub fn receive(&self, packet: ReceivedAudio) {
        // Full only when the engine has been stuck for seconds; the packet is late by then.
        if self.tasks.try_send(Task::Receive(packet)).is_err() {
            tracing::debug!("a packet found the engine stuck");
        }
        self.engine.unpark();
    }

    /// Tells what the network does to sent packets: share lost (0..=1) and bits a second for
    /// sound. The bit rate is kept within 16..=48 kbit/s.
    pub fn set_network(&self, loss: f32, bitrate_bps: u32) {
        self.task(Task::Network {
            loss,
            bitrate: bitrate_bps,
        });
    }

    /// Plays sound beside the call's: ringing, the test tone, a recorded clip.
    pub fn play_out_of_band(&self, samples: Arc<[f32]>, repeat: Repeat) -> OutOfBandId {
        let id = OutOfBandId(self.next_out_of_band.fetch_add(1, Ordering::Relaxed));
        self.task(Task::Play(id, samples, repeat));
        id
    }

    /// Stops sound given to [`Voice::play_out_of_band`]; nothing happens if it has ended.
    pub fn stop_out_of_band(&self, id: OutOfBandId) {
        self.task(Task::StopPlaying(id));
    }

    /// Peaks at the moment, for meters.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.board.levels()
    }

    /// Figures at the moment.
    #[must_use]
    pub fn stats(&self) -> VoiceStats {
        self.board.figures().0
    }

    /// Which moment of the sender's clock is being heard, for lip sync. `None` before the first
    /// sender report and while nothing is played.
    #[must_use]
    pub fn playout_offset(&self) -> Option<Playing> {
        self.board.figures().1
    }

    /// From now on, sound of the microphone that is open is not encoded any more.
    fn new_generation(&self) -> u64 {
        self.board.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn task(&self, task: Task) {
        if self.tasks.send(task).is_err() {
            tracing::debug!("engine has stopped");
        }
        self.engine.unpark();
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("keeper of devices has stopped");
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.new_generation();
        self.order(Order::Stop);
        self.task(Task::Stop);
    }
}

#[cfg(test)]
mod tests;
