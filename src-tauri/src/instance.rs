//! One window per profile folder. The first start holds a lock in the folder and listens at a
//! private address; a second start asks it to come to the front, and ends. Another folder runs
//! beside. Works without a session bus.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::PathBuf,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    time::{Instant, sleep, timeout},
};

use crate::{
    platform::{self, Door},
    profile::Profile,
};

const LOCK: &str = "window.lock";
const ADDRESS: &str = "window.address";

/// Longest message at the door.
const LONGEST: u64 = 1024;

/// How long a second start waits for the first: it may be starting or quitting.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long one exchange at the door may take.
const EXCHANGE: Duration = Duration::from_secs(2);

/// What this start is.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The only one of this profile.
    First(Lock, Reception),
    /// The second one; the first was shown.
    Shown,
}

/// The profile is this program's until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Where second starts say that they are there. Without it they wait for the lock.
#[derive(Debug)]
pub(crate) struct Reception {
    door: Door,
    address: PathBuf,
}

/// Why neither worked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// The lock or the door cannot be made.
    #[error("the profile folder {} cannot be written", folder.display())]
    Unwritable { folder: PathBuf, source: io::Error },
    /// Locked, but nobody answers.
    #[error(
        "another program holds the profile folder {} and does not answer; \
         end it, or choose another folder with JASMIN_DATA_DIR",
        folder.display()
    )]
    Silent { folder: PathBuf },
}

/// Takes the profile, or shows the window that has it.
pub(crate) async fn claim(profile: &Profile) -> Result<Claim, ClaimError> {
    claim_within(profile, PATIENCE).await
}

