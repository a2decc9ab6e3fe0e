use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use jasmin_client::{
    account::{Account, SignUpForm, sign_in, sign_up, verify_email},
    api::{Api, ServerUrl},
    clock::ServerClock,
    keys::Seed,
    redact::{Personal, Secret},
    socket::{Socket, SocketEvent, SocketOptions},
    vault::{Keyring, KeyringError, StoredSignUp, Vault},
};
use jasmin_protocol::{Event, Outbox};
use jasmin_server::{Config, ManualClock, Server};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that can be stopped and started again at the same address.
pub(crate) struct World {
    folder: TempDir,
    clock: Option<Arc<ManualClock>>,
    address: SocketAddr,
    server: Option<Server>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// A server whose time is the test's.
    pub(crate) async fn at(clock: Arc<ManualClock>) -> Self {
        Self::with(Some(clock)).await
    }

    async fn with(clock: Option<Arc<ManualClock>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut world = Self {
            folder,
            clock,
            address,
            server: None,
        };
        world.start().await;
        world
    }

    pub(crate) async fn start(&mut self) {
        let mut config = Config {
            listen: self.address,
            ..Config::at(self.folder.path())
        };
        if let Some(clock) = &self.clock {
            config.clock = clock.clone();
        }
        let server = Server::start(config).await.unwrap();
        self.address = server.addr();
        self.server = Some(server);
    }

    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().shutdown().await;
    }

    pub(crate) fn api(&self) -> Api {
        let server = ServerUrl::parse(&self.address.to_string()).unwrap();
        Api::new(server, ServerClock::new()).unwrap()
    }

    /// The newest code that was mailed to this address.
    pub(crate) async fn code(&self, email: &str) -> Secret {
        let outbox: Outbox = serde_json::from_str(&self.get("/dev/mailbox").await).unwrap();
        let mail = outbox
            .mails
            .into_iter()
            .find(|mail| mail.to.eq_ignore_ascii_case(email));
        mail.and_then(|mail| mail.code)
            .expect("a mailed code")
            .into()
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let host = self.address;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Signs up, reads the mail, signs in.
    pub(crate) async fn join(&self, name: &str, email: &str) -> Person {
        let profile = Profile::new().await;
        let api = self.api();
        api.meta().await.unwrap();
        let pending = self.sign_up(&profile, name, email).await;
        let code = self.code(email).await;
        verify_email(&api, &profile.vault, &pending, &code)
            .await
            .unwrap();
        self.sign_in(profile, email).await
    }

    pub(crate) async fn sign_up(&self, profile: &Profile, name: &str, email: &str) -> StoredSignUp {
        sign_up(&self.api(), &profile.vault, form(name, email), None)
            .await
            .unwrap()
    }

    pub(crate) async fn sign_in(&self, profile: Profile, email: &str) -> Person {
        let api = self.api();
        api.meta().await.unwrap();
        let email = Personal::new(email.to_owned());
        let account = sign_in(&api, &profile.vault, &email, &PASSWORD.into())
            .await
            .unwrap();
        Person { profile, account }
    }

    /// Two people who can ring each other.
    pub(crate) async fn two_friends(&self) -> (Person, Person) {
        let ada = self.join("Ada", "ada@example.org").await;
        let bob = self.join("Bob", "bob@example.org").await;
        ada.account
            .request_contact("bob@example.org")
            .await
            .unwrap();
        bob.account
            .accept_contact(ada.account.me().user_id)
            .await
            .unwrap();
        (ada, bob)
    }
}

/// A profile folder with an open vault.
pub(crate) struct Profile {
    pub(crate) folder: TempDir,
    pub(crate) vault: Vault,
    keyring: Arc<MemoryKeyring>,
}

impl Profile {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Arc::new(MemoryKeyring::default());
        let vault = Vault::with_keyring(folder.path(), keyring.clone(), PATIENCE);
        vault.open().await;
        assert!(vault.is_open());
        Self {
            folder,
            vault,
            keyring,
        }
    }

    /// The vault as the program finds it when it is started again.
    pub(crate) async fn reopened(&self) -> Vault {
        let vault = Vault::with_keyring(self.folder.path(), self.keyring.clone(), PATIENCE);
        vault.open().await;
        vault
    }
}

/// A signed-in person on one device.
pub(crate) struct Person {
    pub(crate) profile: Profile,
    pub(crate) account: Account,
}

impl Person {
    pub(crate) async fn connect(&self) -> Line {
        let mut line = self.connect_from(self.mailbox_seq());
        line.online().await;
        line
    }

    pub(crate) fn connect_from(&self, resume_seq: i64) -> Line {
        let (socket, events) = Socket::open(SocketOptions {
            server: self.account.api().server().clone(),
            clock: self.account.api().clock().clone(),
            tokens: Arc::new(self.account.clone()),
            resume_seq,
            cancel: CancellationToken::new(),
        });
        Line {
            socket,
            events,
            vault: self.profile.vault.clone(),
        }
    }

    pub(crate) fn mailbox_seq(&self) -> i64 {
        self.profile
            .vault
            .read(|data| data.account.as_ref().unwrap().mailbox_seq)
    }
}

/// A connected socket.
pub(crate) struct Line {
    pub(crate) socket: Socket,
    pub(crate) events: mpsc::Receiver<SocketEvent>,
    vault: Vault,
}

impl Line {
    pub(crate) async fn next(&mut self) -> SocketEvent {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("something happens")
            .expect("a socket")
    }

    pub(crate) async fn online(&mut self) {
        while !matches!(self.next().await, SocketEvent::Online { .. }) {}
    }

    /// The next event of the mailbox, stored and acknowledged as the application does it.
    pub(crate) async fn event(&mut self) -> Event {
        let (seq, event) = self.unacknowledged().await;
        let store = |data: &mut jasmin_client::vault::VaultData| {
            let account = data.account.as_mut().unwrap();
            account.people.apply(&event);
            account.mailbox_seq = seq;
        };
        self.vault.save(store).await.unwrap();
        self.socket.ack(seq);
        event
    }

    pub(crate) async fn unacknowledged(&mut self) -> (i64, Event) {
        loop {
            if let SocketEvent::Event { seq, event, .. } = self.next().await {
                return (seq, event);
            }
        }
    }
}

pub(crate) fn form(name: &str, email: &str) -> SignUpForm {
    SignUpForm {
        name: name.to_owned().into(),
        email: email.to_owned().into(),
        password: PASSWORD.into(),
        birthday: "1990-12-10".to_owned().into(),
    }
}

#[derive(Default)]
struct MemoryKeyring(Mutex<HashMap<String, Seed>>);

impl Keyring for MemoryKeyring {
    fn get(&self, name: &str) -> Result<Option<Seed>, KeyringError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    fn set(&self, name: &str, key: &Seed) -> Result<(), KeyringError> {
        self.0.lock().unwrap().insert(name.to_owned(), key.clone());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}
