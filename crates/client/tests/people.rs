//! Clients for tests: each with a profile of its own, on one server in this process.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jasmin_client::{
    AccountView, Command, Config, Controller, Devices, PromptAnswer, VaultKey, VaultView, View,
};
use jasmin_media::{
    audio::{
        AudioIo,
        headless::{Headless, Hears, Recording},
    },
    synthetic::SyntheticCamera,
};
use jasmin_protocol::Outbox;
use jasmin_server::{
    Clock, DisclosureOrder, PartnerDeskError, PartnerOrder, Publication, PublishError, Server,
    SystemClock,
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// Nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    /// `None` while it is stopped.
    server: Option<Server>,
    url: String,
    dir: TempDir,
    clock: Arc<Shifted>,
}

/// The machine's clock, and how far the server is ahead of it.
#[derive(Debug, Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct Person {
    pub(crate) app: Controller,
    pub(crate) email: String,
    /// What the speaker plays.
    pub(crate) heard: Recording,
}

impl World {
    pub(crate) async fn start() -> Self {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_env("JASMIN_LOG"))
            .with_test_writer()
            .try_init()
            .ok();
        // For the tests' own requests; an earlier test may have done it.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self {
            server: None,
            url: String::new(),
            dir,
            clock: Arc::default(),
        };
        world.serve(0).await;
        world
    }

    async fn serve(&mut self, port: u16) {
        let mut config = jasmin_server::Config::at(self.dir.path().join("server"));
        config.listen.set_port(port);
        config.ring = Duration::from_secs(5);
        config.clock = self.clock.clone();
        let server = Server::start(config).await.unwrap();
        self.url = server.url().to_owned();
        self.server = Some(server);
    }

    /// The server's time from now on is so much later.
    pub(crate) fn pass_days(&self, days: i64) {
        self.clock.0.fetch_add(days * 86_400_000, Ordering::Relaxed);
    }

    /// The server's time from now on is shortly after the next midnight, UTC.
    pub(crate) fn pass_midnight(&self) {
        let left = 86_400_000 - self.now_ms().rem_euclid(86_400_000);
        self.clock.0.fetch_add(left + 1_000, Ordering::Relaxed);
    }

    /// The server's time.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// As the server's own, for commands beside it.
    fn config(&self) -> jasmin_server::Config {
        let mut config = jasmin_server::Config::at(self.dir.path().join("server"));
        config.clock = self.clock.clone();
        config
    }

    /// Publishes the policies in a folder, as an operator does while the server runs.
    pub(crate) async fn publish(&self, folder: &Path) -> Result<String, PublishError> {
        let wanted = Publication {
            folder: folder.to_owned(),
            dry_run: false,
        };
        jasmin_server::publish(&self.config(), &wanted).await
    }

    /// Writes in the register of lawful disclosures, as an officer does while the server runs.
    pub(crate) async fn disclose(&self, order: &DisclosureOrder) -> String {
        jasmin_server::disclose(&self.config(), order)
            .await
            .unwrap()
    }

    /// Writes in the book of partners, as an operator does while the server runs.
    pub(crate) async fn partner(&self, order: &PartnerOrder) -> Result<String, PartnerDeskError> {
        jasmin_server::partner(&self.config(), order).await
    }

    /// A folder for this world's files.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Stops the server, if it runs.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Starts the server where it was, after these changes to its database.
    pub(crate) async fn restart(&mut self, changes: &[&'static str]) {
        self.stop().await;
        if !changes.is_empty() {
            let options = SqliteConnectOptions::new().filename(self.database());
            let mut book = options.connect().await.unwrap();
            for change in changes {
                sqlx::query(*change).execute(&mut book).await.unwrap();
            }
            book.close().await.unwrap();
        }
        let port = self.url.rsplit(':').next().unwrap().parse().unwrap();
        self.serve(port).await;
    }

    /// Somebody with an account, signed in and connected.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let heard = Recording::new(48_000 * 20);
        let recording = heard.clone();
        let sound = move || -> Box<dyn AudioIo> {
            let hears = Hears::Beeps {
                since: std::time::Instant::now(),
            };
            Box::new(Headless::new(hears, Some(recording.clone())))
        };
        let app = Controller::start(Config {
            data_dir: self.dir.path().join(name),
            server: Some(self.url.clone()),
            devices: Devices::Synthetic {
                camera: Arc::new(SyntheticCamera),
                sound: Arc::new(sound),
            },
            vault: VaultKey::Session,
            downloads: Some(self.dir.path().join(format!("{name}-downloads"))),
        })
        .unwrap();
        let person = Person {
            app,
            email: format!("{name}@example.com"),
            heard,
        };
        person
            .until(|view| matches!(view.vault, VaultView::Open { .. }))
            .await;
        self.join(&person, name).await;
        person
    }

    /// Signs somebody up and in, in an app where nobody is.
    pub(crate) async fn join(&self, at: &Person, name: &str) {
        let email = format!("{name}@example.com");
        let view = at.until(|view| view.policies.known).await;
        let policy = view.policies.in_force.clone();
        at.wants(Command::SignUp {
            name: name.to_owned(),
            email: email.clone(),
            password: "correct horse battery".to_owned(),
            birthday: "1990-05-17".to_owned(),
            policy,
        })
        .await;
        let code = self.code(&email).await;
        at.wants(Command::VerifyEmail { code }).await;
        let is_in = |view: &View| match &view.account {
            AccountView::SignedIn { email: own, .. } => *own == email,
            AccountView::SignedOut
            | AccountView::AwaitingCode { .. }
            | AccountView::Revoked { .. } => false,
        };
        at.until(is_in).await;
    }

    /// A number from the database of a server that is stopped.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let options = SqliteConnectOptions::new().filename(self.database());
        let mut book = options.connect().await.unwrap();
        let count = sqlx::query_scalar(sql).fetch_one(&mut book).await.unwrap();
        book.close().await.unwrap();
        count
    }

    /// The server's database: what a server that cheats can change.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("server").join("jasmin.db")
    }

    async fn code(&self, email: &str) -> String {
        let url = format!("{}/dev/mailbox", self.url);
        let body = reqwest::get(url).await.unwrap().text().await.unwrap();
        let outbox: Outbox = serde_json::from_str(&body).unwrap();
        let mail = outbox
            .mails
            .into_iter()
            .find(|mail| mail.to == email)
            .unwrap();
        mail.code.unwrap()
    }
}

