//! Bodies of the REST API, all under `/v1`. One request and response pair per endpoint.

use serde::{Deserialize, Serialize};

use crate::{Base64, CallId, DeviceId, PolicySetRef, Sealed, SessionId, UserId};

macro_rules! body {
    ($(#[$doc:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($fields)* }
    };
}

body! {
    /// `GET /v1/meta`: what this server is, before anybody signs in.
    pub struct Meta {
        /// The server's own version.
        pub server_version: String,
        /// The oldest app version that it talks to.
        pub min_app_version: String,
        /// The server's clock.
        pub server_ms: i64,
        /// Where mail can be read instead of being sent; only on a loopback server.
        pub outbox_url: Option<String>,
    }
}

/// A calendar date, `YYYY-MM-DD`.
pub type Date = String;

body! {
    /// `POST /v1/auth/register/start`. The birthday comes first and is checked first: below the age
    /// limit nothing else is looked at and nothing is kept.
    pub struct RegisterStart {
        /// The person's birthday.
        pub birthday: Date,
        /// The address to sign in with.
        pub email: String,
        /// OPAQUE `RegistrationRequest` (RFC 9807).
        pub opaque: Base64,
    }
}

body! {
    /// Answer to [`RegisterStart`]. The same for a new and for a known address. Nothing is kept by
    /// the server until [`RegisterFinish`].
    pub struct RegisterChallenge {
        /// Names this attempt in [`RegisterFinish`], [`VerifyEmail`] and [`ResendCode`]. At most
        /// 1 KiB.
        pub attempt: Base64,
        /// OPAQUE `RegistrationResponse`.
        pub opaque: Base64,
    }
}

body! {
    /// `POST /v1/auth/register/finish`; answered 202. A code goes to the address.
    pub struct RegisterFinish {
        /// From [`RegisterChallenge`].
        pub attempt: Base64,
        /// 1 to 64 graphemes, NFC.
        pub name: String,
        /// OPAQUE `RegistrationRecord`.
        pub opaque: Base64,
        /// The account's identity.
        pub identity: Identity,
        /// The policies in force, which the person accepted; `None` where the server has none.
        #[serde(default)]
        pub policy_set: Option<PolicySetRef>,
    }
}

body! {
    /// `POST /v1/auth/email/verify`; answered 204. The account can sign in from here on.
    ///
    /// The attempt ties the code to this sign-up: a code mailed because of somebody else's sign-up
    /// with the same address cannot confirm theirs by being typed here. A wrong, old or used code is
    /// `gone` for all reasons alike.
    pub struct VerifyEmail {
        /// From [`RegisterChallenge`]; good for 24 hours.
        pub attempt: Base64,
        /// Eight characters, Crockford base32; case and dashes do not matter.
        pub code: String,
    }
}

body! {
    /// `POST /v1/auth/email/resend`; answered 202 whether or not somebody waits for a code. At most
    /// one mail a minute.
    pub struct ResendCode {
        /// From [`RegisterChallenge`].
        pub attempt: Base64,
    }
}

body! {
    /// `POST /v1/auth/login/start`.
    pub struct LoginStart {
        /// The address.
        pub email: String,
        /// OPAQUE `KE1`.
        pub opaque: Base64,
    }
}

body! {
    /// Answer to [`LoginStart`], of the same shape and timing for an unknown address.
    pub struct LoginChallenge {
        /// Names this attempt in [`LoginFinish`].
        pub attempt: Base64,
        /// OPAQUE `KE2`.
        pub opaque: Base64,
    }
}

body! {
    /// `POST /v1/auth/login/finish`. A wrong password or unknown address is `unauthenticated`.
    pub struct LoginFinish {
        /// From [`LoginChallenge`].
        pub attempt: Base64,
        /// OPAQUE `KE3`.
        pub opaque: Base64,
        /// The device that signs in. It cannot be called before [`PublishDevice`].
        pub device: NewDevice,
    }
}

body! {
    /// A device that signs in.
    pub struct NewDevice {
        /// Chosen once per profile; signing in again on the same profile keeps it.
        pub device_id: DeviceId,
        /// For the owner's device list, at most 64 characters.
        pub name: String,
        /// `linux`, `macos`, `windows`, `headless`.
        pub platform: String,
        /// Ed25519 public key (32 bytes): signs refreshes and signalling.
        pub signing_key: Base64,
    }
}

body! {
    /// Signed in.
    pub struct Session {
        /// Who.
        pub user_id: UserId,
        /// On which device.
        pub device_id: DeviceId,
        /// This sign-in.
        pub session_id: SessionId,
        /// The name as stored.
        pub name: String,
        /// The address as typed at sign-up.
        pub email: String,
        /// Access and refresh tokens.
        pub tokens: Tokens,
        /// To unwrap with the OPAQUE export key.
        pub identity: Identity,
    }
}

body! {
    /// A fresh pair of tokens.
    pub struct Tokens {
        /// PASETO v4.public, for `Authorization: Bearer`.
        pub access: String,
        /// When the access token is over.
        pub access_expires_ms: i64,
        /// Opaque, single use.
        pub refresh: Base64,
    }
}

body! {
    /// `POST /v1/auth/refresh`; answered with [`Tokens`]. Within 30 s of a lost answer the old token
    /// returns the same successor; later it ends the whole sign-in.
    pub struct Refresh {
        /// The token.
        pub refresh: Base64,
        /// When the device signed, by the server's clock as the device knows it. More than five
        /// minutes off is `invalid-body` at `#/at_ms`: ask `GET /v1/meta` for the time.
        pub at_ms: i64,
        /// Ed25519 by the device's signing key over `"jasmin-refresh-v1" || refresh || at_ms (big endian)`.
        pub signature: Base64,
    }
}

impl Refresh {
    /// What [`Refresh::signature`] is made over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        [
            b"jasmin-refresh-v1",
            self.refresh.0.as_slice(),
            &self.at_ms.to_be_bytes(),
        ]
        .concat()
    }
}

