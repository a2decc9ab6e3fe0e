//! My own devices: those that are open, and those that there are.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use jasmin_media::{
    audio::{
        AudioDevice, DeviceProblem as AudioProblem, VoiceEvent, device::Direction,
        list_microphones, list_speakers,
    },
    camera::{CameraEvent, CameraInfo, CameraProblem, list_cameras},
};

use super::actor::{Actor, failure};
use crate::{
    AlertView, DeviceKind, DeviceProblem, DeviceView, DevicesView, Failure, FailureCode,
    OwnDeviceView, Processing, PromptContext, Purpose, SystemWay,
    clock::local_ms,
    gate::{Access, Camera, Microphone, Scope},
    platform::settings_page,
    studio::Happening,
};

/// How long a passing remark stays.
const REMARK: Duration = Duration::from_secs(6);

/// My microphone and camera, wherever they are used at the moment.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) microphone: OwnDeviceView,
    pub(super) camera: OwnDeviceView,
    pub(super) muted: bool,
    /// Where they are used.
    pub(super) scope: Option<Scope>,
    /// What to call the devices when something happens to them.
    microphone_name: String,
    camera_name: String,
    remarks: Vec<(AlertView, Instant)>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            microphone: OwnDeviceView::Off,
            camera: OwnDeviceView::Off,
            muted: false,
            scope: None,
            microphone_name: String::new(),
            camera_name: String::new(),
            remarks: Vec::new(),
        }
    }
}

impl Own {
    pub(super) fn sends_sound(&self) -> bool {
        !self.muted && matches!(self.microphone, OwnDeviceView::On { .. })
    }

    pub(super) fn sends_picture(&self) -> bool {
        matches!(self.camera, OwnDeviceView::On { .. })
    }

    /// The microphone as people understand it: muted is off.
    pub(super) fn microphone_view(&self) -> OwnDeviceView {
        match &self.microphone {
            OwnDeviceView::On { .. } | OwnDeviceView::Opening if self.muted => OwnDeviceView::Off,
            OwnDeviceView::Off
            | OwnDeviceView::Asking
            | OwnDeviceView::Opening
            | OwnDeviceView::On { .. }
            | OwnDeviceView::Failed { .. } => self.microphone.clone(),
        }
    }

    pub(super) fn alerts(&self) -> Vec<AlertView> {
        self.remarks
            .iter()
            .map(|(alert, _)| alert.clone())
            .collect()
    }

    fn remark(&mut self, alert: AlertView, now: Instant) {
        self.remarks.retain(|(other, _)| *other != alert);
        self.remarks.insert(0, (alert, now + REMARK));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.remarks.iter().map(|(_, until)| *until).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.remarks.retain(|(_, until)| *until > now);
    }
}

/// Devices that are there.
#[derive(Debug, Default)]
pub(super) struct Lists {
    cameras: Vec<CameraInfo>,
    pub(super) microphones: Vec<AudioDevice>,
    speakers: Vec<AudioDevice>,
    looking: bool,
}

/// Opens the page of the system's settings where a device can be allowed.
pub(super) fn open_system_settings(purpose: Purpose) -> Result<(), Failure> {
    let Some((program, page)) = settings_page(purpose) else {
        return Err(failure(FailureCode::NotNow, "this system has no such page"));
    };
    match Command::new(program).arg(page).spawn() {
        // Whoever opens the page ends by itself.
        Ok(_running) => Ok(()),
        Err(error) => {
            tracing::warn!(%error, "the system's settings cannot be opened");
            Err(failure(FailureCode::NotNow, "the page cannot be opened"))
        }
    }
}

impl Actor {
    /// Opens what a call or check needs, as far as it is granted; the rest is asked for.
    pub(super) fn use_devices(
        &mut self,
        scope: Scope,
        context: &PromptContext,
        microphone: bool,
        camera: bool,
        pressed: bool,
    ) {
        self.own = Own {
            scope: Some(scope),
            ..Own::default()
        };
        if microphone {
            self.use_microphone(scope, context, pressed);
        }
        if camera {
            self.use_camera(scope, context, pressed);
        }
        self.refresh_devices();
    }

    fn use_microphone(&mut self, scope: Scope, context: &PromptContext, pressed: bool) {
        self.own.muted = false;
        self.studio.set_muted(false);
        if self.studio.captures_nothing() {
            self.own.microphone = self.on(0, 0);
            return;
        }
        self.own.microphone = match self.want::<Microphone>(scope, context, pressed) {
            Access::Granted(grant) => {
                match self
                    .studio
                    .open_microphone(grant, self.choices.microphone.clone())
                {
                    Ok(()) => OwnDeviceView::Opening,
                    Err(error) => {
                        tracing::error!(%error, "sound cannot be set up");
                        self.failed(DeviceKind::Microphone, DeviceProblem::Other)
                    }
                }
            }
            Access::Ask => OwnDeviceView::Asking,
            Access::Refused => self.failed(DeviceKind::Microphone, DeviceProblem::Consent),
        };
    }

