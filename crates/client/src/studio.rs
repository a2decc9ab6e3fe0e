//! The devices of this person: camera, microphone and speaker, opened with a grant in hand, closed
//! when it is withdrawn. Calls and the device check take pictures and sound from here.

mod clip;
mod echo;
mod plane;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use jasmin_media::{
    audio::{
        AudioIo, DeviceProblem, EncodedAudio, Meter, Voice, VoiceConfig, VoiceError, VoiceEvent,
        headless::{Headless, Hears},
    },
    camera::{Camera, CameraBackend, CameraEvent, Want, Webcam},
    frame::{EncodedVideo, VideoFrame},
    synthetic::SyntheticCamera,
    video::{Preview, VideoError, VideoSend},
};
use tokio::sync::mpsc;

use clip::ClipTap;
pub(crate) use clip::Recorded;

use crate::{
    Processing,
    driver::{Outgoing, Plane},
    gate::{self, Grant},
    remote::RemotePicture,
};

/// Frames that wait for the call: less than a second of sound.
const OUTGOING: usize = 64;

/// Which devices a client uses.
#[derive(Clone)]
#[non_exhaustive]
pub enum Devices {
    /// The computer's.
    System,
    /// None: what the other side sends is sent back a second later. Needs no consent, as nobody is
    /// seen or heard.
    Echo,
    /// Stand-ins for camera and sound card: for programs without devices.
    Synthetic {
        /// In place of a camera.
        camera: Arc<dyn CameraBackend>,
        /// In place of a sound card.
        sound: Arc<dyn Fn() -> Box<dyn AudioIo> + Send + Sync>,
    },
}

impl Devices {
    /// A ball that bounces and beeps, and a speaker that nobody hears: for programs that try calls.
    pub fn ball_and_beep() -> Self {
        let since = Instant::now();
        let sound =
            move || -> Box<dyn AudioIo> { Box::new(Headless::new(Hears::Beeps { since }, None)) };
        Self::Synthetic {
            camera: Arc::new(SyntheticCamera),
            sound: Arc::new(sound),
        }
    }
}

impl std::fmt::Debug for Devices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Echo => "Echo",
            Self::Synthetic { .. } => "Synthetic",
        })
    }
}

/// What the devices tell.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Of the camera that was opened as number so-and-so.
    Camera(u64, CameraEvent),
    /// Of microphone or speaker.
    Voice(VoiceEvent),
    /// The grant of the camera that was opened as number so-and-so was withdrawn; it is closed.
    CameraWithdrawn(u64),
    /// The grant of the microphone was withdrawn; it is closed.
    MicrophoneWithdrawn(u64),
    /// The level of one of the microphones that are only measured: its id, and its peak (0 to 1).
    Meter(String, f32),
    /// The clip is recorded.
    Clip(Result<Recorded, String>),
}

type Tell = Arc<dyn Fn(Happening) + Send + Sync>;

/// See the module.
pub(crate) struct Studio {
    devices: Devices,
    tell: Tell,
    preview: Preview,
    tap: Arc<Tap>,
    clip: Arc<ClipTap>,
    meters: Vec<OpenMeter>,
    voice: Option<Arc<Voice>>,
    video: Option<Arc<VideoSend>>,
    camera: Option<OpenCamera>,
    microphone: Option<OpenMicrophone>,
    processing: Processing,
    speaker: Option<String>,
    opened: u64,
}

/// The media side of a call, a way to give it more, and what comes out of it.
pub(crate) type Joined = (
    Box<dyn Plane>,
    mpsc::Sender<Outgoing>,
    mpsc::Receiver<Outgoing>,
);

/// Where encoded pictures and sound go: the running call, or nowhere.
#[derive(Default)]
struct Tap {
    call: Mutex<Option<mpsc::Sender<Outgoing>>>,
    /// Too much video waits in the call: captures are skipped.
    hold: AtomicBool,
}

impl Tap {
    fn send(&self, outgoing: Outgoing) {
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*call
            && sender.try_send(outgoing).is_err()
        {
            tracing::trace!("the call is behind: a frame was left out");
        }
    }

    fn connect(&self, sender: Option<mpsc::Sender<Outgoing>>) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }
}

struct OpenCamera {
    number: u64,
    _camera: Arc<Camera>,
    _grant: Grant<gate::Camera>,
    watch: tokio::task::JoinHandle<()>,
}

/// A microphone that is open only to be measured.
struct OpenMeter {
    id: String,
    _meter: Meter,
    grant: Grant<gate::Microphone>,
}

struct OpenMicrophone {
    _grant: Grant<gate::Microphone>,
    watch: tokio::task::JoinHandle<()>,
}

