//! How an operator publishes policies: `jasmin-server policy publish FOLDER`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use jasmin_consent::{
    policy::{
        self, SetFault,
        draft::{self, Ready},
    },
    purpose, standing,
};
use jasmin_protocol::{Base64, ChangeKind, LedgerEntry, PolicySet, UserId};
use uuid::Uuid;

use crate::{
    Config, StartError,
    allowed::{self, Yes},
    keys::Keys,
    mail::{self, Mail},
    problem::Failure,
    routes::consents::open_entry,
    server::{has_store, open_store},
    store::{Store, Tx},
};

/// Entries that are read at once.
const BATCH: i64 = 512;

/// What to publish, and whether to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The folder with `set.json` and the texts.
    pub folder: PathBuf,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// Nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The folder cannot be read.
    #[error("{0} cannot be read")]
    Folder(PathBuf, #[source] io::Error),
    /// No server keeps its data there.
    #[error("no server has its data in {0}: say where with --data-dir or --db")]
    NoServer(PathBuf),
    /// Apps would refuse it.
    #[error("apps would refuse the set ({0}): is this machine's clock right?")]
    Refused(SetFault),
    /// The set is not as it must be.
    #[error("the set was not published:\n- {}", .0.join("\n- "))]
    Draft(Vec<String>),
    /// Store or keys.
    #[error(transparent)]
    Open(#[from] StartError),
    /// Another publication came first.
    #[error("another set was published meanwhile: try again")]
    Raced,
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(String),
}

impl From<crate::store::StoreError> for PublishError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Publishes a set, or says what publishing it would do. A server may be running meanwhile: it shows
/// the set with the next request.
///
/// # Errors
/// See [`PublishError`].
pub async fn publish(config: &Config, wanted: &Publication) -> Result<String, PublishError> {
    let (description, files) = read_folder(&wanted.folder)?;
    if !has_store(config) {
        return Err(PublishError::NoServer(config.data_dir.clone()));
    }
    let (store, keys) = open_store(config).await?;
    let done = publish_to(
        &store,
        &keys,
        config.clock.now_ms(),
        &description,
        &files,
        wanted.dry_run,
    );
    let done = done.await;
    store.close().await;
    done
}

pub(crate) async fn publish_to(
    store: &Store,
    keys: &Keys,
    now_ms: i64,
    description: &str,
    files: &BTreeMap<String, String>,
    dry_run: bool,
) -> Result<String, PublishError> {
    let mut conn = store.read().await?;
    let published = conn.policy_sets().await?;
    let sets: Vec<PolicySet> = published.iter().map(|signed| signed.set.clone()).collect();
    let last = match sets.last() {
        Some(set) => {
            let texts = conn.policy_texts(&set.version).await?;
            let missing = || PublishError::Store(format!("{} has no texts", set.version));
            Some((set, texts.ok_or_else(missing)?))
        }
        None => None,
    };
    drop(conn);
    let last = last.as_ref().map(|(set, texts)| (*set, texts.as_slice()));
    let ready = draft::read(description, files, last, now_ms).map_err(PublishError::Draft)?;
    let asked = who_is_asked(store, keys, &sets, &ready.set).await?;
    let mut said = describe(&ready, &asked);
    // The first set changes nothing for anybody.
    let readers = match last {
        Some(_) => allowed::everybodys(store, keys, purpose::POLICY_NEWS.code, now_ms).await,
        None => Ok(Vec::new()),
    };
    let readers = readers.map_err(failed)?;
    if last.is_some() {
        let people = count_of(readers.len(), "person", "people");
        let _ = writeln!(said, "Mail goes to {people} who allowed it.");
    }
    if dry_run {
        said.push_str("Nothing was published: this was a dry run.\n");
        return Ok(said);
    }

    let Ready { set, texts } = ready;
    let signed = policy::sign(set, &keys.ledger);
    let mut all = published;
    all.push(signed.clone());
    let key = Base64(keys.ledger.verifying_key().to_bytes().to_vec());
    policy::check(all, &key).map_err(PublishError::Refused)?;
    let mut tx = store.begin().await?;
    tx.lock(crate::keys::digest(&[b"policies"])).await?;
    let place = i64::try_from(sets.len()).unwrap_or(i64::MAX);
    if tx.policy_sets().await?.len() != sets.len() {
        tx.rollback().await?;
        return Err(PublishError::Raced);
    }
    tx.put_policy_set(place, &signed, &texts, now_ms).await?;
    for yes in readers {
        tell(&mut tx, keys, now_ms, yes, &signed.set).await?;
    }
    tx.commit().await?;
    let _ = writeln!(said, "Published. Nothing in it can be changed any more.");
    Ok(said)
}

/// Writes the mail to somebody who allowed it.
async fn tell(
    tx: &mut Tx,
    keys: &Keys,
    now_ms: i64,
    yes: Yes,
    set: &PolicySet,
) -> Result<(), PublishError> {
    let user = yes.user();
    let Some(known) = tx.sharable(user).await? else {
        return Ok(());
    };
    let email = keys
        .open_field(user, "email", &known.email_box)
        .map_err(|_| PublishError::Store("an address does not open".to_owned()))?;
    let reason: [&[u8]; 3] = [b"policy", set.version.as_bytes(), user.0.as_bytes()];
    let set = Box::new(set.clone());
    mail::write(
        tx,
        keys,
        now_ms,
        &reason,
        &email,
        &Mail::PolicyNews { yes, set },
    )
    .await
    .map_err(failed)
}

fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn failed(failure: Failure) -> PublishError {
    PublishError::Store(failure.into_words())
}

fn read_folder(folder: &Path) -> Result<(String, BTreeMap<String, String>), PublishError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| PublishError::Folder(path, error)
    };
    let description = folder.join("set.json");
    let description = fs::read_to_string(&description).map_err(failed(&description))?;
    let mut files = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(failed(folder))? {
        let path = file.map_err(failed(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.ends_with(".md") {
            files.insert(
                name.to_owned(),
                fs::read_to_string(&path).map_err(failed(&path))?,
            );
        }
    }
    Ok((description, files))
}

/// For each purpose that a set widens: how many people allow it now, on how many devices.
type Asked = BTreeMap<String, (usize, usize)>;

/// Whose yes a set would end: what was given under any of the sets before it.
async fn who_is_asked(
    store: &Store,
    keys: &Keys,
    sets: &[PolicySet],
    set: &PolicySet,
) -> Result<Asked, PublishError> {
    let widened: BTreeSet<&str> = set
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Widens)
        .flat_map(|change| change.purposes.iter().map(String::as_str))
        .collect();
    let mut asked: Asked = widened
        .iter()
        .map(|code| ((*code).to_owned(), (0, 0)))
        .collect();
    if widened.is_empty() {
        return Ok(asked);
    }
    // What a set in between ends anyway would not be there by then.
    let ends_before = |live: &standing::Live<'_>| {
        policy::superseded_by(sets, live.purpose, live.policy, i64::MAX).is_some()
    };
    let mut count = |entries: &[LedgerEntry]| {
        let live = standing::live(entries);
        for code in &widened {
            let devices = live
                .iter()
                .filter(|live| purpose::covers(code, live.purpose) && !ends_before(live));
            let devices = devices.count();
            if devices > 0 {
                let (people, all) = asked.entry((*code).to_owned()).or_default();
                *people += 1;
                *all += devices;
            }
        }
    };
    let mut conn = store.read().await?;
    let mut after = (UserId(Uuid::nil()), 0);
    let mut person: (UserId, Vec<LedgerEntry>) = (after.0, Vec::new());
    loop {
        let rows = conn.every_consent(after, BATCH).await?;
        let Some((user, sequence, _)) = rows.last() else {
            break;
        };
        after = (*user, *sequence);
        for (user, sequence, sealed) in rows {
            if user != person.0 {
                count(&person.1);
                person = (user, Vec::new());
            }
            let entry =
                open_entry(&keys.data, user, sequence, &sealed).map_err(|failure: Failure| {
                    PublishError::Store(failure.cause.unwrap_or_default())
                })?;
            person.1.push(entry);
        }
    }
    count(&person.1);
    Ok(asked)
}