async fn claim_within(profile: &Profile, patience: Duration) -> Result<Claim, ClaimError> {
    let unwritable = |source| ClaimError::Unwritable {
        folder: profile.folder().to_owned(),
        source,
    };
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(profile.file(LOCK))
        .map_err(unwritable)?;
    let deadline = Instant::now() + patience;
    loop {
        match lock.try_lock() {
            Ok(()) => {
                let reception = Reception::open(profile).map_err(unwritable)?;
                return Ok(Claim::First(Lock { _file: lock }, reception));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        match timeout(EXCHANGE, knock(profile)).await {
            Ok(Ok(())) => return Ok(Claim::Shown),
            Ok(Err(error)) => tracing::debug!(%error, "the other window does not answer"),
            Err(_) => tracing::debug!("the other window takes too long"),
        }
        if Instant::now() >= deadline {
            return Err(ClaimError::Silent {
                folder: profile.folder().to_owned(),
            });
        }
        sleep(Duration::from_millis(100)).await;
    }
}

impl Reception {
    fn open(profile: &Profile) -> io::Result<Self> {
        let (door, name) = Door::open(profile.folder())?;
        let address = profile.file(ADDRESS);
        fs::write(&address, name)?;
        Ok(Self { door, address })
    }

    /// Calls `show` for each second start, with the token by which its desktop lets a window come
    /// to the front. Ends only with the door.
    pub(crate) async fn listen(mut self, mut show: impl FnMut(Option<String>) + Send) {
        loop {
            let visitor = match self.door.accept().await {
                Ok(visitor) => visitor,
                Err(error) => {
                    tracing::warn!(%error, "a second start cannot be heard");
                    sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            match timeout(EXCHANGE, hear(visitor)).await {
                Ok(Ok(token)) => show(token),
                Ok(Err(error)) => tracing::debug!(%error, "a second start was not understood"),
                Err(_) => tracing::debug!("a second start said nothing"),
            }
        }
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.address) {
            tracing::debug!(%error, "the window's address stays behind");
        }
    }
}

async fn knock(profile: &Profile) -> io::Result<()> {
    let address = fs::read_to_string(profile.file(ADDRESS))?;
    let mut stream = platform::knock(&address).await?;
    let token = platform::activation_token().unwrap_or_default();
    stream
        .write_all(format!("show {token}\n").as_bytes())
        .await?;
    match line(&mut stream).await?.as_str() {
        "shown" => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn hear(mut visitor: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Option<String>> {
    let line = line(&mut visitor).await?;
    let token = line
        .strip_prefix("show ")
        .ok_or(io::ErrorKind::InvalidData)?;
    let token = Some(token.to_owned()).filter(|token| !token.is_empty());
    visitor.write_all(b"shown\n").await?;
    visitor.shutdown().await?;
    Ok(token)
}

async fn line(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST))
        .read_line(&mut line)
        .await?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn profile() -> (tempfile::TempDir, Profile) {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::open(folder.path().to_owned()).unwrap();
        (folder, profile)
    }

    fn first(claim: Claim) -> (Lock, Reception) {
        match claim {
            Claim::First(lock, reception) => (lock, reception),
            Claim::Shown => panic!("somebody else holds it"),
        }
    }

    #[tokio::test]
    async fn a_second_start_shows_the_first() {
        let (_folder, profile) = profile();
        let (lock, reception) = first(claim(&profile).await.unwrap());
        let (sender, mut shown) = mpsc::unbounded_channel();
        let listening = tokio::spawn(reception.listen(move |_| sender.send(()).unwrap()));

        assert!(matches!(claim(&profile).await.unwrap(), Claim::Shown));
        shown.recv().await.unwrap();
        assert!(matches!(claim(&profile).await.unwrap(), Claim::Shown));
        shown.recv().await.unwrap();

        listening.abort();
        assert!(listening.await.unwrap_err().is_cancelled());
        let error = claim_within(&profile, Duration::ZERO).await.unwrap_err();
        assert!(
            matches!(error, ClaimError::Silent { .. }),
            "still quitting: {error}"
        );

        drop(lock);
        first(claim(&profile).await.unwrap());
    }

    #[tokio::test]
    async fn another_folder_runs_beside() {
        let (_folder, one) = profile();
        let (_other_folder, other) = profile();
        let _one = first(claim(&one).await.unwrap());
        let _other = first(claim(&other).await.unwrap());
    }

    #[tokio::test]
    async fn a_long_folder_name_works() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("n".repeat(120));
        let profile = Profile::open(folder).unwrap();
        let (_lock, reception) = first(claim(&profile).await.unwrap());
        let listening = tokio::spawn(reception.listen(|_| {}));
        assert!(matches!(claim(&profile).await.unwrap(), Claim::Shown));
        listening.abort();
    }

    #[tokio::test]
    async fn what_a_crash_left_behind_does_not_hinder() {
        let (_folder, profile) = profile();
        let (lock, reception) = first(claim(&profile).await.unwrap());
        let address = fs::read_to_string(profile.file(ADDRESS)).unwrap();
        drop((lock, reception));
        fs::write(profile.file(ADDRESS), &address).unwrap();
        fs::write(profile.file("window.sock"), "").unwrap();
        first(claim(&profile).await.unwrap());
    }

    #[tokio::test]
    async fn a_holder_that_does_not_answer_is_told() {
        let (_folder, profile) = profile();
        let lock = File::create(profile.file(LOCK)).unwrap();
        lock.lock().unwrap();
        let error = claim_within(&profile, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, ClaimError::Silent { .. }), "{error}");
    }

    #[tokio::test]
    async fn noise_at_the_door_is_refused() {
        let (_folder, profile) = profile();
        let (_lock, reception) = first(claim(&profile).await.unwrap());
        let address = fs::read_to_string(profile.file(ADDRESS)).unwrap();
        let (sender, mut shown) = mpsc::unbounded_channel();
        let listening = tokio::spawn(reception.listen(move |_| sender.send(()).unwrap()));
        for noise in [&b"hello\n"[..], &[0xff; 4096], b"show"] {
            let mut stream = platform::knock(&address).await.unwrap();
            // The other end may have closed before all was written.
            let _ = stream.write_all(noise).await;
            let _ = stream.shutdown().await;
            assert!(line(&mut stream).await.is_err());
        }
        assert!(shown.try_recv().is_err());
        listening.abort();
    }
}
