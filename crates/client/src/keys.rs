//! Keys of people and devices: who can sign for whom.
//!
//! An account has one Ed25519 *identity* key. Each device has an Ed25519 *signing* key and an X25519
//! *sealing* key; a [`DeviceCertificate`] under the identity key says that they belong together.
//! Contacts pin the identity key the first time they see it ([`Pins`]).

mod pins;
mod seed;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hpke::{Deserializable, Kem, Serializable, kem::X25519HkdfSha256};
use jasmin_protocol::{Address, Base64, DeviceCertificate, DeviceId, UserId, UserKeys};
use serde::{Deserialize, Serialize};

pub use pins::*;
pub use seed::*;

pub(crate) type SealingKey = <X25519HkdfSha256 as Kem>::PublicKey;
pub(crate) type OpeningKey = <X25519HkdfSha256 as Kem>::PrivateKey;

const CERTIFICATE_CONTEXT: &[u8] = b"jasmin-device-v1";
const REFRESH_CONTEXT: &[u8] = b"jasmin-refresh-v1";

/// An account's identity, with its private half.
#[derive(Clone)]
pub struct IdentityKey(SigningKey);

impl IdentityKey {
    /// A new identity.
    pub fn generate() -> Self {
        Self::from_seed(&Seed::random())
    }

    /// The identity that this seed makes.
    pub fn from_seed(seed: &Seed) -> Self {
        Self(SigningKey::from_bytes(seed.bytes()))
    }

    /// The seed: whoever has it *is* the account.
    pub fn seed(&self) -> Seed {
        Seed::from(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity(self.0.verifying_key().to_bytes())
    }

    /// Says that a device belongs to this identity.
    pub fn certify(&self, device: Address, keys: &DeviceKeys, now_ms: i64) -> DeviceCertificate {
        let mut certificate = DeviceCertificate {
            device_id: device.device_id,
            signing_key: keys.signing_key(),
            sealing_key: keys.sealing_key(),
            created_ms: now_ms,
            signature: Base64::default(),
        };
        let words = certified_words(device.user_id, &certificate);
        certificate.signature = Base64(self.0.sign(&words).to_bytes().to_vec());
        certificate
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKey")
    }
}

/// The public half of an identity: Ed25519, 32 bytes (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicIdentity([u8; 32]);

impl PublicIdentity {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As it travels.
    pub fn to_base64(self) -> Base64 {
        Base64(self.0.to_vec())
    }

    /// Whether this identity signed the certificate for this person, and its keys are of the right
    /// kind.
    ///
    /// # Errors
    /// [`CertificateError`] says which part is wrong.
    pub fn verify(
        &self,
        user_id: UserId,
        certificate: &DeviceCertificate,
    ) -> Result<CertifiedDevice, CertificateError> {
        let identity = VerifyingKey::from_bytes(&self.0).map_err(|_| CertificateError::Identity)?;
        let signature = Signature::from_slice(certificate.signature.as_ref())
            .map_err(|_| CertificateError::Signature)?;
        identity
            .verify_strict(&certified_words(user_id, certificate), &signature)
            .map_err(|_| CertificateError::Signature)?;
        let signing = verifying_key(&certificate.signing_key).ok_or(CertificateError::Keys)?;
        let sealing = SealingKey::from_bytes(certificate.sealing_key.as_ref())
            .map_err(|_| CertificateError::Keys)?;
        Ok(CertifiedDevice {
            address: Address {
                user_id,
                device_id: certificate.device_id,
            },
            signing,
            sealing,
        })
    }
}

impl TryFrom<&Base64> for PublicIdentity {
    type Error = CertificateError;

