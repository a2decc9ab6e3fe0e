/// Why a call cannot be made out of an offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not SDP (RFC 8866), or not one that can be answered.
    #[error("the offer is not valid SDP: {0}")]
    Sdp(String),
    /// No sound in a codec that both know.
    #[error("the offer has no audio in Opus")]
    NoAudio,
    /// More than 64 KiB.
    #[error("the offer is too large: {0} bytes")]
    TooLarge(usize),
    /// No SHA-256 certificate fingerprint (RFC 8122).
    #[error("the offer names no SHA-256 certificate fingerprint")]
    NoFingerprint,
    /// The session's own certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
}

/// Why a session cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The session's own certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
}

/// Why a message from the other side was not used. The session goes on as if it had not come,
/// unless it also says [`Ended`](crate::Event::Ended).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Does not fit the role or the state: a replay, or a message that crossed another.
    #[error("a {0} is not expected now")]
    Unexpected(&'static str),
    /// Not SDP (RFC 8866), or not one that fits.
    #[error("the {kind} is not valid SDP: {reason}")]
    Sdp {
        /// Of which message.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// More than 64 KiB, or more than 64 candidates.
    #[error("the {0} is too large")]
    TooLarge(&'static str),
    /// The revealed nonce is not the committed one.
    #[error("the revealed nonce is not the one that was committed to")]
    BrokenCommitment,
}

/// Why a local candidate was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable candidate address: {0}")]
pub struct CandidateError(pub String);
