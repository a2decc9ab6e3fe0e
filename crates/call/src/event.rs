use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{ReceivedAudio, ReceivedVideo, SafetyWord, Signal};

/// What a [`Session`](crate::Session) wants done next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Nothing until then, unless something comes in: call
    /// [`Session::handle_timeout`](crate::Session::handle_timeout) at this time. `None` once the
    /// session has ended.
    Timeout(Option<Instant>),
    /// Send a datagram.
    Transmit(Transmit),
    /// Seal and send a message to the other device.
    Signal(Signal),
    /// Something happened.
    Event(Event),
}

/// A UDP datagram to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    /// From the socket bound to this address (one of the local candidates).
    pub source: SocketAddr,
    /// To there.
    pub destination: SocketAddr,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transmit({} bytes)", self.bytes.len())
    }
}

/// What happened in a session.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is a way, and the other side's certificate is the signed one. Media may flow: the
    /// first picture must be a keyframe.
    Connected,
    /// The other side's microphone or camera went on or off, by its own word.
    RemoteMedia {
        /// Its microphone is on.
        microphone: bool,
        /// Its camera is on.
        camera: bool,
    },
    /// Both nonces are open. The same four words on both sides mean that nobody sits in between.
    SafetyWords([SafetyWord; 4]),
    /// A picture came.
    Video(ReceivedVideo),
    /// Sound came.
    Audio(ReceivedAudio),
    /// The next encoded picture must be a keyframe. At most once a second.
    KeyframeWanted,
    /// What the video encoder may use has changed.
    VideoTarget(VideoTarget),
    /// What the audio encoder should reckon with has changed.
    AudioTarget(AudioTarget),
    /// How the connection is, about once a second.
    Quality(Quality),
    /// Nothing has been heard for 1.5 s. Nothing is sent but attempts to find a way.
    Reconnecting {
        /// When the session ends unless a way is found.
        gives_up_at: Instant,
    },
    /// Heard again.
    Recovered,
    /// Media takes another way through the network.
    PathChanged(Path),
    /// The other side hung up. [`Event::Ended`] follows.
    RemoteHungUp,
    /// Over. Nothing follows.
    Ended(SessionEnd),
}

/// What the video encoder may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoTarget {
    /// Payload bits a second.
    pub bitrate_bps: u32,
    /// Send no video for now: not connected, or too little room beside the sound. The camera may
    /// stay open; after the pause a keyframe is wanted.
    pub paused: bool,
    /// Skip captures until this is false again: more than 125 ms of video wait to be sent. No
    /// keyframe is needed afterwards.
    pub hold: bool,
}

/// What the audio encoder should reckon with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AudioTarget {
    /// Payload bits a second.
    pub bitrate_bps: u32,
    /// The share of our packets that gets lost, 0 to 1.
    pub loss: f32,
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Round trip, once measured.
    pub rtt: Option<Duration>,
    /// Share of the packets lost on the way here over the last second, 0 to 1.
    pub loss_in: f32,
    /// Share of our packets lost on the way there, as reported from there, 0 to 1.
    pub loss_out: f32,
    /// How much the arrival of sound varies (RFC 3550, section 6.4.1).
    pub jitter: Duration,
    /// Bits a second sent, all of it.
    pub sent_bps: u32,
    /// Bits a second received, all of it.
    pub received_bps: u32,
    /// What the path there is thought to take, bits a second.
    pub estimate_bps: u32,
    /// The way media takes.
    pub path: Option<Path>,
}

/// A way through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Directly from address to address.
    Host,
    /// Through an address translator.
    ServerReflexive,
    /// Through a relay.
    Relay,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    /// This side hung up.
    HungUp,
    /// The other side hung up.
    RemoteHungUp,
    /// No way was found, or it was lost for 60 s.
    Network,
    /// The certificate or the revealed nonce is not what the signed signalling said.
    Security,
    /// The other side does not speak as agreed.
    Protocol,
}
