#![no_main]

use std::{sync::Arc, time::Duration};

use jasmin_client::{
    VaultView,
    keys::Seed,
    vault::{Keyring, KeyringError, Vault},
};
use libfuzzer_sys::fuzz_target;

/// A keyring that has the same key for everybody.
struct OneKey;

impl Keyring for OneKey {
    fn get(&self, _name: &str) -> Result<Option<Seed>, KeyringError> {
        Ok(Some(Seed::from([7; 32])))
    }

    fn set(&self, _name: &str, _key: &Seed) -> Result<(), KeyringError> {
        Ok(())
    }

    fn delete(&self, _name: &str) -> Result<(), KeyringError> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let file = folder.path().join("vault.jasmin");
    if std::fs::write(&file, data).is_err() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    let vault = Vault::with_keyring(folder.path(), Arc::new(OneKey), Duration::from_secs(5));
    let view = runtime.block_on(vault.open());
    assert!(
        !matches!(view, VaultView::Open { .. }),
        "nobody's file opens"
    );
    let kept = std::fs::read(&file).expect("the file is still there");
    assert_eq!(kept, data, "and as it was");
});
