//! The consent ledger and the server: what was decided is told until it is heard, and what the server
//! has is checked against what this device knows.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jasmin_consent::{chain::Keys, export::VERIFIER};
use jasmin_protocol::{Base64, Consents, ErrorCode, MOST_RECORDS, SignedRecord, UserId};

use super::actor::Actor;
use crate::{
    Failure, FailureCode, LedgerExport, LedgerView,
    account::Account,
    api::ApiError,
    controller::actor::failure,
    ledger::Signer,
    platform,
    vault::{Untold, Vault, VaultError},
};

/// After a failure; the server may be reachable and not able.
const PAUSE: Duration = Duration::from_secs(30);
/// There is one a day.
const ROOTS_EACH: Duration = Duration::from_secs(6 * 60 * 60);
/// Before what another device wrote meanwhile is read.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

/// What goes on with the ledger.
#[derive(Debug)]
pub(super) struct LedgerState {
    /// The page shows it.
    pub(super) shown: bool,
    busy: bool,
    /// There was news while it was busy.
    again: bool,
    due: Option<Instant>,
    /// From then on the server's commitments are looked at again.
    roots_at: Option<Instant>,
    export: LedgerExport,
}

impl Default for LedgerState {
    fn default() -> Self {
        Self {
            shown: false,
            busy: false,
            again: false,
            due: None,
            roots_at: None,
            export: LedgerExport::None,
        }
    }
}

impl LedgerState {
    /// When the next try is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.busy)
    }
}

impl Actor {
    /// Writes down what was decided since, once it is known by whom.
    pub(super) fn record_decisions(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let decisions = self.gate.take_unrecorded();
        if decisions.is_empty() {
            return;
        }
        let account = signed_in.account.clone();
        let signer = signer(&account);
        for decision in &decisions {
            self.ledger.add(decision, &signer);
        }
        self.sync_ledger();
    }

    /// Reads what the server has, then tells it what it has not. Nothing happens without a connection:
    /// the next one does it.
    pub(super) fn sync_ledger(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        if self.ledger_state.busy {
            self.ledger_state.again = true;
            return;
        }
        if signed_in.link != crate::LinkView::Online {
            return;
        }
        self.ledger_state.busy = true;
        self.ledger_state.due = None;
        let account = signed_in.account.clone();
        let number = signed_in.number;
        // One key signs ledgers and policies.
        let pinned = self.ledger.key().or_else(|| self.policies.key()).cloned();
        let after = self.ledger.after();
        let read = async move {
            let key = match pinned {
                Some(key) => key,
                None => account.api().transparency().await?.ledger_key,
            };
            Ok((key, account.consents(after).await?))
        };
        self.background(read, move |actor, read: Result<_, ApiError>| {
            if actor.is_sign_in(number) {
                actor.ledger_was_read(read);
            }
        });
    }

    fn ledger_was_read(&mut self, read: Result<(Base64, Consents), ApiError>) {
        let (key, consents) = match read {
            Ok(read) => read,
            Err(error) => return self.ledger_waits(&error),
        };
        self.ledger.pin(key);
        let more = self.take_entries(consents);
        if more {
            self.ledger_state.busy = false;
            return self.sync_ledger();
        }
        self.tell_ledger(true);
    }

    /// Tells a batch. `relink` once, when it does not follow what the server has.
    fn tell_ledger(&mut self, relink: bool) {
        let batch = self.ledger.next_batch();
        let Some(signed_in) = self.signed_in.as_ref().filter(|_| !batch.is_empty()) else {
            return self.ledger_rests();
        };
        let account = signed_in.account.clone();
        let number = signed_in.number;
        let tell = async move { account.tell_consents(batch).await };
        self.background(tell, move |actor, told| {
            if !actor.is_sign_in(number) {
                return;
            }
            match told {
                Ok(consents) => actor.ledger_was_told(consents),
                Err(error) if relink && is_about_records(&error) => {
                    actor.relink_ledger();
                    actor.tell_ledger(false);
                }
                Err(error) => actor.ledger_waits(&error),
            }
        });
    }

