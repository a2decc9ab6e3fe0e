use std::{collections::HashMap, path::Path};

use super::{
    KeyFileError, Keys, PasswordDesk, Sealer, TokenKey, Unsealable, digest, file::read_or_create,
    password::Probe, random,
};
use crate::store::{Store, StoreError};

const DATA: &str = "data-key";
const LOOKUP: &str = "lookup-key";
const OPAQUE: &str = "opaque-setup";
const PROBE: &str = "opaque-probe";
const TOKEN: &str = "token-seed";
const LEDGER: &str = "ledger-seed";

/// The server's secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file is another database's.
    #[error("the key file does not fit the database")]
    Mismatch,
    /// A known password does not open its record any more.
    #[error("the self-test of the passwords failed")]
    SelfTest,
}

impl From<Unsealable> for LoadError {
    fn from(_: Unsealable) -> Self {
        Self::Mismatch
    }
}

/// Opens the secrets of a database with its key file, making both for a new one.
pub(crate) async fn load(store: &Store, key_file: &Path, now_ms: i64) -> Result<Keys, LoadError> {
    let mut tx = store.begin().await?;
    tx.lock(digest(&[b"secrets"])).await?;
    let mut rows = tx.secrets().await?;
    let sealer = Sealer::new(read_or_create(key_file, rows.is_empty())?);
    if rows.is_empty() {
        for (name, secret) in fresh()? {
            let sealed = sealer.seal(&context(name), &secret)?;
            tx.put_secret(name, sealed, now_ms).await?;
        }
        rows = tx.secrets().await?;
    }
    // Databases from before there were ledgers have none.
    if !rows.iter().any(|(name, _)| name == LEDGER) {
        let sealed = sealer.seal(&context(LEDGER), &random::<32>())?;
        tx.put_secret(LEDGER, sealed, now_ms).await?;
        rows = tx.secrets().await?;
    }
    tx.commit().await?;

    let mut secrets = HashMap::new();
    for (name, sealed) in rows {
        let secret = sealer.open(&context(&name), &sealed)?;
        secrets.insert(name, secret);
    }
    let secret = |name: &str| secrets.get(name).ok_or(LoadError::Mismatch);
    let key = |name| {
        secret(name)?
            .as_slice()
            .try_into()
            .map_err(|_| LoadError::Mismatch)
    };
    let passwords = PasswordDesk::from_bytes(secret(OPAQUE)?).ok_or(LoadError::SelfTest)?;
    if !passwords.fits(&Probe(secret(PROBE)?.clone())) {
        return Err(LoadError::SelfTest);
    }
    let tokens = TokenKey::new(&key(TOKEN)?).ok_or(LoadError::Mismatch)?;
    Ok(Keys::new(
        Sealer::new(key(DATA)?),
        tokens,
        passwords,
        key(LOOKUP)?,
        &key(LEDGER)?,
    ))
}

fn fresh() -> Result<[(&'static str, Vec<u8>); 5], LoadError> {
    let desk = PasswordDesk::generate();
    let probe = desk.probe().map_err(|_| LoadError::SelfTest)?;
    Ok([
        (DATA, random::<32>().to_vec()),
        (LOOKUP, random::<32>().to_vec()),
        (OPAQUE, desk.to_bytes()),
        (PROBE, probe.0),
        (TOKEN, random::<32>().to_vec()),
    ])
}

fn context(name: &str) -> String {
    format!("secret:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store(folder: &Path) -> Store {
        Store::open_file(&folder.join("test.db"), 0).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_secrets_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let path = folder.path().join("server.key");
        let first = load(&store, &path, 0).await.unwrap();
        let again = load(&store, &path, 0).await.unwrap();
        assert_eq!(
            first.address_tag("a@b.example"),
            again.address_tag("a@b.example")
        );
        let sealed = first.data.seal("x", b"y").unwrap();
        assert_eq!(again.data.open("x", &sealed).unwrap(), b"y");
    }

    #[tokio::test]
    async fn a_lost_or_foreign_key_file_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let path = folder.path().join("server.key");
        load(&store, &path, 0).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let lost = load(&store, &path, 0).await.unwrap_err();
        assert!(
            matches!(lost, LoadError::File(KeyFileError::Missing(_))),
            "{lost}"
        );
        assert!(!path.exists(), "a key that opens nothing is not made");
        read_or_create(&path, true).unwrap();
        let foreign = load(&store, &path, 0).await.unwrap_err();
        assert!(matches!(foreign, LoadError::Mismatch), "{foreign}");
    }

    #[tokio::test]
    async fn another_opaque_setup_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let path = folder.path().join("server.key");
        let sealer = Sealer::new(read_or_create(&path, true).unwrap());
        let mut tx = store.begin().await.unwrap();
        for (name, mut secret) in fresh().unwrap() {
            if name == OPAQUE {
                secret = PasswordDesk::generate().to_bytes();
            }
            tx.put_secret(name, sealer.seal(&context(name), &secret).unwrap(), 0)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let error = load(&store, &path, 0).await.unwrap_err();
        assert!(matches!(error, LoadError::SelfTest), "{error}");
    }
}
