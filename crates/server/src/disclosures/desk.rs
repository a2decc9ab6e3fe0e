//! The operator's commands: `jasmin-server disclosure …`.

use std::{
    fmt::Write as _,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jasmin_protocol::{Base64, DisclosureGround};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Notice, Register, RegisterError, Request, What, fields};
use crate::{
    Config, KeyFileError, StartError,
    keys::{Keys, digest, random, read_key},
    platform,
    rules::Email,
    server::{has_store, open_store},
    store::{Store, StoreError},
};

/// What an officer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisclosureOrder {
    /// Become an officer: makes a key file. From the third on another officer's key vouches.
    Enrol {
        /// The officer's name.
        name: String,
        /// Where the new key goes.
        key: PathBuf,
        /// An officer's key.
        vouched_by: Option<PathBuf>,
    },
    /// Write a request down.
    File {
        /// JSON, see `docs/operating.md`.
        request: PathBuf,
        /// The officer's key.
        key: PathBuf,
    },
    /// Approve a case.
    Approve {
        /// Its number.
        case: Uuid,
        /// The officer's key.
        key: PathBuf,
    },
    /// Refuse a case.
    Refuse {
        /// Its number.
        case: Uuid,
        /// The officer's key.
        key: PathBuf,
        /// Why.
        why: String,
    },
    /// Write what was approved into a file.
    Give {
        /// Its number.
        case: Uuid,
        /// The officer's key.
        key: PathBuf,
        /// The file to be made.
        out: PathBuf,
    },
    /// List the cases.
    List,
}

/// Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// A file cannot be read or made.
    #[error("{0} cannot be used")]
    File(PathBuf, #[source] io::Error),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The register says that it was given, and the file is not there.
    #[error(
        "the register has it as given, but {0} could not be written, and nothing is left of it: file it anew"
    )]
    Unwritten(PathBuf, #[source] io::Error),
    /// No server keeps its data there.
    #[error("no server has its data in {0}: say where with --data-dir or --db")]
    NoServer(PathBuf),
    /// The request cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(String),
    /// Nobody has this address.
    #[error("nobody here has this address")]
    Nobody,
    /// The rules forbid it.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Store or keys.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(String),
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// A request as an officer writes it: the person by their address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    email: String,
    ground: DisclosureGround,
    authority: String,
    reference: String,
    legal_basis: String,
    received: String,
    scope: Vec<String>,
    #[serde(default = "at_once")]
    notice: Notice,
}

fn at_once() -> Notice {
    Notice::Sent
}

/// Does what an officer wants, also beside a server that runs, and says what was done.
///
/// # Errors
/// See [`DeskError`].
pub async fn disclose(config: &Config, order: &DisclosureOrder) -> Result<String, DeskError> {
    if !has_store(config) {
        return Err(DeskError::NoServer(config.data_dir.clone()));
    }
    let (store, keys) = open_store(config).await?;
    let done = Desk {
        store: &store,
        keys: &keys,
        now_ms: config.clock.now_ms(),
    }
    .carry_out(order)
    .await;
    store.close().await;
    done
}

/// The register and whoever writes in it.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    pub(crate) keys: &'a Keys,
    pub(crate) now_ms: i64,
}

