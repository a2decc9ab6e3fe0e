#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test fails on everything that it does not wait for"
)]

use std::{
    collections::HashMap,
    fs,
    process::{Command, Stdio},
    sync::mpsc,
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Processing;

const PATIENCE: Duration = Duration::from_secs(20);
const PASSPHRASE: &str = "a long passphrase";

#[tokio::test]
async fn the_keyring_keeps_the_key_and_the_file_keeps_the_rest() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    assert_eq!(vault.view(), VaultView::Opening);
    assert_eq!(vault.open().await, open_by(VaultKeeper::Keyring));
    vault
        .save(|data| data.server = Some("http://localhost:8420".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        profile.keyring.keys.lock().unwrap().len(),
        1,
        "one key, and nothing else"
    );

    let later = profile.vault(profile.keyring.clone());
    assert_eq!(later.open().await, open_by(VaultKeeper::Keyring));
    assert_eq!(
        later.read(|data| data.server.clone()).as_deref(),
        Some("http://localhost:8420")
    );
}

#[tokio::test]
async fn two_profiles_do_not_share_a_key() {
    let keyring = Arc::new(FakeKeyring::default());
    let (one, other) = (Profile::new(), Profile::new());
    for profile in [&one, &other] {
        let vault = profile.vault(keyring.clone());
        vault.open().await;
        let mine = profile.folder.path().display().to_string();
        vault.save(|data| data.server = Some(mine)).await.unwrap();
    }
    assert_eq!(keyring.keys.lock().unwrap().len(), 2);
    let again = one.vault(keyring);
    again.open().await;
    assert_eq!(
        again.read(|data| data.server.clone()),
        Some(one.folder.path().display().to_string())
    );
}

#[tokio::test]
async fn without_a_keyring_a_person_chooses_and_nothing_is_written_before() {
    let profile = Profile::new();
    let vault = profile.vault(Arc::new(NoKeyring));
    assert!(matches!(vault.open().await, VaultView::Choose { .. }));
    assert!(matches!(vault.save(|_| ()).await, Err(VaultError::NotOpen)));
    assert_eq!(profile.files(), Vec::<String>::new());

    let short = vault.use_passphrase("short".into()).await;
    assert!(matches!(short, Err(VaultError::PassphraseTooShort)));
    vault.use_passphrase(PASSPHRASE.into()).await.unwrap();
    assert_eq!(vault.view(), open_by(VaultKeeper::Passphrase));
    vault
        .save(|data| data.server = Some("https://marker.example".to_owned()))
        .await
        .unwrap();

    let later = profile.vault(Arc::new(NoKeyring));
    assert_eq!(later.open().await, VaultView::Locked);
    assert_eq!(
        later.read(|data| data.server.clone()),
        None,
        "nothing to see while locked"
    );
    let wrong = later.unlock("another passphrase".into()).await;
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase)));
    assert_eq!(later.view(), VaultView::Locked);
    later.unlock(PASSPHRASE.into()).await.unwrap();
    assert_eq!(
        later.read(|data| data.server.clone()).as_deref(),
        Some("https://marker.example")
    );
}

#[tokio::test]
async fn a_session_leaves_nothing_behind() {
    let profile = Profile::new();
    let vault = profile.vault(Arc::new(NoKeyring));
    vault.open().await;
    vault.use_session_only().await.unwrap();
    assert_eq!(vault.view(), open_by(VaultKeeper::Session));
    vault
        .save(|data| data.server = Some("https://example.org".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        vault.read(|data| data.server.clone()).as_deref(),
        Some("https://example.org")
    );
    assert_eq!(profile.files(), Vec::<String>::new());
    assert!(matches!(
        vault.use_session_only().await,
        Err(VaultError::NotNow)
    ));
}

#[tokio::test]
async fn a_keyring_that_never_answers_does_not_hold_up_the_start() {
    let profile = Profile::new();
    let (hold, held) = mpsc::channel();
    let keyring = Arc::new(SilentKeyring(Mutex::new(held)));
    let vault = Vault::with_keyring(profile.folder.path(), keyring, Duration::from_millis(50));
    match vault.open().await {
        VaultView::Choose { reason } => assert!(reason.contains("in time"), "{reason}"),
        other => panic!("{other:?}"),
    }
    drop(hold);
}

#[tokio::test]
async fn a_vault_whose_keyring_is_away_is_put_aside_and_not_overwritten() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    vault
        .save(|data| data.server = Some("https://old.example".to_owned()))
        .await
        .unwrap();
    let old = fs::read(profile.file()).unwrap();

    let away = profile.vault(Arc::new(NoKeyring));
    assert!(matches!(away.open().await, VaultView::Choose { .. }));
    assert_eq!(
        fs::read(profile.file()).unwrap(),
        old,
        "looking changes nothing"
    );
    away.use_passphrase(PASSPHRASE.into()).await.unwrap();
    let aside: Vec<String> = profile
        .files()
        .into_iter()
        .filter(|name| name.contains("aside"))
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(
        fs::read(profile.folder.path().join(&aside[0])).unwrap(),
        old
    );
}

