use std::fmt;

use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    CredentialResponse, RegistrationRequest, RegistrationResponse, RegistrationUpload,
    Ristretto255, ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
    errors::ProtocolError, ksf::Identity, rand::rngs::OsRng,
};
use sha2::Sha512;

/// The suite of [`jasmin_protocol::password`], as the server sees it: stretching is the client's.
#[derive(Clone, Copy, Debug)]
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Identity;
}

/// The server's side of OPAQUE (RFC 9807).
pub(crate) struct PasswordDesk(ServerSetup<Suite>);

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Not a message of this step.
    #[error("not an OPAQUE message of this step")]
    Malformed,
    /// The client did not know the password.
    #[error("wrong password")]
    Wrong,
}

/// A record with a known password: if it stops working, every password has.
#[derive(Debug)]
pub(crate) struct Probe(pub(crate) Vec<u8>);

const PROBE_PASSWORD: &[u8] = b"the self-test's password";
const PROBE_CREDENTIAL: &[u8] = b"the self-test";

impl fmt::Debug for PasswordDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDesk(…)")
    }
}

impl From<ProtocolError> for PasswordError {
    fn from(_: ProtocolError) -> Self {
        Self::Malformed
    }
}

impl PasswordDesk {
    /// Makes a desk that no password fits yet.
    pub(crate) fn generate() -> Self {
        Self(ServerSetup::new(&mut OsRng))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        ServerSetup::deserialize(bytes).ok().map(Self)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// `RegistrationRequest` to `RegistrationResponse`. The same for the same credential.
    pub(crate) fn register(
        &self,
        request: &[u8],
        credential: &[u8],
    ) -> Result<Vec<u8>, PasswordError> {
        let request = RegistrationRequest::deserialize(request)?;
        let started = ServerRegistration::<Suite>::start(&self.0, request, credential)?;
        Ok(started.message.serialize().to_vec())
    }

    /// `RegistrationRecord` to what is kept.
    pub(crate) fn record(upload: &[u8]) -> Result<Vec<u8>, PasswordError> {
        let upload = RegistrationUpload::<Suite>::deserialize(upload)?;
        Ok(ServerRegistration::finish(upload).serialize().to_vec())
    }

    /// `KE1` to what [`Self::check`] needs, and `KE2`. Without a record the answer looks the same.
    pub(crate) fn challenge(
        &self,
        record: Option<&[u8]>,
        ke1: &[u8],
        credential: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), PasswordError> {
        let record = record
            .map(ServerRegistration::<Suite>::deserialize)
            .transpose()?;
        let started = ServerLogin::start(
            &mut OsRng,
            &self.0,
            record,
            CredentialRequest::deserialize(ke1)?,
            credential,
            ServerLoginParameters::default(),
        )?;
        Ok((
            started.state.serialize().to_vec(),
            started.message.serialize().to_vec(),
        ))
    }

    /// `KE3`: did the client know the password?
    pub(crate) fn check(state: &[u8], ke3: &[u8]) -> Result<(), PasswordError> {
        let state = ServerLogin::<Suite>::deserialize(state)?;
        let ke3 = CredentialFinalization::deserialize(ke3)?;
        match state.finish(ke3, ServerLoginParameters::default()) {
            Ok(_) => Ok(()),
            Err(_) => Err(PasswordError::Wrong),
        }
    }

    /// Makes the record for [`Self::fits`].
    pub(crate) fn probe(&self) -> Result<Probe, PasswordError> {
        let started = ClientRegistration::<Suite>::start(&mut OsRng, PROBE_PASSWORD)?;
        let response = self.register(&started.message.serialize(), PROBE_CREDENTIAL)?;
        let finished = started.state.finish(
            &mut OsRng,
            PROBE_PASSWORD,
            RegistrationResponse::deserialize(&response)?,
            ClientRegistrationFinishParameters::default(),
        )?;
        Ok(Probe(Self::record(&finished.message.serialize())?))
    }

    /// Signs in with the probe: true as long as this desk is the one that made it.
    pub(crate) fn fits(&self, probe: &Probe) -> bool {
        let sign_in = || -> Result<(), PasswordError> {
            let started = ClientLogin::<Suite>::start(&mut OsRng, PROBE_PASSWORD)?;
            let (state, ke2) = self.challenge(
                Some(&probe.0),
                &started.message.serialize(),
                PROBE_CREDENTIAL,
            )?;
            let finished = started.state.finish(
                &mut OsRng,
                PROBE_PASSWORD,
                CredentialResponse::deserialize(&ke2)?,
                ClientLoginFinishParameters::default(),
            )?;
            Self::check(&state, &finished.message.serialize())
        };
        sign_in().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_survives_being_written_down() {
        let desk = PasswordDesk::generate();
        let probe = desk.probe().unwrap();
        assert!(
            PasswordDesk::from_bytes(&desk.to_bytes())
                .unwrap()
                .fits(&probe)
        );
    }

    #[test]
    fn another_desk_does_not_fit() {
        let probe = PasswordDesk::generate().probe().unwrap();
        assert!(!PasswordDesk::generate().fits(&probe));
    }

    #[test]
    fn an_unknown_person_gets_an_answer_of_the_same_shape() {
        let desk = PasswordDesk::generate();
        let probe = desk.probe().unwrap();
        let ke1 = ClientLogin::<Suite>::start(&mut OsRng, b"guess")
            .unwrap()
            .message
            .serialize();
        let (known_state, known) = desk.challenge(Some(&probe.0), &ke1, b"known").unwrap();
        let (unknown_state, unknown) = desk.challenge(None, &ke1, b"unknown").unwrap();
        assert_eq!(known.len(), unknown.len());
        assert_eq!(known_state.len(), unknown_state.len());
    }

    #[test]
    fn refuses_bytes_that_are_no_messages() {
        let desk = PasswordDesk::generate();
        for bytes in [&[][..], &[0; 32], &[0xff; 96], &[7; 500]] {
            assert_eq!(
                desk.register(bytes, b"x").err(),
                Some(PasswordError::Malformed)
            );
            assert_eq!(
                desk.challenge(None, bytes, b"x").err(),
                Some(PasswordError::Malformed)
            );
            assert_eq!(
                PasswordDesk::record(bytes).err(),
                Some(PasswordError::Malformed)
            );
        }
    }
}
