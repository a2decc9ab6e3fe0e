pub(crate) mod link;
pub(crate) mod random;
pub(crate) mod source;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use jasmin_call::{
    Event, Output, Quality, Role, SafetyWord, SenderClock, Session, SessionConfig, SessionEnd,
    Signal, Transmit,
};
use link::{Conditions, Link};
use random::Random;
use source::{Camera, FRAME, Microphone, PACKET, frame_stamp, packet_stamp};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const UNIX_TIME: Duration = Duration::from_secs(1_795_000_000);

/// A frame that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    /// From capture to arrival of the whole.
    pub(crate) delay: Duration,
    pub(crate) contiguous: bool,
    pub(crate) keyframe: bool,
    /// When it was captured, by the sender's wall clock as the sender reports tell it.
    pub(crate) sender_time: Option<Duration>,
    /// When it was captured, since the start.
    pub(crate) captured: Duration,
}

/// One device: a session with a driver around it.
pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) address: SocketAddr,
    pub(crate) camera: Camera,
    pub(crate) microphone: Microphone,
    pub(crate) camera_on: bool,
    pub(crate) microphone_on: bool,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) video: Vec<Seen>,
    pub(crate) audio: Vec<Seen>,
    pub(crate) quality: Vec<(Instant, Quality)>,
    pub(crate) signals: Vec<Signal>,
    /// When each RTP packet (not RTCP) went out, and its size.
    pub(crate) rtp_out: Vec<(Instant, usize)>,
    pub(crate) timeout: Option<Instant>,
    next_frame: Instant,
    next_packet: Instant,
    /// When the driver, which has something to do, gets to it.
    wakes_at: Option<Instant>,
}

impl Side {
    pub(crate) fn new(session: Session, address: SocketAddr, seed: u64, start: Instant) -> Self {
        Self {
            session,
            address,
            camera: Camera::new(seed),
            microphone: Microphone::default(),
            camera_on: true,
            microphone_on: true,
            events: Vec::new(),
            video: Vec::new(),
            audio: Vec::new(),
            quality: Vec::new(),
            signals: Vec::new(),
            rtp_out: Vec::new(),
            timeout: None,
            next_frame: start,
            next_packet: start,
            wakes_at: None,
        }
    }

    /// When there is something to do here, but for what the network brings.
    fn due(&self, media: bool) -> Option<Instant> {
        let media = media.then(|| self.next_frame.min(self.next_packet));
        [self.timeout, media].into_iter().flatten().min()
    }

    pub(crate) fn first(&self, wanted: impl Fn(&Event) -> bool) -> Option<Instant> {
        self.events
            .iter()
            .find(|(_, event)| wanted(event))
            .map(|(at, _)| *at)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events
            .iter()
            .filter(|(_, event)| wanted(event))
            .count()
    }

    pub(crate) fn connected_at(&self) -> Option<Instant> {
        self.first(|event| matches!(event, Event::Connected))
    }

    pub(crate) fn end(&self) -> Option<SessionEnd> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::Ended(end) => Some(*end),
            _ => None,
        })
    }

    pub(crate) fn words(&self) -> Option<[SafetyWord; 4]> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::SafetyWords(words) => Some(*words),
            _ => None,
        })
    }
}

/// Two devices, the path between them, and the clock.
pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) sides: [Side; 2],
    /// From each side to the other.
    pub(crate) links: [Link; 2],
    /// How long a signal takes; `None`: the server is away, and signals are lost.
    pub(crate) signal_delay: Option<Duration>,
    signals: Vec<(Instant, usize, Signal)>,
    pub(crate) media: bool,
    /// How late a driver may come to what it has to do, evenly spread: the processor is busy. What
    /// has come in by then is taken at once.
    pub(crate) lateness: Duration,
    random: Random,
    /// Errors that a session returned for a signal.
    pub(crate) refused: Vec<String>,
    /// The last datagrams that each side sent.
    pub(crate) recent: [Vec<Transmit>; 2],
    /// May change a signal under way, like a server that lies.
    pub(crate) tamper: Option<fn(Signal) -> Signal>,
}

pub(crate) const CALLER: usize = 0;
pub(crate) const CALLEE: usize = 1;

pub(crate) fn config(seed: u64, role: Role) -> SessionConfig {
    let (own, peer) = match role {
        Role::Caller => (1, 2),
        Role::Callee => (2, 1),
    };
    SessionConfig {
        call_id: [9; 16],
        own_identity_key: [own; 32],
        peer_identity_key: [peer; 32],
        entropy: Random::new(seed * 2 + u64::from(own)).bytes(),
        unix_time: UNIX_TIME,
        microphone: true,
        camera: true,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "virtual time needs some instant to begin with"
)]
pub(crate) fn some_instant() -> Instant {
    // Later than whatever str0m takes for the beginning.
    Instant::now() + Duration::from_secs(5)
}

