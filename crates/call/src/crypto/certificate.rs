use std::{str::FromStr, time::Duration};

use p256::{
    ecdsa::{DerSignature, SigningKey},
    pkcs8::EncodePrivateKey,
};
use str0m::config::DtlsCert;
use x509_cert::{
    TbsCertificate,
    builder::{Builder, CertificateBuilder, profile::BuilderProfile},
    der::{DateTime, Encode},
    ext::Extension,
    name::Name,
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef},
    time::{Time, Validity},
};

use super::{derive, sha256};

const DAY: Duration = Duration::from_secs(86_400);

/// A self-signed certificate for one call (RFC 8827, section 6.5), and its SHA-256 fingerprint.
pub(crate) struct Certificate {
    pub(crate) dtls: DtlsCert,
    pub(crate) fingerprint: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CertificateError(String);

impl Certificate {
    /// Makes the certificate that belongs to the entropy: always the same one, since ECDSA is
    /// deterministic here (RFC 6979).
    pub(crate) fn from_entropy(
        entropy: &[u8; 32],
        unix_time: Duration,
    ) -> Result<Self, CertificateError> {
        let key = signing_key(entropy)?;
        let private_key = key
            .to_pkcs8_der()
            .map_err(|error| CertificateError(error.to_string()))?;

        // Positive, not zero, 16 bytes: some endpoints refuse two certificates with one serial.
        let mut serial: [u8; 16] = derive(&[entropy], b"", "jasmin-dtls-serial-v1");
        serial[0] = serial[0] & 0x7f | 0x40;
        let failed = |error: x509_cert::builder::Error| CertificateError(error.to_string());
        let der = |error: x509_cert::der::Error| CertificateError(error.to_string());
        let builder = CertificateBuilder::new(
            Anonymous(Name::from_str("CN=jasmin").map_err(der)?),
            SerialNumber::new(&serial).map_err(der)?,
            Validity::new(
                time(unix_time.saturating_sub(DAY))?,
                time(unix_time + 30 * DAY)?,
            ),
            SubjectPublicKeyInfo::from_key(key.verifying_key())
                .map_err(|error| CertificateError(error.to_string()))?,
        )
        .map_err(failed)?;
        let certificate = builder
            .build::<_, DerSignature>(&key)
            .map_err(failed)?
            .to_der()
            .map_err(der)?;
        let fingerprint = sha256(&[&certificate]);
        let private_key = private_key.as_bytes().to_vec();
        Ok(Self {
            dtls: DtlsCert {
                certificate,
                private_key,
            },
            fingerprint,
        })
    }
}

// One 32-byte string in 2^32 is no P-256 key: take the next one then.
fn signing_key(entropy: &[u8; 32]) -> Result<SigningKey, CertificateError> {
    (0..8)
        .find_map(|attempt| {
            let bytes: [u8; 32] = derive(&[entropy], &[attempt], "jasmin-dtls-key-v1");
            SigningKey::from_slice(&bytes).ok()
        })
        .ok_or_else(|| CertificateError("no P-256 key in this entropy".into()))
}

fn time(unix: Duration) -> Result<Time, CertificateError> {
    DateTime::from_unix_duration(Duration::from_secs(unix.as_secs()))
        .map(Time::from)
        .map_err(|error| CertificateError(error.to_string()))
}

// Signed by itself and without extensions: only its fingerprint counts.
struct Anonymous(Name);

impl BuilderProfile for Anonymous {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _spk: SubjectPublicKeyInfoRef<'_>,
        _issuer_spk: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_795_000_000);

    #[test]
    fn same_entropy_same_certificate() {
        let one = Certificate::from_entropy(&[1; 32], NOW).unwrap();
        let again = Certificate::from_entropy(&[1; 32], NOW).unwrap();
        let other = Certificate::from_entropy(&[2; 32], NOW).unwrap();
        assert_eq!(one.fingerprint, again.fingerprint);
        assert_ne!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn a_clock_at_the_epoch_or_far_ahead_does_no_harm() {
        assert!(Certificate::from_entropy(&[1; 32], Duration::ZERO).is_ok());
        assert!(Certificate::from_entropy(&[1; 32], Duration::from_secs(1 << 50)).is_err());
    }
}