    /// An answer that comes after another device's entry is not judged: that one is read first.
    fn ledger_was_told(&mut self, consents: Consents) {
        if !self.ledger.follows(&consents) {
            return self.ledger_pauses(SHORT_PAUSE);
        }
        let waited = self.ledger.waiting();
        self.take_entries(consents);
        if self.ledger.waiting() < waited {
            return self.tell_ledger(true);
        }
        // What the server says does not add up: not at once again.
        self.ledger_pauses(PAUSE);
    }

    fn take_entries(&mut self, consents: Consents) -> bool {
        let (Some(keys), Some(signed_in)) = (self.ledger_keys(), &self.signed_in) else {
            return false;
        };
        let account = signed_in.account.clone();
        self.dirty = true;
        self.ledger.take(consents, &keys, &signer(&account))
    }

    fn relink_ledger(&mut self) {
        if let Some(signed_in) = &self.signed_in {
            let account = signed_in.account.clone();
            self.ledger.relink(&signer(&account));
            self.dirty = true;
        }
    }

    fn ledger_keys(&self) -> Option<Keys> {
        let account = &self.signed_in.as_ref()?.account;
        Some(Keys {
            subject: account.me().user_id,
            identity: account.identity().public().to_base64(),
            ledger: self.ledger.key()?.clone(),
        })
    }

    fn ledger_waits(&mut self, error: &ApiError) {
        tracing::info!(%error, "the server has yet to hear of decisions");
        self.ledger_pauses(PAUSE);
    }

    fn ledger_pauses(&mut self, time: Duration) {
        self.ledger_state.busy = false;
        self.ledger_state.again = false;
        self.ledger_state.due = Some(Instant::now() + time);
    }

    fn ledger_rests(&mut self) {
        self.ledger_state.busy = false;
        if std::mem::take(&mut self.ledger_state.again) {
            return self.sync_ledger();
        }
        let now = Instant::now();
        if self.ledger_state.roots_at.is_none_or(|at| at <= now) {
            self.ledger_state.roots_at = Some(now + ROOTS_EACH);
            self.look_at_roots();
        }
    }

    /// Looks whether this ledger is in what the server committed itself to, once it was read whole.
    fn look_at_roots(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        // A ledger that is not whole here cannot be compared.
        if self.ledger.is_in_trouble() {
            self.ledger_state.roots_at = None;
            return;
        }
        let known = self.ledger.clone();
        let look = async move {
            let roots = account.api().transparency().await?.roots;
            match known.unchecked_root(&roots, account.api().clock().now_ms()) {
                Ok(Some(root)) => {
                    let proof = account.root_proof(&root.day).await?;
                    Ok(Ok(proof.map(|proof| (root.clone(), proof))))
                }
                Ok(None) => Ok(Ok(None)),
                Err(trouble) => Ok(Err(trouble)),
            }
        };
        self.background(look, move |actor, looked: Result<_, ApiError>| {
            if !actor.is_sign_in(number) {
                return;
            }
            match looked {
                Ok(Ok(Some((root, proof)))) => actor.ledger.check_root(&root, &proof),
                Ok(Ok(None)) => return,
                Ok(Err(trouble)) => actor.ledger.not_committed(trouble),
                Err(error) => {
                    tracing::info!(%error, "the server's commitments were not looked at");
                    actor.ledger_state.roots_at = None;
                    return;
                }
            }
            actor.dirty = true;
        });
    }

    /// The next time that the ledger was read, the server's commitments are looked at.
    pub(super) fn look_at_roots_soon(&mut self) {
        self.ledger_state.roots_at = None;
    }

    pub(super) fn ledger_passes_time(&mut self, now: Instant) {
        if self.ledger_state.due().is_some_and(|due| due <= now) {
            self.ledger_state.due = None;
            self.sync_ledger();
        }
    }

    pub(super) fn ledger_view(&self) -> LedgerView {
        let here = self
            .signed_in
            .as_ref()
            .map(|signed_in| signed_in.account.me().device_id);
        LedgerView {
            records: here
                .filter(|_| self.ledger_state.shown)
                .map(|here| {
                    self.ledger
                        .views(here, |id| self.partners.partner(id).cloned())
                })
                .unwrap_or_default(),
            waiting: u32::try_from(self.ledger.waiting()).unwrap_or(u32::MAX),
            trouble: self.ledger.trouble(),
            export: self.ledger_state.export.clone(),
        }
    }