    fn use_camera(&mut self, scope: Scope, context: &PromptContext, pressed: bool) {
        if self.studio.captures_nothing() {
            self.own.camera = self.on(0, 0);
            return;
        }
        self.own.camera = match self.want::<Camera>(scope, context, pressed) {
            Access::Granted(grant) => {
                let id = self.choices.camera.clone();
                match self.studio.open_camera(grant, id.as_deref()) {
                    Ok(_) => OwnDeviceView::Opening,
                    Err(error) => {
                        tracing::error!(%error, "pictures cannot be set up");
                        self.failed(DeviceKind::Camera, DeviceProblem::Other)
                    }
                }
            }
            Access::Ask => OwnDeviceView::Asking,
            Access::Refused => self.failed(DeviceKind::Camera, DeviceProblem::Consent),
        };
    }

    /// A call or check is over: everything closes, and what was allowed once is over.
    pub(super) fn release_devices(&mut self, scope: Scope) {
        self.prompts.drop_scope(scope);
        self.dirty |= self.gate.end(scope, local_ms());
        if self.own.scope == Some(scope) {
            self.studio.close();
            self.own = Own::default();
        }
    }

    pub(super) fn set_microphone(&mut self, on: bool) -> Result<(), Failure> {
        let (scope, context) = self.in_use()?;
        if !on {
            self.own.muted = true;
            self.studio.set_muted(true);
            if matches!(self.own.microphone, OwnDeviceView::Failed { .. }) {
                self.own.microphone = OwnDeviceView::Off;
            }
        } else if self.studio.microphone_is_open() {
            self.own.muted = false;
            self.studio.set_muted(false);
            self.own
                .remarks
                .retain(|(alert, _)| *alert != AlertView::SpeakingWhileMuted);
        } else {
            self.use_microphone(scope, &context, true);
        }
        self.tell_media();
        Ok(())
    }

    pub(super) fn set_camera(&mut self, on: bool) -> Result<(), Failure> {
        let (scope, context) = self.in_use()?;
        if on {
            self.use_camera(scope, &context, true);
        } else {
            self.studio.close_camera();
            self.own.camera = OwnDeviceView::Off;
        }
        self.tell_media();
        Ok(())
    }

    fn in_use(&self) -> Result<(Scope, PromptContext), Failure> {
        match self.own.scope {
            Some(Scope::Check) => Ok((Scope::Check, PromptContext::Check)),
            Some(scope @ Scope::Call(call_id)) => {
                let peer = self.calls.get(&call_id).map(|call| call.peer_id);
                let name = peer
                    .map(|peer| self.people.name(peer).to_owned())
                    .unwrap_or_default();
                Ok((scope, PromptContext::Call { name }))
            }
            None => Err(failure(
                FailureCode::NotNow,
                "no call and no check uses devices",
            )),
        }
    }

    /// A question was answered: open the device if it may be.
    pub(super) fn devices_after_answer(&mut self, purpose: Purpose, scope: Option<Scope>) {
        let Ok((used, context)) = self.in_use() else {
            return;
        };
        if scope.is_some_and(|scope| scope != used) {
            return;
        }
        let asking = |device: &OwnDeviceView| matches!(device, OwnDeviceView::Asking);
        match purpose {
            Purpose::Microphone if asking(&self.own.microphone) => {
                self.use_microphone(used, &context, false);
            }
            Purpose::Camera if asking(&self.own.camera) => self.use_camera(used, &context, false),
            Purpose::Microphone | Purpose::Camera => {}
        }
        self.tell_media();
    }