impl Desk<'_> {
    pub(crate) async fn carry_out(&self, order: &DisclosureOrder) -> Result<String, DeskError> {
        match order {
            DisclosureOrder::Enrol {
                name,
                key,
                vouched_by,
            } => self.enrol(name, key, vouched_by.as_deref()).await,
            DisclosureOrder::File { request, key } => self.file(request, key).await,
            DisclosureOrder::Approve { case, key } => {
                self.write(What::Approved { case: *case }, &officer_key(key)?)
                    .await?;
                Ok(format!("Approved: {case}.\n"))
            }
            DisclosureOrder::Refuse { case, key, why } => {
                let (case, why) = (*case, why.clone());
                self.write(What::Refused { case, why }, &officer_key(key)?)
                    .await?;
                Ok(format!("Refused: {case}. Nothing is given.\n"))
            }
            DisclosureOrder::Give { case, key, out } => self.give(*case, key, out).await,
            DisclosureOrder::List => Ok(describe(&register(self.store, self.keys).await?)),
        }
    }

    async fn enrol(
        &self,
        name: &str,
        file: &Path,
        vouched_by: Option<&Path>,
    ) -> Result<String, DeskError> {
        let key = SigningKey::from_bytes(&random());
        let signer = match vouched_by {
            Some(other) => officer_key(other)?,
            None => key.clone(),
        };
        // The file first: an officer without a key could never act.
        let failed = |error| DeskError::File(file.to_owned(), error);
        let mut made = platform::create_private_file(file).map_err(failed)?;
        let written = writeln!(made, "{}", URL_SAFE_NO_PAD.encode(key.to_bytes()))
            .and_then(|()| made.sync_all());
        if let Err(error) = written {
            fs::remove_file(file).map_err(failed)?;
            return Err(failed(error));
        }
        let what = What::Enrolled {
            officer: name.to_owned(),
            key: Base64(key.verifying_key().to_bytes().to_vec()),
        };
        if let Err(error) = self.write(what, &signer).await {
            fs::remove_file(file).map_err(failed)?;
            return Err(error);
        }
        Ok(format!(
            "{name} is an officer; the key is in {}. Keep it to yourself.\n",
            file.display()
        ))
    }

    async fn file(&self, path: &Path, key: &Path) -> Result<String, DeskError> {
        let text =
            fs::read_to_string(path).map_err(|error| DeskError::File(path.to_owned(), error))?;
        let written: Written = serde_json::from_str(&text)
            .map_err(|error| DeskError::Unreadable(error.to_string()))?;
        let email = Email::parse(&written.email).map_err(|_| DeskError::Nobody)?;
        let tag = self.keys.address_tag(email.canonical());
        let mut conn = self.store.read().await?;
        let (subject, _) = conn.account_by_tag(&tag).await?.ok_or(DeskError::Nobody)?;
        drop(conn);
        let case = Uuid::new_v4();
        let request = Request {
            subject,
            ground: written.ground,
            authority: written.authority,
            reference: written.reference,
            legal_basis: written.legal_basis,
            received: written.received,
            scope: written.scope,
            notice: written.notice,
        };
        self.write(What::Filed { case, request }, &officer_key(key)?)
            .await?;
        Ok(format!(
            "Filed as {case}. Two different officers must approve it.\n"
        ))
    }

    async fn give(&self, case: Uuid, key: &Path, out: &Path) -> Result<String, DeskError> {
        let key = officer_key(key)?;
        let mut known = register(self.store, self.keys).await?;
        let found = known.cases.get(&case).ok_or(RegisterError::NoCase)?.clone();
        let scope = found.request.scope.clone();
        // Whether the rules allow it, before anything is read.
        let what = |file: Vec<u8>| What::Given {
            case,
            fields: scope.clone(),
            file: Base64(file),
        };
        known.add(what(vec![0; 32]), &key, self.now_ms)?;

        let mut conn = self.store.read().await?;
        let rows = fields::read(&mut conn, self.keys, found.request.subject, &scope)
            .await
            .map_err(|error| DeskError::Store(error.to_string()))?;
        drop(conn);
        let file = json!({
            "case": case,
            "authority": found.request.authority,
            "reference": found.request.reference,
            "fields": scope,
            "data": rows,
            "note": "Calls are encrypted from end to end: the server never has their content.",
        });
        let file = serde_json::to_vec_pretty(&file)
            .map_err(|error| DeskError::Store(error.to_string()))?;
        let hash = Sha256::digest(&file).to_vec();
        let failed = |error| DeskError::File(out.to_owned(), error);
        let mut made = platform::create_private_file(out).map_err(failed)?;
        // The register first: what is not in it is not given, whatever fails in between.
        if let Err(error) = self.write(what(hash), &key).await {
            fs::remove_file(out).map_err(failed)?;
            return Err(error);
        }
        let written = made.write_all(&file).and_then(|()| made.sync_all());
        if let Err(error) = written {
            fs::remove_file(out).map_err(failed)?;
            return Err(DeskError::Unwritten(out.to_owned(), error));
        }
        Ok(format!(
            "Written to {}: {} fields of one person.\n",
            out.display(),
            scope.len()
        ))
    }

    /// Adds an event at the end of the register.
    async fn write(&self, what: What, key: &SigningKey) -> Result<(), DeskError> {
        let mut tx = self.store.begin().await?;
        tx.lock(digest(&[b"disclosures"])).await?;
        let mut register = Register::read(tx.disclosure_events(self.keys).await?)?;
        let event = match register.add(what, key, self.now_ms) {
            Ok(event) => event,
            Err(error) => {
                tx.rollback().await?;
                return Err(error.into());
            }
        };
        tx.put_disclosure_event(&event, self.keys, self.now_ms)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The register as it is.
pub(crate) async fn register(store: &Store, keys: &Keys) -> Result<Register, DeskError> {
    let events = store.read().await?.disclosure_events(keys).await?;
    Ok(Register::read(events)?)
}

fn officer_key(path: &Path) -> Result<SigningKey, DeskError> {
    Ok(SigningKey::from_bytes(&read_key(path)?))
}

fn describe(register: &Register) -> String {
    if register.cases.is_empty() {
        return "No case was ever filed.\n".to_owned();
    }
    let mut said = String::new();
    for (number, case) in &register.cases {
        let state = match (&case.refused, &case.given) {
            (Some(_), _) => "refused".to_owned(),
            (None, Some(given)) => format!("given at {}", given.at),
            (None, None) => format!("open, {} of 2 approvals", case.approved_by.len()),
        };
        let _ = writeln!(
            said,
            "{number}  {}  filed {}  {state}  {}: {}",
            case.request.reference,
            case.filed_at,
            case.request.authority,
            case.request.scope.join(", ")
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{Disclosures, Transparency};

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_case_from_the_request_to_what_the_person_and_everybody_see() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let bob = world.join("Bob", "bob@example.org").await;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let desk = Desk {
            store: &world.app.store,
            keys: &world.app.keys,
            now_ms: world.app.now_ms(),
        };
        let enrol = |name: &str| DisclosureOrder::Enrol {
            name: name.to_owned(),
            key: at(name),
            vouched_by: None,
        };
        for name in ["ann", "ben"] {
            desk.carry_out(&enrol(name)).await.unwrap();
        }
        let third = desk.carry_out(&enrol("eve")).await.unwrap_err();
        assert!(matches!(
            third,
            DeskError::Register(RegisterError::NotVouched)
        ));
        assert!(!at("eve").exists(), "no key without an officer");

        let request = json!({
            "email": "ada@example.org", "ground": "legal_process", "authority": "A court",
            "reference": "12 C 3/26", "legal_basis": "Section 1", "received": "2026-11-20",
            "scope": ["account.created_ms", "account.email_box", "calls.created_ms"],
        });
        fs::write(at("request"), request.to_string()).unwrap();
        let (request, key) = (at("request"), at("ann"));
        let said = desk
            .carry_out(&DisclosureOrder::File { request, key })
            .await
            .unwrap();
        let case: Uuid = said
            .split_whitespace()
            .nth(2)
            .unwrap()
            .trim_end_matches('.')
            .parse()
            .unwrap();
        let approve = |by: &str| DisclosureOrder::Approve { case, key: at(by) };
        let give = || DisclosureOrder::Give {
            case,
            key: at("ben"),
            out: at("out"),
        };
        desk.carry_out(&approve("ann")).await.unwrap();
        let early = desk.carry_out(&give()).await.unwrap_err();
        assert!(
            early.to_string().contains("two different officers"),
            "{early}"
        );
        assert!(!at("out").exists());
        desk.carry_out(&approve("ben")).await.unwrap();
        desk.carry_out(&give()).await.unwrap();

        let given: serde_json::Value =
            serde_json::from_slice(&fs::read(at("out")).unwrap()).unwrap();
        assert_eq!(given["data"]["account"][0]["email_box"], "ada@example.org");
        assert!(
            given["data"]["account"][0].get("name_box").is_none(),
            "not asked for"
        );
        assert_eq!(given["data"]["calls"], json!([]));
        let again = DisclosureOrder::Give {
            case,
            key: at("ben"),
            out: at("more"),
        };
        let again = desk.carry_out(&again).await.unwrap_err();
        assert!(again.to_string().contains("closed"));
        let mine: Disclosures = world.get_as(&ada, "/v1/disclosures").await.ok();
        assert_eq!(mine.disclosures.len(), 1);
        assert_eq!(mine.disclosures[0].authority, "A court");
        let what: Vec<_> = mine.disclosures[0]
            .fields
            .iter()
            .map(|field| field.what.as_str())
            .collect();
        assert_eq!(
            what,
            [
                "when the account was made",
                "e-mail address",
                "when it was placed"
            ]
        );
        let others: Disclosures = world.get_as(&bob, "/v1/disclosures").await.ok();
        assert_eq!(others.disclosures, []);
        assert_eq!(world.get("/v1/disclosures").await.status(), 401);
        let public: Transparency = world.get("/v1/transparency").await.ok();
        let public = public.disclosures.unwrap();
        assert_eq!(public.len(), 1);
        assert_eq!(public[0].ground, DisclosureGround::LegalProcess);
        let page = world.get("/legal/transparency").await.text();
        assert!(
            page.contains("1 disclosure") && page.contains("e-mail address"),
            "{page}"
        );
        assert!(
            !page.contains("ada@") && !page.contains("A court"),
            "nothing personal"
        );
        let listed = desk.carry_out(&DisclosureOrder::List).await.unwrap();
        assert!(listed.contains("given at"), "{listed}");
    }
}