body! {
    /// `GET /v1/sessions`: where I am signed in. `DELETE /v1/sessions/{session_id}` ends one, and
    /// `POST /v1/auth/logout` this one; both answer 204, also when it was over already.
    pub struct Sessions {
        /// The newest first.
        pub sessions: Vec<SignedIn>,
    }
}

body! {
    /// One sign-in on one device.
    pub struct SignedIn {
        /// Which.
        pub session_id: SessionId,
        /// On which device.
        pub device_id: DeviceId,
        /// The device's name.
        pub device_name: String,
        /// The device's platform.
        pub platform: String,
        /// Since when.
        pub created_ms: i64,
        /// The one that asks.
        pub current: bool,
    }
}

body! {
    /// `GET /v1/me`.
    pub struct Me {
        /// Who.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// The address.
        pub email: String,
        /// The account's identity.
        pub identity: Identity,
    }
}

body! {
    /// The account's long-term identity.
    pub struct Identity {
        /// Ed25519 public key (32 bytes).
        pub key: Base64,
        /// The private seed, wrapped on the client by a key from the OPAQUE export key. At most 4 KiB.
        pub wrapped_seed: Base64,
    }
}

body! {
    /// `PUT /v1/devices/self/keys`; answered 204. From here on the device can be called.
    pub struct PublishDevice {
        /// The certificate.
        pub certificate: DeviceCertificate,
    }
}

body! {
    /// The identity's word that a device belongs to it.
    pub struct DeviceCertificate {
        /// Which device.
        pub device_id: DeviceId,
        /// Ed25519 public key (32 bytes): signs signalling.
        pub signing_key: Base64,
        /// X25519 public key (32 bytes): signalling is sealed to it (HPKE, RFC 9180).
        pub sealing_key: Base64,
        /// When it was made.
        pub created_ms: i64,
        /// Ed25519 by the identity key over
        /// `"jasmin-device-v1" || user_id || device_id || signing_key || sealing_key || created_ms (big endian)`.
        pub signature: Base64,
    }
}

impl DeviceCertificate {
    /// What [`DeviceCertificate::signature`] is made over. Ids are their 16 bytes.
    pub fn signed_bytes(&self, user: UserId) -> Vec<u8> {
        [
            b"jasmin-device-v1",
            user.0.as_bytes().as_slice(),
            self.device_id.0.as_bytes(),
            &self.signing_key.0,
            &self.sealing_key.0,
            &self.created_ms.to_be_bytes(),
        ]
        .concat()
    }
}

body! {
    /// `GET /v1/users/{user_id}/keys`; for oneself and accepted contacts only.
    pub struct UserKeys {
        /// Who.
        pub user_id: UserId,
        /// The identity key, Ed25519 (32 bytes).
        pub identity_key: Base64,
        /// Devices that can be called.
        pub devices: Vec<DeviceCertificate>,
    }
}

/// How two people stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// They asked; I have not answered.
    Incoming,
    /// Both want this: they can ring each other.
    Accepted,
}

body! {
    /// A person who asked for contact or is one.
    pub struct Contact {
        /// Who.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// The address.
        pub email: String,
        /// How we stand.
        pub state: ContactState,
        /// Since when.
        pub since_ms: i64,
    }
}