#[tokio::test]
async fn a_lost_key_is_said_and_the_file_stays() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    profile.keyring.keys.lock().unwrap().clear();
    let later = profile.vault(profile.keyring.clone());
    assert!(matches!(later.open().await, VaultView::Broken { .. }));
    assert_eq!(profile.files(), [FILE]);
}

#[tokio::test]
async fn a_damaged_file_is_left_alone_until_it_is_reset() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    vault
        .save(|data| data.server = Some("https://example.org".to_owned()))
        .await
        .unwrap();
    let whole = fs::read(profile.file()).unwrap();
    let damages: Vec<Vec<u8>> = vec![
        Vec::new(),
        whole[..50].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..whole.len() - 1], &[whole[whole.len() - 1] ^ 1]].concat(),
        [b"plain text".as_slice(), &whole].concat(),
        [&whole[..10], &[7], &whole[11..]].concat(),
        [&whole[..44], &[0xff; 12], &whole[56..]].concat(),
    ];
    for damaged in damages {
        fs::write(profile.file(), &damaged).unwrap();
        let vault = profile.vault(profile.keyring.clone());
        let view = vault.open().await;
        assert!(matches!(view, VaultView::Broken { .. }), "{view:?}");
        assert_eq!(fs::read(profile.file()).unwrap(), damaged, "left as it is");
        assert!(vault.save(|_| ()).await.is_err());
    }
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    vault.reset().await.unwrap();
    assert_eq!(vault.view(), open_by(VaultKeeper::Keyring));
    assert_eq!(vault.read(|data| data.server.clone()), None);
    assert_eq!(
        profile.files().len(),
        2,
        "the damaged one is still there, aside"
    );
}

