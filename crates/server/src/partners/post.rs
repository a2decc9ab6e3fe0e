//! Delivers what passed the gate, and tells partners to delete what may not be with them any more.
//!
//! What is with a partner is brought in line with what the gate lets through, one step at a time: a step
//! is written down first, then tried until the partner answers. So whatever a partner may have received
//! is in the book, and nothing is forgotten by a crash.

use std::time::Duration;

use ed25519_dalek::Signer;
use jasmin_protocol::{
    Event, PassingKind, SHARE_FORMAT, ShareField, ShareMessage, SharedField, UserId,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Book, Known,
    gate::{self, Pass, Person},
};
use crate::{
    app::{App, Letter, Shared},
    problem::Failure,
    routes::consents::open_entry,
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
const LONGEST_WAIT_MS: i64 = 3_600_000;
const BATCH: i64 = 64;
const MOST_ENTRIES: i64 = i64::MAX;

/// What is to be done next with one partner about one person.
struct Delivery {
    id: Uuid,
    kind: PassingKind,
    fields: Vec<ShareField>,
    tries: i64,
}

impl App {
    pub(crate) async fn partners(&self) -> Result<Book, Failure> {
        let events = self.store.read().await?.partner_events().await?;
        Book::read(events).map_err(|error| {
            tracing::error!(%error, "the book of partners");
            Failure::internal(error.to_string())
        })
    }

    /// Brings everything in line that is due. Returns how many steps were taken.
    pub(crate) async fn share_what_is_due(&self, client: &reqwest::Client) -> Result<u64, Failure> {
        let mut steps = 0;
        loop {
            let mut conn = self.store.read().await?;
            let due = conn.shares_due(self.now_ms(), BATCH).await?;
            drop(conn);
            if due.is_empty() {
                return Ok(steps);
            }
            let book = self.partners().await?;
            for (user, partner) in due {
                let Some(known) = book.partners.get(&partner) else {
                    continue;
                };
                steps += u64::from(self.share_step(client, user, known).await?);
            }
        }
    }

    /// One step: says whether something was tried.
    async fn share_step(
        &self,
        client: &reqwest::Client,
        user: UserId,
        partner: &Known,
    ) -> Result<bool, Failure> {
        let Some(next) = self.next_delivery(user, partner).await? else {
            return Ok(false);
        };
        let message = self.message(user, partner, &next).await?;
        let url = match next.kind {
            PassingKind::Given => &partner.record.give_url,
            PassingKind::Deletion => &partner.record.delete_url,
        };
        let outcome = self.deliver(client, url, &message).await;
        self.settle_delivery(user, partner, &next, outcome).await?;
        Ok(true)
    }

    /// Decides what comes next, and writes it down before it is tried.
    async fn next_delivery(
        &self,
        user: UserId,
        partner: &Known,
    ) -> Result<Option<Delivery>, Failure> {
        let id = partner.record.id.as_str();
        let now_ms = self.now_ms();
        let mut tx = self.store.begin().await?;
        tx.lock_ledger(user).await?;
        let Some(mut row) = tx.share(user, id).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let pass = self.pass(&mut tx, user, partner).await?;
        let allowed = pass.fields();
        let mut waiting = match row.passing {
            Some(passing) => tx
                .passing(passing)
                .await?
                .map(|(kind, fields)| (passing, kind, fields)),
            None => None,
        };
        // What waits and was taken back meanwhile does not go out any more. It may have arrived already.
        if let Some((passing, PassingKind::Given, fields)) = &waiting
            && !fields.iter().all(|field| allowed.contains(field))
        {
            tx.answer_passing(*passing, false, now_ms).await?;
            if row.tries > 0 {
                row.given = union(&row.given, fields);
            }
            row.passing = None;
            waiting = None;
        }
        let next = match waiting {
            Some((passing, kind, fields)) => Some(Delivery {
                id: passing,
                kind,
                fields,
                tries: row.tries,
            }),
            None => step(&row.given, &pass).map(|(kind, fields)| Delivery {
                id: self.config.clock.uuid_v7(),
                kind,
                fields,
                tries: 0,
            }),
        };
        if let Some(next) = &next {
            if row.passing != Some(next.id) {
                tx.put_passing(&NewPassing {
                    id: next.id,
                    user,
                    partner: id.to_owned(),
                    kind: next.kind,
                    fields: next.fields.clone(),
                    basis: pass.basis(&next.fields),
                    at_ms: now_ms,
                })
                .await?;
            }
            row.passing = Some(next.id);
            row.tries = next.tries + 1;
            // Should this process end in the middle, it is tried again after this time.
            tx.put_share(user, id, &row, Some(now_ms + wait_ms(next.tries)))
                .await?;
        } else {
            row.tries = 0;
            tx.put_share(user, id, &row, None).await?;
        }
        tx.commit().await?;
        Ok(next)
    }

    async fn settle_delivery(
        &self,
        user: UserId,
        partner: &Known,
        done: &Delivery,
        outcome: Result<(), String>,
    ) -> Result<(), Failure> {
        if let Err(error) = outcome {
            tracing::warn!(partner = partner.record.id, tries = done.tries, %error,
                "a partner did not take what was sent; tried again later");
            return Ok(());
        }
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
            ..ShareRow::default()
        };
        // There may be another step.
        tx.put_share(user, id, &row, Some(now_ms)).await?;
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
        let sets: Vec<_> = conn
            .policy_sets()
            .await?
            .into_iter()
            .map(|signed| signed.set)
            .collect();
        let rows = conn.consents_after(user, 0, MOST_ENTRIES).await?;
        let ledger = rows
            .into_iter()
            .map(|(sequence, entry_box)| open_entry(&self.keys.data, user, sequence, &entry_box))
            .collect::<Result<Vec<_>, _>>()?;
        let birthday = self.birthday(conn, user).await?;
        let person = Person {
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
            kind: delivery.kind,
            person: self.keys.pseudonym(&partner.record.id, user),
            delete,
            data,
            review_by: review_by.map_or_else(String::new, |signed| signed.review_by.clone()),
        })
    }

    async fn deliver(
        &self,
        client: &reqwest::Client,
        url: &str,
        message: &ShareMessage,
    ) -> Result<(), String> {
        let body = serde_json::to_vec(message).map_err(|error| error.to_string())?;
        let words = [WORDS, Sha256::digest(&body).as_slice()].concat();
        let signature = self.keys.ledger.sign(&words).to_bytes().to_vec();
        let signature = jasmin_protocol::Base64(signature).to_text();
        let sent = client
            .post(url)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .header(SIGNATURE, signature)
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
    (2_000 << tries.clamp(0, 12)).min(LONGEST_WAIT_MS)
}