body! {
    /// `GET /v1/contacts`. My own unanswered requests are not listed: that would tell who has an
    /// account here.
    pub struct Contacts {
        /// Everybody, in no promised order.
        pub contacts: Vec<Contact>,
    }
}

body! {
    /// `POST /v1/contacts`; answered 202 whether or not the address has an account. Where both ask,
    /// both are accepted. Nothing is kept about an address without an account.
    pub struct RequestContact {
        /// The address.
        pub email: String,
    }
}

/// What a call starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Sound only.
    Audio,
    /// Sound and picture.
    Video,
}

body! {
    /// `POST /v1/calls`; answered 201 with [`Call`]. Idempotent by `call_id`. Rings every device.
    pub struct PlaceCall {
        /// Chosen by the caller, UUIDv7.
        pub call_id: CallId,
        /// Whom. Must be an accepted contact.
        pub to: UserId,
        /// What it starts with.
        pub kind: CallKind,
        /// The offer, one per device of the callee.
        pub sealed: Vec<SealedTo>,
    }
}

body! {
    /// A sealed message and the device that can open it.
    pub struct SealedTo {
        /// The device.
        pub device_id: DeviceId,
        /// The message.
        pub sealed: Sealed,
    }
}

body! {
    /// `POST /v1/calls/{id}/answer`; answered with [`Call`], or `gone` when the call was answered
    /// elsewhere or is over. The first answer wins.
    pub struct AnswerCall {
        /// The answer, for the caller's device.
        pub sealed: Sealed,
    }
}

/// How a call stands, in the server's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The callee's devices ring.
    Ringing,
    /// Somebody answered; it goes on.
    Answered,
    /// The callee said no.
    Declined,
    /// The callee was in another call.
    Busy,
    /// The caller gave up before an answer.
    Cancelled,
    /// Nobody answered in time.
    Missed,
    /// Answered, and over.
    Ended,
}

body! {
    /// `POST /v1/calls/{id}/decline`; answered with [`Call`].
    pub struct DeclineCall {
        /// Because of another call, and not because of a person's no.
        #[serde(default)]
        pub busy: bool,
    }
}

body! {
    /// A call in the server's book; `POST /v1/calls/{id}/cancel` and `/hangup` answer with it, too.
    pub struct Call {
        /// Which.
        pub call_id: CallId,
        /// Who called.
        pub caller: UserId,
        /// Who was called.
        pub callee: UserId,
        /// What it started with.
        pub kind: CallKind,
        /// How it stands.
        pub state: CallState,
        /// When it was placed.
        pub created_ms: i64,
        /// Until when it rings.
        pub deadline_ms: i64,
        /// When it was answered.
        pub answered_ms: Option<i64>,
        /// When it was over.
        pub ended_ms: Option<i64>,
    }
}

body! {
    /// `GET /v1/calls?since=<ms>`: the call log, newest first, at most 200.
    pub struct Calls {
        /// The calls.
        pub calls: Vec<Call>,
    }
}

body! {
    /// `GET /dev/mailbox`: the mail of a server that listens on loopback only and sends none.
    pub struct Outbox {
        /// The newest first, at most 200.
        pub mails: Vec<OutboxMail>,
    }
}

body! {
    /// One mail that would have been sent.
    pub struct OutboxMail {
        /// To which address.
        pub to: String,
        /// Its subject.
        pub subject: String,
        /// Its body.
        pub text: String,
        /// The code in it, if it carries one.
        pub code: Option<String>,
        /// When it was written.
        pub at_ms: i64,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_refresh_is_signed_with_its_time() {
        let (refresh, signature) = (Base64(vec![1, 2]), Base64(vec![]));
        let body = Refresh {
            refresh,
            at_ms: 0x0102,
            signature,
        };
        assert_eq!(
            body.signed_bytes(),
            b"jasmin-refresh-v1\x01\x02\0\0\0\0\0\0\x01\x02"
        );
    }

    #[test]
    fn a_certificate_is_signed_for_one_person() {
        let certificate = DeviceCertificate {
            device_id: DeviceId(Uuid::from_u128(2)),
            signing_key: Base64(vec![3; 32]),
            sealing_key: Base64(vec![4; 32]),
            created_ms: 5,
            signature: Base64(vec![]),
        };
        let bytes = certificate.signed_bytes(UserId(Uuid::from_u128(1)));
        assert_eq!(bytes.len(), 16 + 16 + 16 + 32 + 32 + 8);
        assert_eq!(
            (bytes[31], bytes[47], bytes[48], bytes[80], bytes[119]),
            (1, 2, 3, 4, 5)
        );
    }
}
