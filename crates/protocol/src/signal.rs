//! What two devices say to each other through the server, which cannot read it.

use serde::{Deserialize, Serialize};

use crate::{Base64, CallId, DeviceId, UserId};

/// A message that only one device can open: HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256, ChaCha20-Poly1305). The plaintext is a [`SignedSignal`] as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// HPKE encapsulated key, 32 bytes.
    pub enc: Base64,
    /// HPKE ciphertext. At most 32 KiB.
    pub ciphertext: Base64,
}

/// A [`Signal`] under the sender's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSignal {
    /// [`Signal`] as JSON, exactly the bytes that were signed.
    pub signal: Base64,
    /// Ed25519 by the sender's device key over `"jasmin-call-v1" || signal`.
    pub signature: Base64,
}

/// One message between two devices about one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The call.
    pub call_id: CallId,
    /// Who wrote it.
    pub from: Address,
    /// For whom it is.
    pub to: Address,
    /// Grows with each message of one call in one direction: an old one is a replay.
    pub counter: u64,
    /// When it was written, by the server's clock as the sender knows it. Refused when more than
    /// 60 s off.
    pub at_ms: i64,
    /// The content.
    pub body: SignalBody,
}

/// One device of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The person.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
}

/// What a [`Signal`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignalBody {
    /// The caller's offer, with its candidates so far.
    Offer {
        /// SDP (RFC 8866). Its `a=fingerprint` is what the DTLS certificate must have.
        sdp: String,
        /// `SHA-256(nonce || own fingerprint || own identity key)`, 32 bytes: the caller cannot
        /// change its nonce after it has seen the callee's.
        commitment: Base64,
    },
    /// The callee's answer, with its candidates so far.
    Answer {
        /// SDP.
        sdp: String,
        /// The callee's nonce, 32 bytes.
        nonce: Base64,
    },
    /// The caller opens its commitment.
    Reveal {
        /// The caller's nonce, 32 bytes.
        nonce: Base64,
    },
    /// Trickled candidates (RFC 8838), each an `a=candidate` value. Empty `candidates`: no more come.
    Candidates {
        /// The candidates.
        candidates: Vec<String>,
    },
    /// An offer in a running call: new ICE credentials.
    RestartOffer {
        /// SDP.
        sdp: String,
    },
    /// The answer to [`SignalBody::RestartOffer`].
    RestartAnswer {
        /// SDP.
        sdp: String,
    },
}
