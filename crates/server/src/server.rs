use std::{
    fmt,
    fs::{File, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config, KeyFileError, OpenError,
    app::{App, Shared},
    args::is_loopback,
    bus::InProcess,
    http,
    keys::{self, Keys, LoadError},
    limits::Limiter,
    mail,
    metrics::Metrics,
    partners, platform, serve,
    store::Store,
    sweep,
};

/// The database's file in the data folder.
const DATABASE: &str = "jasmin.db";

/// A running server. Dropping it stops it at once; [`Server::shutdown`] says goodbye first.
pub struct Server {
    app: Shared,
    address: SocketAddr,
    url: String,
}

/// The server cannot start. Nothing was changed unless the words say so.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Beyond loopback everything would travel unencrypted.
    #[error(
        "{0} can be reached from elsewhere, and this process speaks no TLS: put a TLS proxy in front and say so with --i-know-no-tls"
    )]
    NoTls(SocketAddr),
    /// The folder for the data cannot be made or written to.
    #[error("the data folder {0} cannot be used")]
    DataDir(PathBuf, #[source] std::io::Error),
    /// Two servers in one folder would not know of each other's sockets.
    #[error("another server uses the data folder {0}")]
    InUse(PathBuf),
    /// Somebody else listens there, or it is not ours to listen on.
    #[error("{0} cannot be listened on")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key file is another database's.
    #[error("the key file {0} does not fit the database: each was made with another one")]
    Mismatch(PathBuf),
    /// No password would fit any more.
    #[error(
        "a known test record does not sign in: the secrets in the database are not those that its passwords were made with; nobody could sign in"
    )]
    SelfTest,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the store, tests the secrets, listens, and serves in tasks of the current runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if !is_loopback(config.listen) && !config.i_know_no_tls {
            return Err(StartError::NoTls(config.listen));
        }
        let listen = config.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| StartError::Listen(listen, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::Listen(listen, error))?;
        let url = format!("http://{address}");
        let outbox_url = is_loopback(address).then(|| format!("{url}/dev/mailbox"));
        if outbox_url.is_none() {
            tracing::warn!("mail is written to the outbox folder only: nobody receives it");
        }

        let app = Arc::new(open(config, outbox_url).await?);
        // Whoever connects finds the days committed that passed meanwhile.
        if let Err(failure) = app.commit_to_days().await {
            tracing::error!(cause = failure.cause, "the daily roots are late");
        }
        let router = http::router(&app);
        app.tasks
            .spawn(serve::accept(app.clone(), listener, router));
        app.tasks.spawn(sweep::work(app.clone()));
        app.tasks.spawn(mail::work(app.clone()));
        app.tasks.spawn(partners::post::work(app.clone()));
        tracing::info!("ready");
        Ok(Self { app, address, url })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and [`Server::addr`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes no new connections, lets requests end, tells every socket to come back, and closes the
    /// store. Takes at most [`crate::Patience::shutdown`] and a little.
    pub async fn shutdown(self) {
        self.app.draining.cancel();
        self.app.tasks.close();
        let patience = self.app.config.patience.shutdown;
        if tokio::time::timeout(patience, self.app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = self.app.tasks.len(),
                "some connections did not end in time"
            );
        }
        let _ = tokio::time::timeout(patience, self.app.store.close()).await;
        let _ = self.app.folder_lock.unlock();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.draining.cancel();
    }
}

/// Opens everything that lies under the data folder or behind the database's URL.
pub(crate) async fn open(config: Config, outbox_url: Option<String>) -> Result<App, StartError> {
    make_folder(&config.data_dir)?;
    let folder_lock = lock(&config.data_dir)?;
    let (store, keys) = open_store(&config).await?;
    Ok(App {
        config,
        store,
        folder_lock,
        keys,
        bus: Box::new(InProcess::new()),
        limiter: Limiter::new(),
        metrics: Metrics::default(),
        outbox_url,
        deadlines: Notify::new(),
        mails: Notify::new(),
        shares: Notify::new(),
        draining: CancellationToken::new(),
        tasks: TaskTracker::new(),
    })
}

