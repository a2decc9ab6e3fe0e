//! Delivers what passed the gate, and tells partners to delete what may not be with them any more.
//!
//! What is with a partner is brought in line with what the gate lets through, one step at a time: a step
//! is written down first, then tried until the partner answers. So whatever a partner may have received
//! is in the book, and nothing is forgotten by a crash.

use std::{collections::BTreeMap, time::Duration};

use ed25519_dalek::Signer;
use futures_util::future::join_all;
use jasmin_consent::{moment, policy};
use jasmin_protocol::{
    Event, PassingKind, SHARE_FORMAT, ShareField, ShareMessage, SharedField, UserId,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Book, Known,
    gate::{self, Pass, Person},
};
use crate::{
    allowed,
    app::{App, Letter, Shared},
    keys::Keys,
    problem::Failure,
    rules::Birthday,
    store::{Address, Conn, NewPassing, ShareRow},
};

/// The header with the signature.
const SIGNATURE: &str = "jasmin-signature";
const WORDS: &[u8] = b"jasmin-share-v1";
/// How long a partner may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the world is looked at: partners, policies, the day.
const OFTEN: Duration = Duration::from_secs(30);
/// Between two rounds in which a partner did not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// Nobody else tries the same meanwhile.
const LEASE_MS: i64 = 15_000;
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// What cannot be looked at is put off for so long, and keeps nothing else back.
const PUT_OFF_MS: i64 = 600_000;
/// For each partner in one round.
const BATCH: i64 = 32;
/// A partner that is slow gets no more of a round than this: the others wait for the round to end.
const SLOW: Duration = Duration::from_secs(10);

/// What is to be done next with one partner about one person.
struct Delivery {
    id: Uuid,
    number: i64,
    kind: PassingKind,
    fields: Vec<ShareField>,
    tries: i64,
}

/// How one look at what is due went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// What partners took.
    pub(crate) taken: u64,
    /// Some partner did not, or something could not be looked at.
    pub(crate) failed: bool,
}

/// Everything besides ledgers that decides what may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharingWorld {
    open: Vec<(String, bool)>,
    policies_in_force: usize,
    /// People turn eighteen, and undertakings run out.
    today: String,
}

impl App {
    pub(crate) async fn partners(&self) -> Result<Book, Failure> {
        let events = self.store.read().await?.partner_events().await?;
        read_book(events)
    }

    /// Has everything looked at when the world has changed, and then looks at what is due.
    pub(crate) async fn share_round(
        &self,
        client: &reqwest::Client,
        seen: &mut Option<SharingWorld>,
    ) -> Result<Round, Failure> {
        let world = self.sharing_world().await?;
        if seen.as_ref() != Some(&world) {
            let mut tx = self.store.begin().await?;
            tx.touch_shares(self.now_ms(), LEASE_MS).await?;
            tx.commit().await?;
            *seen = Some(world);
        }
        self.share_what_is_due(client).await
    }

    /// Takes one step for each that is due: partners side by side, so that one which hangs keeps no other
    /// back.
    async fn share_what_is_due(&self, client: &reqwest::Client) -> Result<Round, Failure> {
        let due = {
            let mut conn = self.store.read().await?;
            conn.shares_due(self.now_ms(), BATCH).await?
        };
        let mut groups: BTreeMap<String, Vec<UserId>> = BTreeMap::new();
        for (user, partner) in due {
            groups.entry(partner).or_default().push(user);
        }
        let rounds = groups
            .iter()
            .map(|(partner, users)| self.share_with(client, partner, users));
        let rounds = join_all(rounds).await;
        Ok(Round {
            taken: rounds.iter().map(|round| round.taken).sum(),
            failed: rounds.iter().any(|round| round.failed),
        })
    }