impl Drop for OpenCamera {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Drop for OpenMicrophone {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Studio {
    pub(crate) fn new(
        devices: Devices,
        processing: Processing,
        speaker: Option<String>,
        tell: Tell,
    ) -> Self {
        Self {
            devices,
            tell,
            preview: Preview::new(),
            tap: Arc::default(),
            clip: Arc::default(),
            meters: Vec::new(),
            voice: None,
            video: None,
            camera: None,
            microphone: None,
            processing,
            speaker,
            opened: 0,
        }
    }

    /// The self-view.
    pub(crate) fn preview(&self) -> Preview {
        self.preview.clone()
    }

    /// Whether nobody has to be asked, because nothing is captured.
    pub(crate) fn captures_nothing(&self) -> bool {
        matches!(self.devices, Devices::Echo)
    }

    /// Opens a camera, in place of the one that is open. Returns its number, by which its events
    /// can be told from those of the one before.
    ///
    /// # Errors
    /// When no encoder thread can be started.
    pub(crate) fn open_camera(
        &mut self,
        grant: Grant<gate::Camera>,
        id: Option<&str>,
    ) -> Result<u64, VideoError> {
        self.close_camera();
        self.opened += 1;
        let number = self.opened;
        let video = self.video()?;
        let backend: Arc<dyn CameraBackend> = match &self.devices {
            Devices::System => Arc::new(Webcam),
            Devices::Synthetic { camera, .. } => Arc::clone(camera),
            Devices::Echo => return Ok(number),
        };
        let (preview, tap) = (self.preview.clone(), Arc::clone(&self.tap));
        let clip = Arc::clone(&self.clip);
        let on_frame = move |frame: VideoFrame| {
            preview.push(frame.clone());
            clip.picture(&frame);
            if !tap.hold.load(Ordering::Relaxed) {
                video.push(frame);
            }
        };
        let tell = Arc::clone(&self.tell);
        let camera = Arc::new(Camera::open_with(
            backend,
            id,
            Want::default(),
            Default::default(),
            Box::new(on_frame),
            Box::new(move |event| tell(Happening::Camera(number, event))),
        ));
        let watch = tokio::spawn({
            let (camera, tell) = (Arc::clone(&camera), Arc::clone(&self.tell));
            let withdrawn = grant.withdrawn();
            let preview = self.preview.clone();
            async move {
                withdrawn.cancelled().await;
                camera.close();
                preview.clear();
                tell(Happening::CameraWithdrawn(number));
            }
        });
        self.camera = Some(OpenCamera {
            number,
            _camera: camera,
            _grant: grant,
            watch,
        });
        Ok(number)
    }

    /// Closes the camera; the last picture is wiped.
    pub(crate) fn close_camera(&mut self) {
        if let Some(open) = self.camera.take() {
            open._camera.close();
            self.preview.clear();
        }
    }

    /// The number of the camera that is open.
    pub(crate) fn camera_number(&self) -> Option<u64> {
        self.camera.as_ref().map(|open| open.number)
    }

    /// Opens a microphone, in place of the one that is open.
    ///
    /// # Errors
    /// When sound cannot be set up at all.
    pub(crate) fn open_microphone(
        &mut self,
        grant: Grant<gate::Microphone>,
        id: Option<String>,
    ) -> Result<(), VoiceError> {
        self.opened += 1;
        let number = self.opened;
        let voice = self.voice()?;
        voice.open_microphone(id);
        let tell = Arc::clone(&self.tell);
        let withdrawn = grant.withdrawn();
        let watch = tokio::spawn(async move {
            withdrawn.cancelled().await;
            voice.close_microphone();
            tell(Happening::MicrophoneWithdrawn(number));
        });
        self.microphone = Some(OpenMicrophone {
            _grant: grant,
            watch,
        });
        Ok(())
    }

    /// Closes the microphone.
    pub(crate) fn close_microphone(&mut self) {
        self.meters.clear();
        if let (Some(_), Some(voice)) = (self.microphone.take(), &self.voice) {
            voice.close_microphone();
        }
    }

    pub(crate) fn microphone_is_open(&self) -> bool {
        self.microphone.is_some()
    }

    pub(crate) fn camera_is_open(&self) -> bool {
        self.camera.is_some()
    }

    /// Stops or resumes sending sound; the microphone stays open.
    pub(crate) fn set_muted(&self, muted: bool) {
        if let Some(voice) = &self.voice {
            voice.set_muted(muted);
        }
    }

    pub(crate) fn set_speaker(&mut self, id: Option<String>) {
        if let Some(voice) = &self.voice {
            voice.set_speaker(id.clone());
        }
        self.speaker = id;
    }

    pub(crate) fn set_processing(&mut self, processing: Processing) {
        if let Some(voice) = &self.voice {
            voice.set_processing(media_processing(processing));
        }
        self.processing = processing;
    }