#[tokio::test]
async fn a_newer_file_is_not_touched() {
    let profile = Profile::new();
    profile.vault(profile.keyring.clone()).open().await;
    let mut newer = fs::read(profile.file()).unwrap();
    newer[9] = 2;
    fs::write(profile.file(), &newer).unwrap();
    match profile.vault(profile.keyring.clone()).open().await {
        VaultView::Broken { reason } => assert!(reason.contains("newer version"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(profile.file()).unwrap(), newer);
}

#[tokio::test]
async fn a_failed_write_changes_nothing() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    fs::create_dir(profile.file().with_extension("new")).unwrap();
    let failed = vault
        .save(|data| data.server = Some("https://example.org".to_owned()))
        .await;
    assert!(matches!(failed, Err(VaultError::Io(_))));
    assert_eq!(
        vault.read(|data| data.server.clone()),
        None,
        "readers see what is on disk"
    );
    fs::remove_dir(profile.file().with_extension("new")).unwrap();
    vault
        .save(|data| data.server = Some("https://example.org".to_owned()))
        .await
        .unwrap();
}

#[tokio::test]
async fn changes_at_the_same_time_all_arrive() {
    let profile = Profile::new();
    let vault = profile.vault(profile.keyring.clone());
    vault.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16_u8 {
        let vault = vault.clone();
        tasks.spawn(async move {
            vault
                .save(|data| {
                    data.devices
                        .camera
                        .get_or_insert_default()
                        .push(char::from(b'a' + n))
                })
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    let later = profile.vault(profile.keyring.clone());
    later.open().await;
    let mut letters: Vec<char> = later
        .read(|data| data.devices.camera.clone())
        .unwrap()
        .chars()
        .collect();
    letters.sort_unstable();
    assert_eq!(letters.len(), 16);
    assert!(
        letters.windows(2).all(|pair| pair[0] != pair[1]),
        "each once"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let profile = Profile::new();
    profile.vault(profile.keyring.clone()).open().await;
    assert_eq!(
        fs::metadata(profile.file()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// The real Secret Service, in a session bus and a home of its own.
#[test]
fn the_systems_keyring_keeps_the_key() {
    let home = tempfile::tempdir().unwrap();
    let needed = ["dbus-run-session", "gnome-keyring-daemon"];
    let installed = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    if let Some(missing) = needed.iter().find(|name| !installed(name)) {
        eprintln!("skipped: {missing} is not installed");
        return;
    }
    let script = r#"echo -n pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        exec "$0" --exact vault::tests::inside_a_session --ignored --nocapture"#;
    let run = Command::new("dbus-run-session")
        .args(["--", "bash", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}{:?}",
        run.stderr
    );
}

#[tokio::test]
#[ignore = "started by the_systems_keyring_keeps_the_key in a session of its own"]
async fn inside_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path());
    assert_eq!(vault.open().await, open_by(VaultKeeper::Keyring));
    vault
        .save(|data| data.server = Some("https://example.org".to_owned()))
        .await
        .unwrap();
    let later = Vault::new(folder.path());
    assert_eq!(later.open().await, open_by(VaultKeeper::Keyring));
    assert_eq!(
        later.read(|data| data.server.clone()).as_deref(),
        Some("https://example.org")
    );

    let name = SealedFile::read(&folder.path().join(FILE))
        .unwrap()
        .unwrap()
        .header
        .key_name();
    let text = ::keyring::Entry::new("chat.jasmin.desktop", &name)
        .unwrap()
        .get_password()
        .unwrap();
    assert_eq!(text.len(), 44, "base64 text");
    SystemKeyring.delete(&name).unwrap();
    SystemKeyring.delete(&name).unwrap();
    assert_eq!(SystemKeyring.get(&name), Ok(None));
}

/// Without a session bus there is a reason for people, at once.
#[test]
fn without_a_session_bus_the_keyring_says_why() {
    let home = tempfile::tempdir().unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "vault::tests::inside_no_session",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "started by without_a_session_bus_the_keyring_says_why"]
async fn inside_no_session() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        match Vault::new(folder.path()).open().await {
            VaultView::Choose { reason } => assert!(!reason.is_empty()),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), real in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let bytes = if real { [b"JASMINVT\0\x01\x01\0".as_slice(), &bytes].concat() } else { bytes };
        fs::write(&path, &bytes).unwrap();
        if let Ok(Some(file)) = SealedFile::read(&path) {
            prop_assert!(file.open(&Seed::random()).is_err());
        }
    }
}

#[test]
fn contents_of_an_earlier_version_are_read() {
    let data: VaultData = serde_json::from_str("{}").unwrap();
    assert_eq!(data, VaultData::default());
    let data: VaultData =
        serde_json::from_str(r#"{"devices":{"camera":"one"},"later":1}"#).unwrap();
    assert_eq!(data.devices.camera.as_deref(), Some("one"));
    let processing = Processing {
        echo_cancellation: true,
        noise_suppression: false,
        automatic_gain: true,
    };
    let data = VaultData {
        processing: Some(processing),
        ..data
    };
    let text = serde_json::to_string(&data).unwrap();
    assert_eq!(serde_json::from_str::<VaultData>(&text).unwrap(), data);
}

struct Profile {
    folder: TempDir,
    keyring: Arc<FakeKeyring>,
}

impl Profile {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            keyring: Arc::default(),
        }
    }

    fn vault(&self, keyring: Arc<dyn Keyring>) -> Vault {
        Vault::with_keyring(self.folder.path(), keyring, PATIENCE)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[derive(Default)]
struct FakeKeyring {
    keys: Mutex<HashMap<String, Seed>>,
}

impl Keyring for FakeKeyring {
    fn get(&self, name: &str) -> Result<Option<Seed>, KeyringError> {
        Ok(self.keys.lock().unwrap().get(name).cloned())
    }

    fn set(&self, name: &str, key: &Seed) -> Result<(), KeyringError> {
        self.keys
            .lock()
            .unwrap()
            .insert(name.to_owned(), key.clone());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        self.keys.lock().unwrap().remove(name);
        Ok(())
    }
}

struct NoKeyring;

impl Keyring for NoKeyring {
    fn get(&self, _name: &str) -> Result<Option<Seed>, KeyringError> {
        Err(KeyringError("there is none".to_owned()))
    }

    fn set(&self, _name: &str, _key: &Seed) -> Result<(), KeyringError> {
        Err(KeyringError("there is none".to_owned()))
    }

    fn delete(&self, _name: &str) -> Result<(), KeyringError> {
        Err(KeyringError("there is none".to_owned()))
    }
}

/// Waits for a person who never comes.
struct SilentKeyring(Mutex<mpsc::Receiver<()>>);

impl Keyring for SilentKeyring {
    fn get(&self, _name: &str) -> Result<Option<Seed>, KeyringError> {
        self.0.lock().unwrap().recv().ok();
        Ok(None)
    }

    fn set(&self, name: &str, _key: &Seed) -> Result<(), KeyringError> {
        self.get(name).map(|_| ())
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        self.get(name).map(|_| ())
    }
}

fn open_by(keeper: VaultKeeper) -> VaultView {
    VaultView::Open { keeper }
}
