//! Drives one [`call::Session`](jasmin_call::Session): its sockets, its timers, and the frames
//! between it and a [`Plane`]. Everything that the session decides, it decides without I/O; this
//! thread only carries. It is a thread of its own, before others, because every millisecond that it
//! comes late is heard and seen, and taken for a slow network.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use jasmin_call::{
    AudioTarget, EncodedAudio, EncodedVideo, Event, OfferError, Output, Path, Quality,
    ReceivedAudio, ReceivedVideo, SafetyWord, Session, SessionEnd, Signal, VideoTarget,
};
use jasmin_media::{
    stages::{Lap, Stage, StageClock},
    urgency::be_urgent,
};
use jasmin_protocol::CallId;
use tokio::{
    runtime::Builder,
    sync::mpsc,
    time::{Instant as TokioInstant, MissedTickBehavior, interval, sleep_until},
};

use crate::net::{self, Bound, Datagram, Net};

/// Orders that wait for the driver.
const ORDERS: usize = 64;

/// How often the computer's addresses are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(2);

/// The media side of a call: takes what comes in, and is told what to send.
pub(crate) trait Plane: Send + 'static {
    /// A picture came. Returns whether the decoder needs a keyframe.
    fn video(&mut self, video: ReceivedVideo) -> bool;
    /// Sound came.
    fn audio(&mut self, audio: ReceivedAudio);
    /// The next picture to send must be a keyframe.
    fn keyframe_wanted(&mut self);
    /// What the video encoder may use.
    fn set_video_target(&mut self, target: VideoTarget);
    /// What the audio encoder should reckon with.
    fn set_audio_target(&mut self, target: AudioTarget);
}

/// What a plane sends.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A picture.
    Video(EncodedVideo),
    /// Sound.
    Audio(EncodedAudio),
    /// The page's decoder needs a keyframe.
    NeedKeyframe,
}

/// What the controller wants of a session.
#[derive(Debug)]
pub(crate) enum Order {
    /// Make the offer.
    Offer,
    /// Answer.
    Accept,
    /// A message from the other device, opened and verified.
    Signal(Signal),
    /// What of this side is on.
    LocalMedia { microphone: bool, camera: bool },
    /// Look for a way anew: the other side may not have been told that this one wants to.
    RestartIce,
    /// Say goodbye and end.
    HangUp,
}

/// What the controller hears of a session.
#[derive(Debug)]
pub(crate) enum Update {
    /// Seal and send this.
    Signal(Signal),
    /// Media may flow.
    Connected,
    /// The other side's devices, by its own word.
    RemoteMedia { microphone: bool, camera: bool },
    /// Both nonces are open.
    SafetyWords([SafetyWord; 4]),
    /// How the connection is, once a second.
    Quality(Quality),
    /// Nothing is heard.
    Reconnecting { gives_up_at: Instant },
    /// Heard again.
    Recovered,
    /// Media goes another way.
    PathChanged(Path),
    /// This computer has other addresses than before; another way is looked for.
    AddressesChanged,
    /// The offer cannot be answered.
    CannotAnswer(OfferError),
    /// Over; the last one.
    Ended(SessionEnd),
}

/// A running session. Dropping it ends it without a goodbye.
#[derive(Debug)]
pub(crate) struct Driver {
    orders: mpsc::Sender<Order>,
}

impl Driver {
    /// Starts to drive. Updates come with the call's name; the session's candidates must have been
    /// added from `net`.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub(crate) fn start(
        call_id: CallId,
        session: Session,
        net: Bound,
        plane: Box<dyn Plane>,
        outgoing: mpsc::Receiver<Outgoing>,
        updates: impl Fn(CallId, Update) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, received) = mpsc::channel(ORDERS);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let update = move |update| updates(call_id, update);
        let drive = async move {
            match Net::listen(net) {
                Ok(net) => {
                    let drive = Drive {
                        session,
                        net,
                        plane,
                        outgoing,
                        orders: received,
                        ended: false,
                        packetising: StageClock::new(Stage::Packetise),
                        receiving: StageClock::new(Stage::Receive),
                    };
                    drive.run(update).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the sockets cannot be waited for");
                    update(Update::Ended(SessionEnd::Network));
                }
            }
        };
        thread::Builder::new().name("call".into()).spawn(move || {
            be_urgent();
            runtime.block_on(drive);
        })?;
        Ok(Self { orders })
    }

    /// Gives an order. A driver that has ended takes none; it has said so.
    pub(crate) fn order(&self, order: Order) {
        if let Err(error) = self.orders.try_send(order) {
            tracing::debug!(%error, "an order came to a session that has ended");
        }
    }
}

struct Drive {
    session: Session,
    net: Net,
    plane: Box<dyn Plane>,
    outgoing: mpsc::Receiver<Outgoing>,
    orders: mpsc::Receiver<Order>,
    ended: bool,
    packetising: StageClock,
    receiving: StageClock,
}

/// What the session was given, until it wants nothing more.
enum Given {
    Datagram(Lap),
    Picture(Lap),
    Other,
}