    pub(super) fn export_ledger(&mut self) -> Result<(), Failure> {
        let signed_in = self
            .signed_in
            .as_ref()
            .ok_or_else(|| failure(FailureCode::NotNow, "nobody is signed in"))?;
        let account = signed_in.account.clone();
        let server = account.api().server().to_string();
        let (file, records) = self
            .ledger
            .export(&server, &signer(&account))
            .ok_or_else(|| failure(FailureCode::Unreachable, "the server was never met"))?;
        self.ledger_state.export = LedgerExport::Writing;
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        let downloads = self.downloads.clone().or_else(platform::downloads_dir);
        let write = tokio::task::spawn_blocking(move || save(&file, downloads));
        self.background(write, move |actor, saved| {
            let folder = match saved {
                Ok(Ok(folder)) => Some(folder),
                Ok(Err(error)) => {
                    tracing::warn!(kind = ?error.kind(), "the ledger cannot be saved");
                    None
                }
                Err(error) => {
                    tracing::error!(%error, "saving the ledger hit a fault in itself");
                    None
                }
            };
            actor.ledger_state.export = match folder {
                Some(folder) => LedgerExport::Done {
                    folder: folder.to_string_lossy().into_owned(),
                    records,
                },
                None => LedgerExport::Failed,
            };
        });
        Ok(())
    }
}

pub(super) fn signer(account: &Account) -> Signer<'_> {
    let clock = account.api().clock();
    Signer {
        subject: account.me().user_id,
        identity: account.identity().public(),
        certificate: account.certificate(),
        keys: account.device_keys(),
        offset_ms: clock.offset_ms(),
        now_ms: clock.now_ms(),
    }
}

/// The server does not take the records as they are.
fn is_about_records(error: &ApiError) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::Conflict | ErrorCode::InvalidBody)
    )
}

/// Writes the file and the page that checks it into a new folder among the downloads.
fn save(file: &[u8], downloads: Option<PathBuf>) -> std::io::Result<PathBuf> {
    let downloads = downloads.ok_or(std::io::ErrorKind::NotFound)?;
    let folder = new_folder(&downloads)?;
    let written = std::fs::write(folder.join("ledger.jsonl"), file)
        .and_then(|()| std::fs::write(folder.join("verify.html"), VERIFIER));
    if let Err(error) = written {
        // Half a file would look like one that was changed.
        if let Err(left) = std::fs::remove_dir_all(&folder) {
            tracing::warn!(kind = ?left.kind(), "half a ledger stays among the downloads");
        }
        return Err(error);
    }
    Ok(folder)
}

/// `Jasmin consents`, or with a number where there is one already.
fn new_folder(downloads: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(downloads)?;
    for number in 1..1_000 {
        let name = match number {
            1 => "Jasmin consents".to_owned(),
            _ => format!("Jasmin consents {number}"),
        };
        let folder = downloads.join(name);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// Keeps what could not be told for the next sign-in of the same person.
pub(super) async fn keep_untold(
    vault: &Vault,
    user_id: UserId,
    records: Vec<SignedRecord>,
) -> Result<(), VaultError> {
    if !records.is_empty() {
        let untold = Untold { user_id, records };
        vault.save(|data| data.untold.push(untold)).await?;
    }
    Ok(())
}

/// Tells what there is to tell before a sign-out. Returns what could not be told.
pub(super) async fn tell_last(
    account: &Account,
    mut records: Vec<SignedRecord>,
) -> Vec<SignedRecord> {
    while !records.is_empty() {
        let batch: Vec<SignedRecord> = records.iter().take(MOST_RECORDS).cloned().collect();
        let told = batch.len();
        if let Err(error) = account.tell_consents(batch).await {
            tracing::info!(%error, "decisions are told at the next sign-in");
            break;
        }
        records.drain(..told);
    }
    records
}
