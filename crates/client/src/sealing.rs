//! Messages between two devices that the server carries and cannot read, change, repeat or send to
//! somebody else.
//!
//! A [`Signal`] is signed by the sender's device key, then sealed for one device: HPKE (RFC 9180)
//! base mode, `info` = `"jasmin-call-v1"`, `aad` = `"jasmin-call-v1" || call || sender || receiver`
//! (the ids of the call and of the two devices, 16 bytes each). The server's routing words are
//! under the seal by that, and once more inside it under the signature.

mod order;

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use jasmin_protocol::{
    Address, Base64, CallId, DeviceId, Sealed, SealedTo, Signal, SignalBody, SignedSignal,
};

use crate::keys::{CertifiedDevice, DeviceKeys};

pub use order::OrderError;
use order::{Incoming, Outgoing};

const CONTEXT: &[u8] = b"jasmin-call-v1";
const MAX_CIPHERTEXT: usize = 32 * 1024;
/// How far a message's date may be from the server's time.
pub const TOLERANCE_MS: i64 = 60_000;

/// Seals what this device says and opens what is said to it. Keeps count of both.
pub struct Sealer {
    me: Address,
    keys: DeviceKeys,
    outgoing: Outgoing,
    incoming: Incoming,
}

impl Sealer {
    /// A sealer for this device.
    pub fn new(me: Address, keys: DeviceKeys) -> Self {
        Self {
            me,
            keys,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
        }
    }

    /// This device.
    pub fn me(&self) -> Address {
        self.me
    }

    /// Signs and seals a message for one device. `now_ms` is the server's time.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] above 32 KiB.
    pub fn seal(
        &mut self,
        call_id: CallId,
        to: &CertifiedDevice,
        body: SignalBody,
        now_ms: i64,
    ) -> Result<Sealed, SealError> {
        let counter = self.outgoing.next(now_ms);
        let signal = Signal {
            call_id,
            from: self.me,
            to: to.address(),
            counter,
            at_ms: now_ms,
            body,
        };
        let signal = serde_json::to_vec(&signal).map_err(|_| SealError::Encoding)?;
        let signature = self.keys.sign(&signed_words(&signal));
        let signed = SignedSignal {
            signal: Base64(signal),
            signature,
        };
        let plaintext = serde_json::to_vec(&signed).map_err(|_| SealError::Encoding)?;
        let (enc, ciphertext) =
            hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                to.sealing_key(),
                CONTEXT,
                &plaintext,
                &routing(call_id, self.me.device_id, to.device_id()),
            )
            .map_err(|_| SealError::Key)?;
        if ciphertext.len() > MAX_CIPHERTEXT {
            return Err(SealError::TooLarge {
                bytes: ciphertext.len(),
            });
        }
        Ok(Sealed {
            enc: Base64(enc.to_bytes().to_vec()),
            ciphertext: Base64(ciphertext),
        })
    }

    /// The same message for several devices of one person.
    ///
    /// # Errors
    /// As [`Sealer::seal`], for the first device that fails.
    pub fn seal_for_all(
        &mut self,
        call_id: CallId,
        devices: &[CertifiedDevice],
        body: &SignalBody,
        now_ms: i64,
    ) -> Result<Vec<SealedTo>, SealError> {
        devices
            .iter()
            .map(|to| {
                let sealed = self.seal(call_id, to, body.clone(), now_ms)?;
                Ok(SealedTo {
                    device_id: to.device_id(),
                    sealed,
                })
            })
            .collect()
    }

    /// Opens a message that the server says is about `call_id` and from `from`. `now_ms` is the
    /// server's time. Nothing is remembered of a message that is refused.
    ///
    /// # Errors
    /// [`OpenError`] says which promise does not hold.
    pub fn open(
        &mut self,
        call_id: CallId,
        from: &CertifiedDevice,
        sealed: &Sealed,
        now_ms: i64,
    ) -> Result<SignalBody, OpenError> {
        let signed = self.unseal(call_id, from, sealed)?;
        if !from.verifies(&signed_words(signed.signal.as_ref()), &signed.signature) {
            return Err(OpenError::Signature);
        }
        let signal: Signal =
            serde_json::from_slice(signed.signal.as_ref()).map_err(|_| OpenError::Malformed)?;
        if signal.call_id != call_id {
            return Err(OpenError::OtherCall);
        }
        if signal.from != from.address() {
            return Err(OpenError::OtherSender);
        }
        if signal.to != self.me {
            return Err(OpenError::OtherReceiver);
        }
        let off_ms = signal.at_ms.saturating_sub(now_ms);
        if off_ms.saturating_abs() > TOLERANCE_MS {
            return Err(OpenError::Stale { off_ms });
        }
        self.incoming.accept(&signal, now_ms)?;
        Ok(signal.body)
    }

    fn unseal(
        &self,
        call_id: CallId,
        from: &CertifiedDevice,
        sealed: &Sealed,
    ) -> Result<SignedSignal, OpenError> {
        if sealed.ciphertext.as_ref().len() > MAX_CIPHERTEXT {
            return Err(OpenError::TooLarge);
        }
        let enc = Deserializable::from_bytes(sealed.enc.as_ref())
            .map_err(|_| OpenError::NotForThisDevice)?;
        let plaintext = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            self.keys.opening_key(),
            &enc,
            CONTEXT,
            sealed.ciphertext.as_ref(),
            &routing(call_id, from.device_id(), self.me.device_id),
        )
        .map_err(|_| OpenError::NotForThisDevice)?;
        serde_json::from_slice(&plaintext).map_err(|_| OpenError::Malformed)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.me.device_id)
    }
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Larger than the server takes.
    #[error("the message is too large: {bytes} bytes sealed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The receiver's key cannot be used.
    #[error("the receiver's sealing key cannot be used")]
    Key,
    /// It cannot be written as JSON.
    #[error("the message cannot be encoded")]
    Encoding,
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// More than 32 KiB.
    #[error("the message is too large")]
    TooLarge,
    /// Sealed with another key, for another device, call or sender than the server says, or changed.
    #[error("the message is not sealed for this device, call and sender")]
    NotForThisDevice,
    /// Sealed rightly, but not the words of this version.
    #[error("the message is not understood")]
    Malformed,
    /// Not signed by the device that the server names.
    #[error("the message is not signed by its sender")]
    Signature,
    /// Signed for another call.
    #[error("the message belongs to another call")]
    OtherCall,
    /// Signed in another name.
    #[error("the message names another sender")]
    OtherSender,
    /// Signed for another receiver.
    #[error("the message names another receiver")]
    OtherReceiver,
    /// Too old, or from the future.
    #[error("the message is {off_ms} ms off the server's time")]
    Stale {
        /// How far; negative for the past.
        off_ms: i64,
    },
    /// Seen before, or overtaken.
    #[error(transparent)]
    Order(#[from] OrderError),
}

fn signed_words(signal: &[u8]) -> Vec<u8> {
    [CONTEXT, signal].concat()
}

fn routing(call_id: CallId, from: DeviceId, to: DeviceId) -> Vec<u8> {
    [
        CONTEXT,
        call_id.0.as_bytes(),
        from.0.as_bytes(),
        to.0.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests;