impl World {
    /// Two sessions that have not spoken yet: the offer is on its way, the callee will accept it.
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        let addresses = ["192.0.2.1:40000", "192.0.2.2:40000"].map(|a| a.parse().unwrap());
        Self::at(addresses, conditions, seed)
    }

    pub(crate) fn at(addresses: [SocketAddr; 2], conditions: Conditions, seed: u64) -> Self {
        let start = some_instant();
        let mut caller = Session::caller(config(seed, Role::Caller), start).unwrap();
        caller.add_local_candidate(addresses[0], start).unwrap();
        caller.make_offer(start);
        let Output::Signal(Signal::Offer(offer)) = caller.poll(start) else {
            panic!("the caller's first output is its offer");
        };
        let mut callee = Session::callee(config(seed, Role::Callee), offer, start).unwrap();
        callee.add_local_candidate(addresses[1], start).unwrap();
        callee.accept(start).unwrap();
        let mut world = Self::with([caller, callee], addresses, conditions, seed, start);
        world.drain(CALLER);
        world.drain(CALLEE);
        world
    }

    pub(crate) fn with(
        sessions: [Session; 2],
        addresses: [SocketAddr; 2],
        conditions: Conditions,
        seed: u64,
        start: Instant,
    ) -> Self {
        let [caller, callee] = sessions;
        Self {
            start,
            now: start,
            sides: [
                Side::new(caller, addresses[0], seed ^ 1, start),
                Side::new(callee, addresses[1], seed ^ 2, start),
            ],
            links: [
                Link::new(conditions.clone(), seed ^ 3),
                Link::new(conditions, seed ^ 4),
            ],
            signal_delay: Some(30 * MS),
            signals: Vec::new(),
            media: true,
            lateness: Duration::ZERO,
            random: Random::new(seed ^ 5),
            refused: Vec::new(),
            recent: [Vec::new(), Vec::new()],
            tamper: None,
        }
    }

    /// Changes both directions.
    pub(crate) fn set(&mut self, change: impl Fn(&mut Conditions)) {
        for link in &mut self.links {
            change(&mut link.conditions);
        }
    }

    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at.duration_since(self.start)
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until something is true, at most so long. Returns whether it became true.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + limit;
        while !done(self) {
            if !self.step(until) {
                self.now = until;
                return done(self);
            }
        }
        true
    }

    /// Runs until both are connected, and says how long it took.
    pub(crate) fn connect(&mut self) -> Duration {
        let both = |world: &Self| world.sides.iter().all(|side| side.connected_at().is_some());
        assert!(
            self.run_until(Duration::from_secs(20), both),
            "both connect"
        );
        self.now.duration_since(self.start)
    }

    // The next thing to happen, unless it is later than `until`.
    fn step(&mut self, until: Instant) -> bool {
        let signal = self.signals.iter().map(|(at, ..)| *at).min();
        let wakes = [CALLER, CALLEE].map(|side| self.wakes_at(side));
        let next = wakes.into_iter().flatten().chain(signal).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            return false;
        };
        self.now = self.now.max(next);
        self.happen();
        true
    }

    // When the driver of a side gets to what it has to do.
    fn wakes_at(&mut self, side: usize) -> Option<Instant> {
        if self.sides[side].wakes_at.is_some() {
            return self.sides[side].wakes_at;
        }
        let arrival = self.links[1 - side].next_arrival();
        let due = self.sides[side].due(self.media);
        let due = [arrival, due].into_iter().flatten().min()?;
        if self.lateness.is_zero() {
            return Some(due);
        }
        if due > self.now {
            // Something else may come before.
            return Some(due);
        }
        let at = self.now + self.lateness.mul_f64(self.random.unit());
        self.sides[side].wakes_at = Some(at);
        Some(at)
    }

    fn happen(&mut self) {
        let now = self.now;
        let awake = [CALLER, CALLEE].map(|side| {
            let at = self.sides[side].wakes_at;
            // A driver that is late is woken first, and then gets to it.
            let awake = at.map_or(self.lateness.is_zero(), |at| at <= now);
            if awake {
                self.sides[side].wakes_at = None;
            }
            awake
        });
        for to in [CALLER, CALLEE] {
            if !awake[to] {
                continue;
            }
            for flight in self.links[1 - to].arrived(now) {
                let Transmit {
                    source,
                    destination,
                    bytes,
                } = flight.datagram;
                // The other end of the path is whoever has the address.
                if destination == self.sides[to].address {
                    self.sides[to]
                        .session
                        .handle_datagram(source, destination, &bytes, now);
                    self.drain(to);
                }
            }
        }
        let due = self.signals.iter().filter(|(at, ..)| *at <= now).count();
        for (_, to, signal) in self.signals.drain(..due).collect::<Vec<_>>() {
            if let Err(error) = self.sides[to].session.handle_signal(signal, now) {
                self.refused.push(error.to_string());
            }
            self.drain(to);
        }
        for side in [CALLER, CALLEE] {
            if awake[side] && self.sides[side].timeout.is_some_and(|at| at <= now) {
                self.sides[side].session.handle_timeout(now);
                self.drain(side);
            }
        }
        for side in [CALLER, CALLEE] {
            while awake[side] && self.media && self.sides[side].next_frame <= now {
                let taken = self.sides[side].next_frame;
                self.sides[side].next_frame += FRAME;
                self.capture(side, taken);
            }
        }
        for side in [CALLER, CALLEE] {
            while awake[side] && self.media && self.sides[side].next_packet <= now {
                let spoken = self.sides[side].next_packet;
                self.sides[side].next_packet += PACKET;
                self.speak(side, spoken);
            }
        }
    }

    fn capture(&mut self, at: usize, taken: Instant) {
        let (start, now) = (self.start, self.now);
        let side = &mut self.sides[at];
        if side.camera_on && side.connected_at().is_some() {
            let target = side.session.video_target();
            if let Some(frame) = side.camera.capture(target, start, taken) {
                side.session.send_video(frame, now);
                self.drain(at);
            }
        }
    }

    fn speak(&mut self, at: usize, spoken: Instant) {
        let (start, now) = (self.start, self.now);
        let side = &mut self.sides[at];
        if side.microphone_on && side.connected_at().is_some() {
            let packet = side
                .microphone
                .speak(side.session.audio_target(), start, spoken);
            side.session.send_audio(packet, now);
            self.drain(at);
        }
    }

    /// Does what a session wants.
    pub(crate) fn drain(&mut self, at: usize) {
        let now = self.now;
        loop {
            match self.sides[at].session.poll(now) {
                Output::Timeout(timeout) => {
                    self.sides[at].timeout = timeout;
                    return;
                }
                Output::Transmit(datagram) => {
                    assert_eq!(
                        datagram.source, self.sides[at].address,
                        "from a bound address"
                    );
                    if is_rtp(&datagram.bytes) {
                        self.sides[at].rtp_out.push((now, datagram.bytes.len()));
                    }
                    self.recent[at].push(datagram.clone());
                    if self.recent[at].len() > 300 {
                        self.recent[at].remove(0);
                    }
                    self.links[at].send(datagram, now);
                }
                Output::Signal(signal) => {
                    self.sides[at].signals.push(signal.clone());
                    let signal = self.tamper.map_or(signal.clone(), |tamper| tamper(signal));
                    if let Some(delay) = self.signal_delay {
                        self.signals.push((now + delay, 1 - at, signal));
                    }
                }
                Output::Event(event) => self.note(at, event),
            }
        }
    }

    fn note(&mut self, at: usize, event: Event) {
        let (start, now) = (self.start, self.now);
        let side = &mut self.sides[at];
        match event {
            Event::Video(video) => {
                let (number, captured) = frame_stamp(&video.data);
                side.video.push(Seen {
                    number,
                    at: now,
                    delay: now.duration_since(start + captured),
                    contiguous: video.contiguous,
                    keyframe: video.keyframe,
                    sender_time: sender_time(video.sender_clock, video.rtp_time, 90_000),
                    captured,
                });
            }
            Event::Audio(audio) => {
                let (number, spoken) = packet_stamp(&audio.data);
                side.audio.push(Seen {
                    number,
                    at: now,
                    delay: now.duration_since(start + spoken),
                    contiguous: true,
                    keyframe: false,
                    sender_time: sender_time(audio.sender_clock, audio.rtp_time, 48_000),
                    captured: spoken,
                });
            }
            Event::KeyframeWanted => {
                side.camera.wants_keyframe = true;
                side.events.push((now, Event::KeyframeWanted));
            }
            Event::Quality(quality) => side.quality.push((now, quality)),
            other => side.events.push((now, other)),
        }
    }
}

fn sender_time(clock: Option<SenderClock>, rtp_time: u64, rate: u32) -> Option<Duration> {
    let clock = clock?;
    let ahead = rtp_time as f64 - clock.rtp_time as f64;
    Some(Duration::from_secs_f64(
        clock.ntp.as_secs_f64() + ahead / f64::from(rate),
    ))
}

pub(crate) fn is_rtp(bytes: &[u8]) -> bool {
    (128..=191).contains(&bytes[0]) && !(192..=223).contains(&bytes[1])
}