    async fn share_with(&self, client: &reqwest::Client, partner: &str, users: &[UserId]) -> Round {
        let mut round = Round::default();
        let begun = Instant::now();
        for user in users {
            if self.draining.is_cancelled() || begun.elapsed() >= SLOW {
                break;
            }
            match self.share_step(client, *user, partner).await {
                Ok(None) => {}
                Ok(Some(true)) => round.taken += 1,
                // It does not answer: what else is for it waits for the next round.
                Ok(Some(false)) => {
                    round.failed = true;
                    break;
                }
                Err(failure) => {
                    tracing::error!(
                        partner,
                        cause = failure.cause,
                        "sharing cannot be looked after for somebody; put off"
                    );
                    round.failed = true;
                    if let Err(failure) = self.put_share_off(*user, partner).await {
                        tracing::error!(cause = failure.cause, "nor can it be put off");
                        break;
                    }
                }
            }
        }
        round
    }

    async fn put_share_off(&self, user: UserId, partner: &str) -> Result<(), Failure> {
        let mut tx = self.store.begin().await?;
        tx.put_share_off(user, partner, self.now_ms() + PUT_OFF_MS)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// One step: whether the partner took something. `None`: there was nothing to do.
    async fn share_step(
        &self,
        client: &reqwest::Client,
        user: UserId,
        partner: &str,
    ) -> Result<Option<bool>, Failure> {
        let Some((known, next)) = self.next_delivery(user, partner).await? else {
            return Ok(None);
        };
        let message = self.message(user, &known, &next).await?;
        let url = match next.kind {
            PassingKind::Given => &known.record.give_url,
            PassingKind::Deletion => &known.record.delete_url,
        };
        if let Err(error) = deliver(&self.keys, client, url, &message).await {
            tracing::warn!(partner, tries = next.tries, %error,
                "a partner did not take what was sent; tried again later");
            return Ok(Some(false));
        }
        self.settle_delivery(user, &known, &next).await?;
        Ok(Some(true))
    }

    /// Decides what comes next by what counts at this moment, and writes it down before it is tried.
    async fn next_delivery(
        &self,
        user: UserId,
        id: &str,
    ) -> Result<Option<(Known, Delivery)>, Failure> {
        let now_ms = self.now_ms();
        let mut tx = self.store.begin().await?;
        tx.lock_ledger(user).await?;
        let row = tx.share(user, id).await?;
        // Somebody else may have looked at it since.
        let Some(mut row) = row.filter(|row| row.due_ms.is_some_and(|due_ms| due_ms <= now_ms))
        else {
            tx.rollback().await?;
            return Ok(None);
        };
        let mut book = read_book(tx.partner_events().await?)?;
        let Some(partner) = book.partners.remove(id) else {
            row.due_ms = None;
            tx.put_share(user, id, &row).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let pass = self.pass(&mut tx, user, &partner).await?;
        let allowed = pass.fields();
        let waiting = match row.passing {
            Some(passing) => tx
                .passing(passing)
                .await?
                .map(|(kind, fields, number)| Delivery {
                    id: passing,
                    number,
                    kind,
                    fields,
                    tries: row.tries,
                }),
            None => None,
        };
        let is_allowed = |delivery: &Delivery| {
            delivery.kind == PassingKind::Deletion
                || delivery.fields.iter().all(|field| allowed.contains(field))
        };
        let fresh = |kind, fields, number| Delivery {
            id: self.config.clock.uuid_v7(),
            number: number + 1,
            kind,
            fields,
            tries: 0,
        };
        let next = match waiting {
            Some(waiting) if is_allowed(&waiting) => Some(waiting),
            // Taken back meanwhile. It may have arrived, so all of it is deleted; what is still allowed
            // of it is given again after that.
            Some(waiting) => {
                tx.answer_passing(waiting.id, false, now_ms).await?;
                row.given = union(&row.given, &waiting.fields);
                Some(fresh(PassingKind::Deletion, waiting.fields, row.number))
            }
            None => step(&row.given, &pass).map(|(kind, fields)| fresh(kind, fields, row.number)),
        };
        let Some(next) = next else {
            row.tries = 0;
            row.due_ms = None;
            tx.put_share(user, id, &row).await?;
            tx.commit().await?;
            return Ok(None);
        };
        if row.passing != Some(next.id) {
            tx.put_passing(&NewPassing {
                id: next.id,
                user,
                partner: id.to_owned(),
                number: next.number,
                kind: next.kind,
                fields: next.fields.clone(),
                basis: pass.basis(&next.fields),
                at_ms: now_ms,
            })
            .await?;
        }
        row.passing = Some(next.id);
        row.number = next.number;
        row.tries = next.tries + 1;
        // Should this process end in the middle, it is tried again after this time.
        row.due_ms = Some(now_ms + wait_ms(next.tries));
        tx.put_share(user, id, &row).await?;
        tx.commit().await?;
        Ok(Some((partner, next)))
    }

    async fn settle_delivery(
        &self,
        user: UserId,
        partner: &Known,
        done: &Delivery,
    ) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let id = partner.record.id.as_str();
        let mut tx = self.store.begin().await?;
        tx.lock_ledger(user).await?;
        let row = tx.share(user, id).await?;
        let Some(row) = row.filter(|row| row.passing == Some(done.id)) else {
            tx.rollback().await?;
            return Ok(());
        };
        tx.answer_passing(done.id, true, now_ms).await?;
        let given = match done.kind {
            PassingKind::Given => union(&row.given, &done.fields),
            PassingKind::Deletion => without(&row.given, &done.fields),
        };
        let row = ShareRow {
            given,
            passing: None,
            number: row.number,
            tries: 0,
            // There may be another step.
            due_ms: Some(0),
        };
        tx.put_share(user, id, &row).await?;
        let devices = tx.live_devices(user, now_ms).await?;
        let letters = devices
            .into_iter()
            .map(|device| Letter {
                to: Address { user, device },
                event: Event::SharesChanged,
            })
            .collect();
        let woken = self.post(&mut tx, letters).await?;
        tx.commit().await?;
        self.wake(woken);
        Ok(())
    }

    /// What may pass to a partner about a person at this moment.
    async fn pass(&self, conn: &mut Conn, user: UserId, partner: &Known) -> Result<Pass, Failure> {
        let now_ms = self.now_ms();
        let sets = allowed::policies(conn).await?;
        let ledger = allowed::ledger(conn, &self.keys, user).await?;
        let birthday = self.birthday(conn, user).await?;
        let person = Person {
            user,
            birthday,
            ledger: &ledger,
        };
        Ok(gate::pass(partner, &person, &sets, now_ms))
    }

    pub(crate) async fn birthday(
        &self,
        conn: &mut Conn,
        user: UserId,
    ) -> Result<Option<Birthday>, Failure> {
        let Some(known) = conn.sharable(user).await? else {
            return Ok(None);
        };
        let text = self
            .keys
            .open_field(user, "birthday", &known.birthday_box)?;
        Ok(Birthday::parse(&text, self.now_ms()).ok())
    }

    async fn message(
        &self,
        user: UserId,
        partner: &Known,
        delivery: &Delivery,
    ) -> Result<ShareMessage, Failure> {
        let mut conn = self.store.read().await?;
        let (mut data, mut delete) = (Vec::new(), Vec::new());
        match delivery.kind {
            PassingKind::Deletion => delete.clone_from(&delivery.fields),
            PassingKind::Given => {
                let known = conn
                    .sharable(user)
                    .await?
                    .ok_or_else(|| Failure::internal("an account is gone"))?;
                for field in &delivery.fields {
                    let (name, sealed) = match field {
                        ShareField::Name => ("name", &known.name_box),
                        ShareField::Email => ("email", &known.email_box),
                        ShareField::Birthday => ("birthday", &known.birthday_box),
                    };
                    data.push(SharedField {
                        field: *field,
                        value: self.keys.open_field(user, name, sealed)?,
                    });
                }
            }
        }
        let review_by = partner.undertaking.as_ref();
        Ok(ShareMessage {
            format: SHARE_FORMAT.to_owned(),
            id: delivery.id.to_string(),
            number: u64::try_from(delivery.number).unwrap_or(0),
            kind: delivery.kind,
            person: self.keys.pseudonym(&partner.record.id, user),
            delete,
            data,
            review_by: review_by.map_or_else(String::new, |signed| signed.review_by.clone()),
        })
    }
}

async fn deliver(
    keys: &Keys,
    client: &reqwest::Client,
    url: &str,
    message: &ShareMessage,
) -> Result<(), String> {
    let body = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    let words = [WORDS, Sha256::digest(&body).as_slice()].concat();
    let signature = keys.ledger.sign(&words).to_bytes().to_vec();
    let sent = client
        .post(url)
        .timeout(PATIENCE)
        .header("content-type", "application/json")
        .header(SIGNATURE, jasmin_protocol::Base64(signature).to_text())
        .body(body)
        .send()
        .await;
    // An error's own words name the address.
    let answer = sent.map_err(|error| error.without_url().to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}

fn read_book(events: Vec<super::Event>) -> Result<Book, Failure> {
    Book::read(events).map_err(|error| {
        tracing::error!(%error, "the book of partners");
        Failure::internal(error.to_string())
    })
}

/// What brings the partner in line: deletions first.
fn step(given: &[ShareField], pass: &Pass) -> Option<(PassingKind, Vec<ShareField>)> {
    let allowed = pass.fields();
    let too_much = without(given, &allowed);
    let missing = without(&allowed, given);
    if !too_much.is_empty() {
        Some((PassingKind::Deletion, too_much))
    } else if !missing.is_empty() {
        Some((PassingKind::Given, missing))
    } else {
        None
    }
}

fn union(some: &[ShareField], others: &[ShareField]) -> Vec<ShareField> {
    let mut all = [some, others].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn without(some: &[ShareField], others: &[ShareField]) -> Vec<ShareField> {
    let left = some.iter().filter(|field| !others.contains(field));
    left.copied().collect()
}

fn wait_ms(tries: i64) -> i64 {
    (2_000 << tries.clamp(0, 12)).clamp(LEASE_MS, LONGEST_WAIT_MS)
}

/// Follows no redirect and asks no proxy: data go where the book says, and nowhere else.
pub(crate) fn client() -> Result<reqwest::Client, Failure> {
    let failed = |error: String| Failure::internal(error);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(rustls_platform_verifier::BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| failed(error.to_string()))?
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("jasmin-server/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed(error.to_string()))
}

/// Delivers until the server drains.
pub(crate) async fn work(app: Shared) {
    let client = match client() {
        Ok(client) => client,
        Err(failure) => {
            tracing::error!(cause = failure.cause, "nothing can be sent to partners");
            return;
        }
    };
    let mut seen = None;
    loop {
        let rest = match app.share_round(&client, &mut seen).await {
            Ok(Round { failed: true, .. }) => PAUSE,
            Ok(Round { taken: 0, .. }) => OFTEN,
            // There may be more.
            Ok(_) => Duration::ZERO,
            Err(failure) => {
                tracing::warn!(cause = failure.cause, "sharing cannot be looked after");
                OFTEN
            }
        };
        tokio::select! {
            biased;
            () = app.draining.cancelled() => return,
            () = app.shares.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

impl App {
    async fn sharing_world(&self) -> Result<SharingWorld, Failure> {
        let now_ms = self.now_ms();
        let book = self.partners().await?;
        let open = book
            .partners
            .iter()
            .map(|(id, known)| (id.clone(), known.is_open(now_ms)));
        let sets = allowed::policies(&mut self.store.read().await?).await?;
        let in_force = sets.iter().filter_map(policy::effective_ms);
        Ok(SharingWorld {
            open: open.collect(),
            policies_in_force: in_force.filter(|from| *from <= now_ms).count(),
            today: moment::day(now_ms).unwrap_or_default(),
        })
    }
}