    /// The sound engine, started on first use: opens the speaker, never the microphone.
    ///
    /// # Errors
    /// When sound cannot be set up at all.
    pub(crate) fn voice(&mut self) -> Result<Arc<Voice>, VoiceError> {
        if let Some(voice) = &self.voice {
            return Ok(Arc::clone(voice));
        }
        let config = VoiceConfig {
            speaker: self.speaker.clone(),
            processing: media_processing(self.processing),
        };
        let tap = Arc::clone(&self.tap);
        let mut clock = plane::Unwrap::default();
        let clip = Arc::clone(&self.clip);
        let on_encoded = move |audio: EncodedAudio| {
            clip.packet(&audio.data);
            tap.send(plane::outgoing_audio(audio, &mut clock));
        };
        let tell = Arc::clone(&self.tell);
        let on_event = move |event| tell(Happening::Voice(event));
        let voice = Arc::new(match &self.devices {
            Devices::System | Devices::Echo => {
                Voice::start(config, Box::new(on_encoded), Box::new(on_event))?
            }
            Devices::Synthetic { sound, .. } => {
                Voice::start_with(sound(), config, Box::new(on_encoded), Box::new(on_event))?
            }
        });
        self.voice = Some(Arc::clone(&voice));
        Ok(voice)
    }

    fn video(&mut self) -> Result<Arc<VideoSend>, VideoError> {
        if let Some(video) = &self.video {
            return Ok(Arc::clone(video));
        }
        let tap = Arc::clone(&self.tap);
        let started = Instant::now();
        let video = Arc::new(VideoSend::start(move |frame: EncodedVideo| {
            tap.send(plane::outgoing_video(frame, started));
        })?);
        // Nothing is encoded before a call says that it is connected.
        video.set_paused(true);
        self.video = Some(Arc::clone(&video));
        Ok(video)
    }

    /// Measures microphones beside the one that is open: exactly these.
    pub(crate) fn measure(
        &mut self,
        wanted: &[String],
        mut grant: impl FnMut() -> Option<Grant<gate::Microphone>>,
    ) {
        if !matches!(self.devices, Devices::System) {
            return;
        }
        self.meters
            .retain(|open| wanted.contains(&open.id) && !open.grant.is_withdrawn());
        for id in wanted {
            if self.meters.iter().any(|open| open.id == *id) {
                continue;
            }
            let Some(grant) = grant() else { return };
            let (tell, name) = (Arc::clone(&self.tell), id.clone());
            let on_level = move |level: Result<f32, DeviceProblem>| {
                tell(Happening::Meter(name.clone(), level.unwrap_or(0.0)));
            };
            match Meter::open(id.clone(), Box::new(on_level)) {
                Ok(meter) => {
                    self.meters.push(OpenMeter {
                        id: id.clone(),
                        _meter: meter,
                        grant,
                    });
                }
                Err(problem) => tracing::info!(%problem, "a microphone cannot be measured"),
            }
        }
    }

    /// Records the clip of the device check; [`Happening::Clip`] follows.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn record_clip(&self) -> std::io::Result<()> {
        let tell = Arc::clone(&self.tell);
        self.clip
            .record(move |recorded| tell(Happening::Clip(recorded)))
    }

    /// The media side for a new call, and what comes out of it. The call before gets nothing more.
    ///
    /// # Errors
    /// When sound or an encoder cannot be set up at all.
    pub(crate) fn join(&mut self, remote: Arc<RemotePicture>) -> Result<Joined, StudioError> {
        let (sender, receiver) = mpsc::channel(OUTGOING);
        let plane: Box<dyn Plane> = match self.devices {
            Devices::Echo => Box::new(echo::EchoPlane::new(sender.clone())),
            Devices::System | Devices::Synthetic { .. } => {
                let plane = plane::DevicePlane::new(
                    self.voice()?,
                    self.video()?,
                    Arc::clone(&self.tap),
                    remote,
                );
                self.tap.connect(Some(sender.clone()));
                Box::new(plane)
            }
        };
        Ok((plane, sender, receiver))
    }

    /// Closes everything: no call and no check goes on.
    pub(crate) fn close(&mut self) {
        self.tap.connect(None);
        self.clip.stop();
        self.tap.hold.store(false, Ordering::Relaxed);
        self.close_camera();
        self.close_microphone();
        self.video = None;
        self.voice = None;
    }
}

/// Why there can be neither sound nor picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StudioError {
    /// Sound.
    #[error(transparent)]
    Voice(#[from] VoiceError),
    /// Picture.
    #[error(transparent)]
    Video(#[from] VideoError),
}

fn media_processing(processing: Processing) -> jasmin_media::audio::Processing {
    jasmin_media::audio::Processing {
        echo_cancellation: processing.echo_cancellation,
        noise_suppression: processing.noise_suppression,
        automatic_gain: processing.automatic_gain,
    }
}
