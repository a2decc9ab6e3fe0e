//! People for tests: what a client does, without a network.

use ed25519_dalek::{Signer, SigningKey};
use jasmin_protocol::{
    Base64, CallId, CallKind, DeviceCertificate, DeviceId, Identity, LoginChallenge, LoginFinish,
    NewDevice, PlaceCall, Refresh, RegisterChallenge, RegisterFinish, RegisterStart, Sealed,
    SealedTo, Session,
};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, RegistrationResponse, Ristretto255,
    TripleDh,
    ksf::Identity as NoStretching,
    rand::{RngCore, rngs::OsRng},
};
use sha2::Sha512;
use uuid::{NoContext, Timestamp, Uuid};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The suite of `jasmin_protocol::password`, without the stretching: the server cannot tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = NoStretching;
}

fn random32() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// Somebody who signs up.
#[derive(Clone, Debug)]
pub(crate) struct Applicant {
    name: String,
    pub(crate) email: String,
    pub(crate) birthday: String,
    pub(crate) identity: SigningKey,
    state: ClientRegistration<Suite>,
    request: Base64,
}

impl Applicant {
    pub(crate) fn new(name: &str, email: &str) -> Self {
        let started = ClientRegistration::<Suite>::start(&mut OsRng, PASSWORD.as_bytes()).unwrap();
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            birthday: "1990-12-10".to_owned(),
            identity: SigningKey::from_bytes(&random32()),
            request: Base64(started.message.serialize().to_vec()),
            state: started.state,
        }
    }

    pub(crate) fn start(&self) -> RegisterStart {
        RegisterStart {
            birthday: self.birthday.clone(),
            email: self.email.clone(),
            opaque: self.request.clone(),
        }
    }

    pub(crate) fn finish(&self, challenge: &RegisterChallenge) -> RegisterFinish {
        let response = RegistrationResponse::deserialize(&challenge.opaque.0).unwrap();
        let parameters = ClientRegistrationFinishParameters::default();
        let finished = self
            .state
            .clone()
            .finish(&mut OsRng, PASSWORD.as_bytes(), response, parameters)
            .unwrap();
        RegisterFinish {
            attempt: challenge.attempt.clone(),
            name: self.name.clone(),
            opaque: Base64(finished.message.serialize().to_vec()),
            identity: Identity {
                key: Base64(self.identity.verifying_key().to_bytes().to_vec()),
                wrapped_seed: Base64(vec![5; 48]),
            },
            policy_set: None,
        }
    }
}

/// Starts a sign-in.
pub(crate) fn ke1(password: &str) -> (ClientLogin<Suite>, Base64) {
    let started = ClientLogin::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
    (started.state, Base64(started.message.serialize().to_vec()))
}

/// Finishes a sign-in, unless the password is wrong.
pub(crate) fn ke3(
    state: ClientLogin<Suite>,
    password: &str,
    challenge: &LoginChallenge,
    profile: &Profile,
) -> Option<LoginFinish> {
    let response = CredentialResponse::deserialize(&challenge.opaque.0).unwrap();
    let parameters = ClientLoginFinishParameters::default();
    let finished = state
        .finish(&mut OsRng, password.as_bytes(), response, parameters)
        .ok()?;
    Some(LoginFinish {
        attempt: challenge.attempt.clone(),
        opaque: Base64(finished.message.serialize().to_vec()),
        device: profile.device(),
    })
}

/// One installed copy of the app.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) id: DeviceId,
    pub(crate) signing: SigningKey,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            id: DeviceId(Uuid::new_v4()),
            signing: SigningKey::from_bytes(&random32()),
        }
    }

    fn signing_key(&self) -> Base64 {
        Base64(self.signing.verifying_key().to_bytes().to_vec())
    }

    pub(crate) fn device(&self) -> NewDevice {
        NewDevice {
            device_id: self.id,
            name: "Ada's laptop".to_owned(),
            platform: "linux".to_owned(),
            signing_key: self.signing_key(),
        }
    }

    pub(crate) fn refresh(&self, token: &Base64, at_ms: i64) -> Refresh {
        let mut body = Refresh {
            refresh: token.clone(),
            at_ms,
            signature: Base64(Vec::new()),
        };
        body.signature = Base64(self.signing.sign(&body.signed_bytes()).to_bytes().to_vec());
        body
    }
}

/// Somebody who is signed in on one device.
#[derive(Clone, Debug)]
pub(crate) struct SignedInPerson {
    pub(crate) identity: SigningKey,
    pub(crate) profile: Profile,
    pub(crate) session: Session,
}

impl SignedInPerson {
    pub(crate) fn refresh(&self, token: &Base64, at_ms: i64) -> Refresh {
        self.profile.refresh(token, at_ms)
    }

    pub(crate) fn certificate(&self) -> DeviceCertificate {
        self.certificate_for(&self.profile)
    }

    /// A certificate for this device with the keys of a profile.
    pub(crate) fn certificate_for(&self, profile: &Profile) -> DeviceCertificate {
        let mut certificate = DeviceCertificate {
            device_id: self.profile.id,
            signing_key: profile.signing_key(),
            sealing_key: Base64(vec![8; 32]),
            created_ms: 1,
            signature: Base64(Vec::new()),
        };
        let signature = self
            .identity
            .sign(&certificate.signed_bytes(self.session.user_id));
        certificate.signature = Base64(signature.to_bytes().to_vec());
        certificate
    }

    /// A call to somebody's one device.
    pub(crate) fn offer(&self, to: &SignedInPerson, now_ms: i64) -> PlaceCall {
        let seconds = u64::try_from(now_ms / 1000).unwrap();
        PlaceCall {
            call_id: CallId(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0))),
            to: to.session.user_id,
            kind: CallKind::Video,
            sealed: vec![SealedTo {
                device_id: to.session.device_id,
                sealed: sealed(1),
            }],
        }
    }
}

/// A message that nobody can open.
pub(crate) fn sealed(n: u8) -> Sealed {
    Sealed {
        enc: Base64(vec![n; 32]),
        ciphertext: Base64(vec![n; 64]),
    }
}