    /// Consent was taken back: the gate has cancelled the grant, and this closes at once.
    pub(super) fn close_withdrawn(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Camera => {
                self.studio.close_camera();
                if !matches!(self.own.camera, OwnDeviceView::Off) {
                    self.own.camera = self.failed(DeviceKind::Camera, DeviceProblem::Consent);
                }
            }
            Purpose::Microphone => {
                self.studio.close_microphone();
                if !matches!(self.own.microphone, OwnDeviceView::Off) {
                    self.own.microphone =
                        self.failed(DeviceKind::Microphone, DeviceProblem::Consent);
                }
            }
        }
        self.tell_media();
    }

    pub(super) fn device_says(&mut self, happening: Happening) {
        match happening {
            Happening::Camera(number, event) if self.studio.camera_number() == Some(number) => {
                self.camera_says(event);
            }
            // Of a camera that was closed or replaced.
            Happening::Camera(..) => {}
            Happening::Meter(id, peak) => {
                if let Some(check) = &mut self.check {
                    check.note_other(id, peak);
                }
            }
            Happening::Clip(recorded) => self.clip_recorded(recorded),
            Happening::Voice(event) => self.voice_says(event),
            Happening::CameraWithdrawn(number) => {
                tracing::info!(number, "the camera was closed because its consent ended");
            }
            Happening::MicrophoneWithdrawn(number) => {
                tracing::info!(
                    number,
                    "the microphone was closed because its consent ended"
                );
            }
        }
        self.tell_media();
    }

    fn camera_says(&mut self, event: CameraEvent) {
        let now = Instant::now();
        match event {
            CameraEvent::Opened(opened) => {
                self.own.camera_name = opened.name;
                self.own.camera = self.on(opened.width, opened.height);
                self.own
                    .remarks
                    .retain(|(alert, _)| !is_gone(alert, DeviceKind::Camera));
            }
            CameraEvent::Failed(problem) => {
                if problem == CameraProblem::Gone {
                    let name = self.own.camera_name.clone();
                    self.own.remark(
                        AlertView::DeviceGone {
                            kind: DeviceKind::Camera,
                            name,
                        },
                        now,
                    );
                }
                self.own.camera = self.failed(DeviceKind::Camera, camera_problem(problem));
                self.refresh_devices();
            }
            CameraEvent::Recovered => self.refresh_devices(),
            CameraEvent::Closed => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is of no use here, and the enum may grow"
    )]
    fn voice_says(&mut self, event: VoiceEvent) {
        let now = Instant::now();
        match event {
            VoiceEvent::MicrophoneOpened { name } if self.studio.microphone_is_open() => {
                self.own.microphone_name = name;
                self.own.microphone = self.on(0, 0);
                self.measure_microphones();
            }
            VoiceEvent::MicrophoneFailed(problem) if self.studio.microphone_is_open() => {
                self.own.microphone = self.failed(DeviceKind::Microphone, audio_problem(&problem));
            }
            VoiceEvent::DeviceGone(direction) => {
                let (kind, name) = match direction {
                    Direction::Microphone => {
                        (DeviceKind::Microphone, self.own.microphone_name.clone())
                    }
                    Direction::Speaker => (DeviceKind::Speaker, String::new()),
                };
                self.own.remark(AlertView::DeviceGone { kind, name }, now);
                self.refresh_devices();
            }
            VoiceEvent::SpeakerFailed(problem) => {
                tracing::warn!(%problem, "no sound can be played");
                let name = String::new();
                self.own.remark(
                    AlertView::DeviceGone {
                        kind: DeviceKind::Speaker,
                        name,
                    },
                    now,
                );
            }
            VoiceEvent::Level(peak) => self.level(peak),
            VoiceEvent::SpeakingWhileMuted if self.own.muted => {
                self.own.remark(AlertView::SpeakingWhileMuted, now);
            }
            VoiceEvent::SilentMicrophone => {
                let device = self.own.microphone_name.clone();
                self.own.remark(AlertView::SilentMicrophone { device }, now);
            }
            VoiceEvent::OutOfBandEnded(id) => {
                if let Some(check) = &mut self.check
                    && check.tone == Some(id)
                {
                    check.tone = None;
                }
            }
            _ => {}
        }
    }

    fn on(&self, width: u32, height: u32) -> OwnDeviceView {
        OwnDeviceView::On {
            since_ms: self.unix_ms(Instant::now()),
            width,
            height,
        }
    }

    fn failed(&self, kind: DeviceKind, problem: DeviceProblem) -> OwnDeviceView {
        let known = match kind {
            DeviceKind::Camera => &self.own.camera_name,
            DeviceKind::Microphone => &self.own.microphone_name,
            DeviceKind::Speaker => return OwnDeviceView::Off,
        };
        let device = if known.is_empty() {
            self.lists.chosen(kind, &self.choices)
        } else {
            known.clone()
        };
        OwnDeviceView::Failed { problem, device }
    }

    pub(super) fn choose_device(
        &mut self,
        kind: DeviceKind,
        id: Option<String>,
    ) -> Result<(), Failure> {
        match kind {
            DeviceKind::Camera => {
                self.choices.camera = id;
                if let (true, Ok((scope, context))) = (self.studio.camera_is_open(), self.in_use())
                {
                    self.use_camera(scope, &context, false);
                }
            }
            DeviceKind::Microphone => {
                self.choices.microphone = id;
                if let (true, Ok((scope, context))) =
                    (self.studio.microphone_is_open(), self.in_use())
                {
                    let muted = self.own.muted;
                    self.use_microphone(scope, &context, false);
                    self.own.muted = muted;
                    self.studio.set_muted(muted);
                }
            }
            DeviceKind::Speaker => {
                self.choices.speaker.clone_from(&id);
                self.studio.set_speaker(id);
            }
        }
        self.dirty = true;
        self.tell_media();
        Ok(())
    }

    pub(super) fn set_processing(&mut self, processing: Processing) -> Result<(), Failure> {
        self.processing = processing;
        self.studio.set_processing(processing);
        self.dirty = true;
        Ok(())
    }

    /// Looks for devices, without opening any.
    pub(super) fn refresh_devices(&mut self) {
        if self.lists.looking || self.studio.captures_nothing() {
            return;
        }
        self.lists.looking = true;
        let looking = tokio::task::spawn_blocking(|| Lists {
            cameras: list_cameras(),
            microphones: list_microphones().unwrap_or_else(none_found),
            speakers: list_speakers().unwrap_or_else(none_found),
            looking: false,
        });
        self.background(looking, |actor, lists| match lists {
            Ok(lists) => {
                actor.lists = lists;
                actor.measure_microphones();
            }
            Err(error) => {
                tracing::error!(%error, "looking for devices failed");
                actor.lists.looking = false;
            }
        });
    }

    pub(super) fn devices_view(&self) -> DevicesView {
        let sound = |device: &AudioDevice| DeviceView {
            id: device.id.clone(),
            name: device.name.clone(),
            is_default: device.is_default,
        };
        let camera = |(index, camera): (usize, &CameraInfo)| DeviceView {
            id: camera.id.clone(),
            name: camera.name.clone(),
            is_default: index == 0,
        };
        DevicesView {
            cameras: self.lists.cameras.iter().enumerate().map(camera).collect(),
            microphones: self.lists.microphones.iter().map(sound).collect(),
            speakers: self.lists.speakers.iter().map(sound).collect(),
            camera: self.choices.camera.clone(),
            microphone: self.choices.microphone.clone(),
            speaker: self.choices.speaker.clone(),
            processing: self.processing,
            system_way: match settings_page(Purpose::Camera) {
                Some(_) => SystemWay::Settings,
                None => SystemWay::Rights,
            },
        }
    }
}

