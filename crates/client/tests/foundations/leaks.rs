//! Everything that is logged while people sign up, meet, call and fail, at the finest level: no name,
//! address, password, token or key may be in it.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use jasmin_client::{
    account::{sign_in, sign_up},
    keys::certified_devices,
    sealing::Sealer,
    vault::VaultData,
};
use jasmin_protocol::{Base64, CallId, CallKind, Event, PlaceCall, SignalBody};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::world::{PASSWORD, Profile, World, form};

const NAME: &str = "Wilhelmina Quarterstaff";
const EMAIL: &str = "wilhelmina.quarterstaff@leak.example";
const OTHER_NAME: &str = "Bartholomew Underhill";
const OTHER_EMAIL: &str = "bartholomew.underhill@leak.example";
const IP: &str = "203.0.113.77";

#[tokio::test]
async fn nothing_personal_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut world = World::new().await;
    let ada = world.join(NAME, EMAIL).await;
    let bob = world.join(OTHER_NAME, OTHER_EMAIL).await;
    let mut to_ada = ada.connect().await;
    bob.account.request_contact(EMAIL).await.unwrap();
    let event = to_ada.event().await;
    let Event::ContactRequested { contact } = event else {
        panic!("{event:?}")
    };
    ada.account.accept_contact(contact.user_id).await.unwrap();

    let keys = bob
        .account
        .user_keys(ada.account.me().user_id)
        .await
        .unwrap();
    let devices = certified_devices(&ada.account.identity().public(), &keys);
    let mut sealer = Sealer::new(bob.account.me(), bob.account.device_keys().clone());
    let sdp = format!("a=candidate:1 1 udp 1 {IP} 9 typ host");
    let body = SignalBody::Offer {
        sdp,
        commitment: Base64(vec![1; 32]),
    };
    let call_id = CallId(Uuid::now_v7());
    let now_ms = bob.account.api().clock().now_ms();
    let sealed = sealer
        .seal_for_all(call_id, &devices, &body, now_ms)
        .unwrap();
    let to = ada.account.me().user_id;
    bob.account
        .place_call(&PlaceCall {
            call_id,
            to,
            kind: CallKind::Audio,
            sealed,
        })
        .await
        .unwrap();
    while !matches!(to_ada.event().await, Event::CallRing { .. }) {}

    let stranger = Profile::new().await;
    let email = EMAIL.to_owned().into();
    sign_in(
        &world.api(),
        &stranger.vault,
        &email,
        &"wrong horse battery".into(),
    )
    .await
    .unwrap_err();
    sign_up(
        &world.api(),
        &stranger.vault,
        form(NAME, "no address"),
        None,
    )
    .await
    .unwrap_err();
    let tokens = |data: &VaultData| data.account.as_ref().unwrap().tokens.clone();
    let tokens = [&ada, &bob].map(|person| person.profile.vault.read(tokens));
    let shown = ada.profile.vault.read(|data| format!("{data:?} {data:#?}"));
    world.stop().await;
    ada.account.contacts().await.unwrap_err();
    ada.account.sign_out().await.unwrap();
    world.start().await;
    tracing::info!(vault = ?ada.profile.vault, account = ?bob.account, %shown, "the end");

    let text = log.text();
    assert!(text.contains("the end"), "the log was taken");
    let mut secrets: Vec<String> = [
        NAME,
        EMAIL,
        OTHER_NAME,
        OTHER_EMAIL,
        "no address",
        PASSWORD,
        "wrong horse",
        IP,
        "Wilhelmina",
        "underhill",
    ]
    .map(str::to_owned)
    .into();
    for tokens in tokens {
        secrets.push(tokens.access.reveal().to_owned());
        secrets.push(
            serde_json::to_string(&tokens.refresh)
                .unwrap()
                .trim_matches('"')
                .to_owned(),
        );
    }
    for secret in secrets {
        assert!(!secret.is_empty());
        let place = text.find(&secret);
        assert!(
            place.is_none(),
            "{secret} is logged: {}",
            place.map_or("", |at| line_at(&text, at))
        );
    }
}

fn line_at(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