    fn try_from(key: &Base64) -> Result<Self, CertificateError> {
        let key = verifying_key(key).ok_or(CertificateError::Identity)?;
        Ok(Self(key.to_bytes()))
    }
}

impl std::fmt::Debug for PublicIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicIdentity({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Serialize for PublicIdentity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_base64().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicIdentity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = Base64::deserialize(deserializer)?;
        Self::try_from(&key).map_err(serde::de::Error::custom)
    }
}

/// What is wrong with a key or a certificate that the server handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The identity key is no Ed25519 key.
    #[error("the identity key is not a valid key")]
    Identity,
    /// Not signed by this identity, or for another person.
    #[error("the device certificate is not signed by the identity")]
    Signature,
    /// The device's keys are no keys.
    #[error("the device certificate holds invalid keys")]
    Keys,
}

/// The private keys of one device.
#[derive(Clone)]
pub struct DeviceKeys {
    signing: SigningKey,
    opening: OpeningKey,
    sealing: SealingKey,
    sealing_seed: Seed,
}

impl DeviceKeys {
    /// New keys.
    pub fn generate() -> Self {
        Self::from_seeds(&DeviceSeeds {
            signing: Seed::random(),
            sealing: Seed::random(),
        })
    }

    /// The keys that these seeds make.
    pub fn from_seeds(seeds: &DeviceSeeds) -> Self {
        let (opening, sealing) = X25519HkdfSha256::derive_keypair(seeds.sealing.bytes());
        Self {
            signing: SigningKey::from_bytes(seeds.signing.bytes()),
            opening,
            sealing,
            sealing_seed: seeds.sealing.clone(),
        }
    }

    /// To keep in the vault.
    pub fn seeds(&self) -> DeviceSeeds {
        DeviceSeeds {
            signing: Seed::from(self.signing.to_bytes()),
            sealing: self.sealing_seed.clone(),
        }
    }

    /// Ed25519 public key, as it travels.
    pub fn signing_key(&self) -> Base64 {
        Base64(self.signing.verifying_key().to_bytes().to_vec())
    }

    /// X25519 public key, as it travels.
    pub fn sealing_key(&self) -> Base64 {
        Base64(self.sealing.to_bytes().to_vec())
    }

    /// The signature of [`jasmin_protocol::Refresh`].
    pub fn sign_refresh(&self, refresh: &Base64, at_ms: i64) -> Base64 {
        let words = [REFRESH_CONTEXT, refresh.as_ref(), &at_ms.to_be_bytes()].concat();
        self.sign(&words)
    }

    pub(crate) fn sign(&self, words: &[u8]) -> Base64 {
        Base64(self.signing.sign(words).to_bytes().to_vec())
    }

    pub(crate) fn opening_key(&self) -> &OpeningKey {
        &self.opening
    }
}

impl std::fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKeys")
    }
}

/// What [`DeviceKeys`] are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSeeds {
    /// Ed25519 seed.
    pub signing: Seed,
    /// Keying material of the X25519 key (`DeriveKeyPair` of RFC 9180, section 7.1.3).
    pub sealing: Seed,
}

/// A device whose certificate was checked. There is no other way to get one, and nothing is sealed
/// for, or opened from, anything else.
#[derive(Clone)]
pub struct CertifiedDevice {
    address: Address,
    signing: VerifyingKey,
    sealing: SealingKey,
}

impl CertifiedDevice {
    /// Whose device, and which.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Which device.
    pub fn device_id(&self) -> DeviceId {
        self.address.device_id
    }

    pub(crate) fn verifies(&self, words: &[u8], signature: &Base64) -> bool {
        Signature::from_slice(signature.as_ref())
            .is_ok_and(|signature| self.signing.verify_strict(words, &signature).is_ok())
    }

    pub(crate) fn sealing_key(&self) -> &SealingKey {
        &self.sealing
    }
}

impl std::fmt::Debug for CertifiedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertifiedDevice({})", self.address.device_id)
    }
}

/// The devices of a person that this identity vouches for. A device with a bad certificate is left
/// out: the others can still be called.
pub fn certified_devices(identity: &PublicIdentity, keys: &UserKeys) -> Vec<CertifiedDevice> {
    let check = |certificate: &DeviceCertificate| {
        identity
            .verify(keys.user_id, certificate)
            .inspect_err(|error| {
                tracing::warn!(device = %certificate.device_id, %error, "a device is left out");
            })
            .ok()
    };
    keys.devices.iter().filter_map(check).collect()
}

