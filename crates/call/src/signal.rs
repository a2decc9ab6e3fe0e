use std::fmt;

/// What two sessions say to each other through the server, sealed and signed by the client.
///
/// The same words as `jasmin_protocol::SignalBody`, with bytes instead of base64.
#[derive(Clone, PartialEq, Eq)]
pub enum Signal {
    /// The caller's offer.
    Offer(Offer),
    /// The callee's answer, with its candidates so far.
    Answer {
        /// SDP (RFC 8866).
        sdp: String,
        /// The callee's nonce.
        nonce: [u8; 32],
    },
    /// The caller opens its commitment.
    Reveal {
        /// The caller's nonce.
        nonce: [u8; 32],
    },
    /// Trickled candidates (RFC 8838), each the value of an `a=candidate` line.
    Candidates(Vec<String>),
    /// New ICE credentials in a running call (RFC 8839, section 4.4.1.1.1).
    RestartOffer {
        /// SDP.
        sdp: String,
    },
    /// The answer to [`Signal::RestartOffer`].
    RestartAnswer {
        /// SDP.
        sdp: String,
    },
}

/// The caller's offer, with its candidates so far.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// SDP (RFC 8866). Its `a=fingerprint` is what the DTLS certificate must have.
    pub sdp: String,
    /// `SHA-256(nonce || own fingerprint || own identity key)`.
    pub commitment: [u8; 32],
}

impl Signal {
    /// Returns the name of the kind, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Answer { .. } => "answer",
            Self::Reveal { .. } => "reveal",
            Self::Candidates(_) => "candidates",
            Self::RestartOffer { .. } => "restart offer",
            Self::RestartAnswer { .. } => "restart answer",
        }
    }
}

// SDP and candidates carry addresses, which do not belong in logs.
impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({})", self.kind())
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offer({} bytes)", self.sdp.len())
    }
}
