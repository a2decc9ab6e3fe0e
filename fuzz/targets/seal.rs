#![no_main]

use jasmin_client::{
    keys::{CertifiedDevice, DeviceKeys, IdentityKey, certified_devices},
    sealing::Sealer,
};
use jasmin_protocol::{Address, Base64, CallId, DeviceId, Sealed, SignalBody, UserId, UserKeys};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const NOW_MS: i64 = 1_795_000_000_000;

struct Party {
    sealer: Sealer,
    device: CertifiedDevice,
}

fn party(number: u128) -> Party {
    let address = Address {
        user_id: UserId(Uuid::from_u128(number)),
        device_id: DeviceId(Uuid::from_u128(number + 100)),
    };
    let identity = IdentityKey::generate();
    let keys = DeviceKeys::generate();
    let certificate = identity.certify(address, &keys, NOW_MS);
    let published = UserKeys {
        user_id: address.user_id,
        identity_key: identity.public().to_base64(),
        devices: vec![certificate],
    };
    let device = certified_devices(&identity.public(), &published).remove(0);
    Party {
        sealer: Sealer::new(address, keys),
        device,
    }
}

fuzz_target!(|data: &[u8]| {
    let (mut ana, mut ben) = (party(1), party(2));
    let call = CallId(Uuid::from_u128(7));

    // A hostile server: no message of its own making opens.
    let cut = data.len().min(32);
    let forged = Sealed {
        enc: Base64(data[..cut].to_vec()),
        ciphertext: Base64(data[cut..].to_vec()),
    };
    assert!(ben.sealer.open(call, &ana.device, &forged, NOW_MS).is_err());

    // A contact who says what it likes: what was sealed comes out, once.
    if let Ok(body) = serde_json::from_slice::<SignalBody>(data)
        && let Ok(sealed) = ana.sealer.seal(call, &ben.device, body.clone(), NOW_MS)
    {
        let opened = ben.sealer.open(call, &ana.device, &sealed, NOW_MS);
        assert_eq!(opened.expect("it is from Ana, for Ben"), body);
        assert!(
            ben.sealer.open(call, &ana.device, &sealed, NOW_MS).is_err(),
            "a replay"
        );
    }
});