impl Person {
    pub(crate) async fn wants(&self, command: Command) {
        self.app.dispatch(command).await.unwrap();
    }

    /// Waits for a view of this kind and returns it.
    pub(crate) async fn until(&self, is: impl Fn(&View) -> bool) -> Arc<View> {
        let mut views = self.app.views();
        let found = tokio::time::timeout(PATIENCE, views.wait_for(|view| is(view))).await;
        match found {
            Ok(view) => view.unwrap().clone(),
            Err(_) => panic!(
                "{}: not seen in time; last: {:#?}",
                self.email,
                self.app.views().borrow()
            ),
        }
    }

    /// Says the same to every question that comes up.
    pub(crate) fn answers(&self, answer: PromptAnswer) {
        let (app, mut views) = (self.app.clone(), self.app.views());
        tokio::spawn(async move {
            while let Ok(view) = views
                .wait_for(|view| view.prompt.is_some())
                .await
                .map(|v| v.clone())
            {
                let Some(prompt) = &view.prompt else { continue };
                // The question may be gone already: its call has ended.
                let _ = app
                    .dispatch(Command::AnswerPrompt {
                        prompt: prompt.id,
                        answer,
                        gesture: jasmin_protocol::Gesture::Program,
                    })
                    .await;
                if views.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Makes the two contacts of each other.
    pub(crate) async fn befriend(&self, other: &Person) {
        self.wants(Command::AddPerson {
            email: other.email.clone(),
        })
        .await;
        let view = other.until(|view| !view.requests.is_empty()).await;
        other
            .wants(Command::AcceptPerson {
                user_id: view.requests[0].user_id,
            })
            .await;
        self.until(|view| view.people.iter().any(|person| person.email == other.email))
            .await;
        other
            .until(|view| view.people.iter().any(|person| person.email == self.email))
            .await;
    }

    pub(crate) fn id_of(&self, other: &Person) -> jasmin_protocol::UserId {
        let views = self.app.views();
        let view = views.borrow();
        view.people
            .iter()
            .find(|person| person.email == other.email)
            .unwrap()
            .user_id
    }
}