/// Follows no redirect: data go where the book says, and nowhere else.
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
        let worked = async {
            let world = app.sharing_world().await?;
            if seen.as_ref() != Some(&world) {
                let mut tx = app.store.begin().await?;
                tx.touch_shares(app.now_ms()).await?;
                tx.commit().await?;
                seen = Some(world);
            }
            app.share_what_is_due(&client).await
        };
        if let Err(failure) = worked.await {
            tracing::warn!(cause = failure.cause, "sharing cannot be looked after");
        }
        tokio::select! {
            () = app.draining.cancelled() => return,
            () = app.shares.notified() => {}
            () = tokio::time::sleep(OFTEN) => {}
        }
    }
}

impl App {
    /// Everything besides ledgers that decides what may pass.
    async fn sharing_world(&self) -> Result<(Vec<(String, bool)>, usize, String), Failure> {
        let now_ms = self.now_ms();
        let book = self.partners().await?;
        let open = book
            .partners
            .iter()
            .map(|(id, known)| (id.clone(), known.is_open(now_ms)));
        let sets = self.store.read().await?.policy_sets().await?;
        let in_force = sets
            .iter()
            .filter_map(|signed| jasmin_consent::policy::effective_ms(&signed.set));
        let in_force = in_force.filter(|from| *from <= now_ms).count();
        let today = jasmin_consent::moment::day(now_ms).unwrap_or_default();
        Ok((open.collect(), in_force, today))
    }
}