fn certified_words(user_id: UserId, certificate: &DeviceCertificate) -> Vec<u8> {
    [
        CERTIFICATE_CONTEXT,
        user_id.0.as_bytes(),
        certificate.device_id.0.as_bytes(),
        certificate.signing_key.as_ref(),
        certificate.sealing_key.as_ref(),
        &certificate.created_ms.to_be_bytes(),
    ]
    .concat()
}

/// Refuses the weak points of the curve, too: with one of those anything verifies.
fn verifying_key(bytes: &Base64) -> Option<VerifyingKey> {
    let bytes: &[u8; 32] = bytes.as_ref().try_into().ok()?;
    VerifyingKey::from_bytes(bytes)
        .ok()
        .filter(|key| !key.is_weak())
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::DeviceId;
    use uuid::Uuid;

    use super::*;

    fn address() -> Address {
        Address {
            user_id: UserId(Uuid::now_v7()),
            device_id: DeviceId(Uuid::now_v7()),
        }
    }

    #[test]
    fn a_certificate_holds_for_its_person_and_device_only() {
        let identity = IdentityKey::generate();
        let device = address();
        let certificate = identity.certify(device, &DeviceKeys::generate(), 1);
        let public = identity.public();
        assert_eq!(
            public
                .verify(device.user_id, &certificate)
                .unwrap()
                .address(),
            device
        );

        let other = public.verify(address().user_id, &certificate).unwrap_err();
        assert_eq!(other, CertificateError::Signature, "for another person");
        let stranger = IdentityKey::generate().public();
        assert_eq!(
            stranger.verify(device.user_id, &certificate).unwrap_err(),
            CertificateError::Signature,
            "by another identity"
        );
        let moved = DeviceCertificate {
            device_id: address().device_id,
            ..certificate.clone()
        };
        assert!(
            public.verify(device.user_id, &moved).is_err(),
            "for another device"
        );
        let swapped = DeviceCertificate {
            sealing_key: DeviceKeys::generate().sealing_key(),
            ..certificate.clone()
        };
        assert!(
            public.verify(device.user_id, &swapped).is_err(),
            "with another sealing key"
        );
        let later = DeviceCertificate {
            created_ms: 2,
            ..certificate
        };
        assert!(
            public.verify(device.user_id, &later).is_err(),
            "with another date"
        );
    }

    #[test]
    fn keys_survive_storing() {
        let keys = DeviceKeys::generate();
        let text = serde_json::to_string(&keys.seeds()).unwrap();
        let again = DeviceKeys::from_seeds(&serde_json::from_str(&text).unwrap());
        assert_eq!(again.signing_key(), keys.signing_key());
        assert_eq!(again.sealing_key(), keys.sealing_key());
        let identity = IdentityKey::generate();
        assert_eq!(
            IdentityKey::from_seed(&identity.seed()).public(),
            identity.public()
        );
    }

    #[test]
    fn bad_keys_are_refused() {
        for bytes in [vec![], vec![0; 31], vec![0; 33], vec![0; 32]] {
            let error = PublicIdentity::try_from(&Base64(bytes)).unwrap_err();
            assert_eq!(error, CertificateError::Identity);
        }
    }

    #[test]
    fn a_forged_device_is_left_out_and_the_true_one_stays() {
        let identity = IdentityKey::generate();
        let device = address();
        let good = identity.certify(device, &DeviceKeys::generate(), 1);
        let forged = IdentityKey::generate().certify(
            Address {
                device_id: address().device_id,
                ..device
            },
            &DeviceKeys::generate(),
            1,
        );
        let keys = UserKeys {
            user_id: device.user_id,
            identity_key: identity.public().to_base64(),
            devices: vec![forged, good],
        };
        let devices = certified_devices(&identity.public(), &keys);
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].address(), device);
    }
}