fn make_folder(folder: &Path) -> Result<(), StartError> {
    platform::create_private_dir(folder)
        .map_err(|error| StartError::DataDir(folder.to_owned(), error))
}

/// Whether there is a store to open, for commands that must not make one.
pub(crate) fn has_store(config: &Config) -> bool {
    config.db.is_some() || config.data_dir.join(DATABASE).exists()
}

/// Opens the store and its keys, also beside a server that runs.
pub(crate) async fn open_store(config: &Config) -> Result<(Store, Keys), StartError> {
    let folder: &Path = &config.data_dir;
    make_folder(folder)?;
    let now_ms = config.clock.now_ms();
    let store = match &config.db {
        Some(url) => Store::open_url(url, now_ms).await?,
        None => Store::open_file(&folder.join(DATABASE), now_ms).await?,
    };
    let key_file = folder.join("server.key");
    let keys = keys::load(&store, &key_file, now_ms)
        .await
        .map_err(|error| match error {
            LoadError::File(error) => StartError::KeyFile(error),
            LoadError::Store(error) => StartError::Database(error.into()),
            LoadError::Mismatch => StartError::Mismatch(key_file),
            LoadError::SelfTest => StartError::SelfTest,
        })?;
    Ok((store, keys))
}

/// Keeps the folder to this process. The operating system lets go of it however the process ends.
fn lock(folder: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::DataDir(folder.to_owned(), error);
    let path = folder.join("server.lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..Config::at(folder)
        }
    }

    #[tokio::test]
    async fn starts_twice_on_the_same_folder() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let server = Server::start(config(folder.path())).await.unwrap();
            assert!(server.url().starts_with("http://127.0.0.1:"));
            server.shutdown().await;
        }
    }

    #[tokio::test]
    async fn does_not_listen_beyond_loopback_by_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let open = Config {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..config(folder.path())
        };
        let refused = Server::start(open.clone()).await.unwrap_err();
        assert!(refused.to_string().contains("--i-know-no-tls"), "{refused}");
        let server = Server::start(Config {
            i_know_no_tls: true,
            ..open
        })
        .await
        .unwrap();
        assert_eq!(
            server.app.outbox_url, None,
            "mail is not shown to the network"
        );
        server.shutdown().await;
    }

    #[tokio::test]
    async fn two_servers_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Server::start(config(folder.path())).await.unwrap();
        let second = Server::start(config(folder.path())).await.unwrap_err();
        assert!(matches!(second, StartError::InUse(_)), "{second}");
        first.shutdown().await;
        Server::start(config(folder.path()))
            .await
            .unwrap()
            .shutdown()
            .await;
    }

    #[tokio::test]
    async fn says_when_its_place_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let first = Server::start(config(folder.path())).await.unwrap();
        let second = Config {
            listen: first.addr(),
            ..config(folder.path())
        };
        let error = Server::start(second).await.unwrap_err();
        assert!(matches!(error, StartError::Listen(_, _)), "{error}");
        first.shutdown().await;
    }

    #[tokio::test]
    async fn refuses_a_newer_and_a_corrupt_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jasmin.db");
        Server::start(config(folder.path()))
            .await
            .unwrap()
            .shutdown()
            .await;
        crate::testing::run_sql(
            &path,
            "INSERT INTO schema_version VALUES (99999999999999, 0)",
        )
        .await;
        let newer = Server::start(config(folder.path())).await.unwrap_err();
        assert!(
            newer
                .to_string()
                .contains("newer server (schema 99999999999999"),
            "{newer}"
        );

        let whole = std::fs::read(&path).unwrap();
        let mut torn = whole.clone();
        let middle = torn.len() / 2;
        torn[4096..middle].fill(0xa5);
        for bytes in [
            b"this is not a database, but it is long enough".repeat(40),
            torn,
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let corrupt = Server::start(config(folder.path())).await.unwrap_err();
            assert!(corrupt.to_string().contains("damaged"), "{corrupt}");
            assert_eq!(
                std::fs::read(&path).unwrap(),
                bytes,
                "a damaged file is left as it is"
            );
        }
    }
}