impl Drive {
    async fn run(mut self, update: impl Fn(Update) + Send) {
        let mut look_around = interval(LOOK_AROUND);
        look_around.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut given = Given::Other;
        loop {
            let deadline = self.drain(&update);
            match given {
                Given::Datagram(lap) => self.receiving.end(lap),
                Given::Picture(lap) => self.packetising.end(lap),
                Given::Other => {}
            }
            given = Given::Other;
            if self.ended {
                return;
            }
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order, &update),
                    None => return,
                },
                Some(datagram) = self.net.receive() => {
                    given = Given::Datagram(self.receiving.begin());
                    self.take_in(datagram);
                }
                Some(outgoing) = self.outgoing.recv() => {
                    if matches!(outgoing, Outgoing::Video(_)) {
                        given = Given::Picture(self.packetising.begin());
                    }
                    self.send(outgoing);
                }
                _ = look_around.tick() => self.look_around(&update),
                () = sleep_until(TokioInstant::from_std(deadline.unwrap_or_else(Instant::now))),
                    if deadline.is_some() => {
                    self.session.handle_timeout(Instant::now());
                }
            }
        }
    }

    /// Does what the session wants. Returns when it wants to be woken.
    fn drain(&mut self, update: &impl Fn(Update)) -> Option<Instant> {
        loop {
            match self.session.poll(Instant::now()) {
                Output::Timeout(deadline) => return deadline,
                Output::Transmit(transmit) => {
                    self.net
                        .send(transmit.source, transmit.destination, &transmit.bytes);
                }
                Output::Signal(signal) => update(Update::Signal(signal)),
                Output::Event(event) => self.happened(event, update),
            }
        }
    }

    fn happened(&mut self, event: Event, update: &impl Fn(Update)) {
        match event {
            Event::Video(video) => {
                if self.plane.video(video) {
                    self.session.request_keyframe(Instant::now());
                }
            }
            Event::Audio(audio) => self.plane.audio(audio),
            Event::KeyframeWanted => self.plane.keyframe_wanted(),
            Event::VideoTarget(target) => self.plane.set_video_target(target),
            Event::AudioTarget(target) => self.plane.set_audio_target(target),
            Event::Connected => update(Update::Connected),
            Event::RemoteMedia { microphone, camera } => {
                update(Update::RemoteMedia { microphone, camera });
            }
            Event::SafetyWords(words) => update(Update::SafetyWords(words)),
            Event::Quality(quality) => update(Update::Quality(quality)),
            Event::Reconnecting { gives_up_at } => update(Update::Reconnecting { gives_up_at }),
            Event::Recovered => update(Update::Recovered),
            Event::PathChanged(path) => update(Update::PathChanged(path)),
            Event::RemoteHungUp => {}
            Event::Ended(end) => {
                self.ended = true;
                update(Update::Ended(end));
            }
        }
    }

    fn obey(&mut self, order: Order, update: &impl Fn(Update)) {
        let now = Instant::now();
        match order {
            Order::Offer => self.session.make_offer(now),
            Order::Accept => {
                if let Err(error) = self.session.accept(now) {
                    update(Update::CannotAnswer(error));
                }
            }
            Order::Signal(signal) => {
                let kind = signal.kind();
                if let Err(error) = self.session.handle_signal(signal, now) {
                    tracing::info!(kind, %error, "a message from the other side was not used");
                }
            }
            Order::LocalMedia { microphone, camera } => {
                self.session.set_local_media(microphone, camera, now);
            }
            Order::RestartIce => self.session.restart_ice(now),
            Order::HangUp => self.session.hang_up(now),
        }
    }

    /// The computer may have changed networks: sockets follow, and the call looks for another way.
    fn look_around(&mut self, update: &impl Fn(Update)) {
        let change = match net::present() {
            Ok(ips) => self.net.follow(&ips),
            Err(error) => {
                tracing::debug!(%error, "the addresses of this computer are not told");
                return;
            }
        };
        if change == net::Change::default() {
            return;
        }
        tracing::info!(
            added = change.added.len(),
            removed = change.removed.len(),
            "the addresses of this computer changed"
        );
        let now = Instant::now();
        for address in change.removed {
            self.session.remove_local_candidate(address, now);
        }
        for address in change.added {
            if let Err(error) = self.session.add_local_candidate(address, now) {
                tracing::debug!(%error, "a new address is no candidate");
            }
        }
        self.session.restart_ice(now);
        update(Update::AddressesChanged);
    }

    fn take_in(&mut self, datagram: Datagram) {
        self.session.handle_datagram(
            datagram.source,
            datagram.destination,
            &datagram.contents,
            Instant::now(),
        );
    }

    fn send(&mut self, outgoing: Outgoing) {
        let now = Instant::now();
        match outgoing {
            Outgoing::Video(video) => self.session.send_video(video, now),
            Outgoing::Audio(audio) => self.session.send_audio(audio, now),
            Outgoing::NeedKeyframe => self.session.request_keyframe(now),
        }
    }
}