impl Lists {
    pub(super) fn default_microphone(&self) -> Option<String> {
        let default = self.microphones.iter().find(|device| device.is_default);
        default
            .or(self.microphones.first())
            .map(|device| device.id.clone())
    }

    fn chosen(&self, kind: DeviceKind, choices: &crate::vault::DeviceChoices) -> String {
        let sound = |devices: &[AudioDevice], id: &Option<String>| {
            let chosen = devices
                .iter()
                .find(|device| Some(&device.id) == id.as_ref());
            chosen.or(devices.first()).map(|device| device.name.clone())
        };
        match kind {
            DeviceKind::Camera => {
                let id = choices.camera.as_ref();
                let chosen = self.cameras.iter().find(|camera| Some(&camera.id) == id);
                chosen
                    .or(self.cameras.first())
                    .map(|camera| camera.name.clone())
            }
            DeviceKind::Microphone => sound(&self.microphones, &choices.microphone),
            DeviceKind::Speaker => sound(&self.speakers, &choices.speaker),
        }
        .unwrap_or_default()
    }
}

fn none_found(problem: AudioProblem) -> Vec<AudioDevice> {
    tracing::info!(%problem, "sound devices cannot be listed");
    Vec::new()
}

fn is_gone(alert: &AlertView, of: DeviceKind) -> bool {
    matches!(alert, AlertView::DeviceGone { kind, .. } if *kind == of)
}

fn camera_problem(problem: CameraProblem) -> DeviceProblem {
    match problem {
        CameraProblem::Busy => DeviceProblem::Busy,
        CameraProblem::Denied => DeviceProblem::System,
        CameraProblem::Missing => DeviceProblem::NoneFound,
        CameraProblem::Gone => DeviceProblem::Gone,
        CameraProblem::Stalled => DeviceProblem::Stalled,
        CameraProblem::NoFormat | CameraProblem::Other => DeviceProblem::Other,
    }
}

fn audio_problem(problem: &AudioProblem) -> DeviceProblem {
    match problem {
        AudioProblem::Missing => DeviceProblem::NoneFound,
        AudioProblem::Busy => DeviceProblem::Busy,
        AudioProblem::NotAllowed => DeviceProblem::System,
        AudioProblem::Gone => DeviceProblem::Gone,
        AudioProblem::NoSoundSystem => DeviceProblem::NoneFound,
        AudioProblem::Unsupported(_) | AudioProblem::Failed(_) => DeviceProblem::Other,
    }
}