fn describe(ready: &Ready, asked: &Asked) -> String {
    let Ready { set, texts } = ready;
    let mut said = String::new();
    let after = match &set.previous {
        Some(previous) => format!("after {previous}"),
        None => "the first".to_owned(),
    };
    let _ = writeln!(
        said,
        "Policies {} ({after}), in force from {}.",
        set.version, set.effective
    );
    for text in texts {
        let _ = writeln!(
            said,
            "  {}.{}.md, {} bytes",
            draft::file_stem(text.kind),
            text.locale,
            text.text.len()
        );
    }
    for change in &set.changes {
        let kind = match change.kind {
            ChangeKind::Editorial => "editorial",
            ChangeKind::Narrows => "narrows",
            ChangeKind::Widens => "widens",
        };
        let _ = writeln!(
            said,
            "  {kind}: {}/{} ({}): {}",
            draft::file_stem(change.document),
            change.section,
            if change.purposes.is_empty() {
                "no purpose".to_owned()
            } else {
                change.purposes.join(", ")
            },
            change.summary
        );
    }
    if set.previous.is_some() {
        said.push_str("Everybody is shown what changes, from now on until they have opened it.\n");
    }
    if asked.is_empty() {
        said.push_str("Nobody is asked anything again.\n");
    }
    for (code, (people, devices)) in asked {
        let _ = writeln!(
            said,
            "Asked again from that day on: {code}: allowed now by {} on {}{}.",
            count_of(*people, "person", "people"),
            count_of(*devices, "device", "devices"),
            match purpose::listed(code).map(|purpose| purpose.stage) {
                Some(purpose::Stage::Used) => "",
                Some(purpose::Stage::Planned) | None => " (no feature uses it yet)",
            }
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use jasmin_consent::chain::Link;
    use jasmin_protocol::{Consents, LedgerDecision, LedgerDuration, TellConsents};

    use super::*;
    use crate::testing::{World, draft, publish as publish_draft};

    /// Says yes or no to the camera on one device, until taken back.
    async fn decide(world: &World, email: &str, decision: LedgerDecision) {
        let person = world.join("Ada", email).await;
        let mut signed = person.decide(&mut Link::default(), world.app.now_ms());
        signed.record.decision = decision;
        signed.record.duration =
            (decision == LedgerDecision::Granted).then_some(LedgerDuration::UntilWithdrawn);
        let records = vec![person.sign(signed.record)];
        let told = world
            .request("POST", "/v1/consents")
            .by(&person)
            .json(&TellConsents { records })
            .send();
        told.await.ok::<Consents>();
    }

    #[tokio::test]
    async fn a_dry_run_says_who_will_be_asked_and_publishes_nothing() {
        let world = World::new().await;
        decide(&world, "a@example.org", LedgerDecision::Granted).await;
        decide(&world, "b@example.org", LedgerDecision::Granted).await;
        decide(&world, "c@example.org", LedgerDecision::Denied).await;
        publish_draft(&world, "1.0.0", "2026-11-01", "little").await;
        let app = &world.app;
        let (description, files) = draft("1.1.0", "2027-02-01", "more");
        let dry = publish_to(
            &app.store,
            &app.keys,
            app.now_ms(),
            &description,
            &files,
            true,
        );
        let said = dry.await.unwrap();
        for words in [
            "Policies 1.1.0 (after 1.0.0)",
            "widens: privacy-policy/use (camera)",
            "camera: allowed now by 2 people on 2 devices.",
            "Nothing was published",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(world.rows("policy_set").await, 1);

        let (description, files) = draft("1.1.0", "2026-11-30", "more");
        let soon = publish_to(
            &app.store,
            &app.keys,
            app.now_ms(),
            &description,
            &files,
            false,
        );
        let said = soon.await.unwrap_err().to_string();
        assert!(said.contains("2026-12-23 or later"), "{said}");
        assert_eq!(world.rows("policy_set").await, 1);
    }

    #[test]
    fn a_folder_without_a_set_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let said = read_folder(folder.path()).unwrap_err().to_string();
        assert!(said.ends_with("set.json cannot be read"), "{said}");
    }
}
