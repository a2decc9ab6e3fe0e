//! A person's yes as a value. Whatever needs one takes it as an argument, and only this module makes one,
//! from the person's ledger: so a share, a mail or a statistic without a yes does not compile.

use std::collections::BTreeMap;

use jasmin_consent::{moment, policy, purpose, standing};
use jasmin_protocol::{LedgerEntry, PolicySet, RecordId, UserId};
use uuid::Uuid;

use crate::{
    keys::Keys,
    problem::Failure,
    routes::consents::open_entry,
    store::{Conn, Store},
};

/// Entries of ledgers that are read at once.
const BATCH: i64 = 512;

/// A live yes: until taken back, and not ended by policies since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Yes {
    user: UserId,
    code: String,
    record: RecordId,
    scope: Option<String>,
    since_ms: i64,
}

impl Yes {
    /// Whose.
    pub(crate) fn user(&self) -> UserId {
        self.user
    }

    /// To what: the code of a purpose.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What it is limited to.
    pub(crate) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Since when, by the device's clock.
    pub(crate) fn since_ms(&self) -> i64 {
        self.since_ms
    }

    /// The record that says so.
    pub(crate) fn record(&self) -> RecordId {
        self.record
    }
}

/// The policies that were published, oldest first.
pub(crate) async fn policies(conn: &mut Conn) -> Result<Vec<PolicySet>, Failure> {
    let sets = conn.policy_sets().await?;
    Ok(sets.into_iter().map(|signed| signed.set).collect())
}

/// A person's whole ledger.
pub(crate) async fn ledger(
    conn: &mut Conn,
    keys: &Keys,
    user: UserId,
) -> Result<Vec<LedgerEntry>, Failure> {
    let rows = conn.consents_after(user, 0, i64::MAX).await?;
    rows.into_iter()
        .map(|(sequence, sealed)| open_entry(&keys.data, user, sequence, &sealed))
        .collect()
}

/// The yes of a ledger to a purpose of the whole account.
pub(crate) fn yes(
    user: UserId,
    ledger: &[LedgerEntry],
    policies: &[PolicySet],
    code: &str,
    now_ms: i64,
) -> Option<Yes> {
    let reach = purpose::used(code)?.reach;
    let live = standing::live(ledger);
    let live = live.iter().find(|live| live.purpose == code)?;
    let is_over = policy::superseded_by(policies, code, live.policy, now_ms).is_some();
    (reach == purpose::Reach::Account && !is_over).then(|| Yes {
        user,
        code: code.to_owned(),
        record: live.record,
        scope: live.scope.map(str::to_owned),
        since_ms: moment::read(live.at_client).unwrap_or(i64::MAX),
    })
}

/// Everybody's yes to a purpose.
pub(crate) async fn everybodys(
    store: &Store,
    keys: &Keys,
    code: &str,
    now_ms: i64,
) -> Result<Vec<Yes>, Failure> {
    let mut conn = store.read().await?;
    let policies = policies(&mut conn).await?;
    let mut ledgers: BTreeMap<UserId, Vec<LedgerEntry>> = BTreeMap::new();
    let mut found = Vec::new();
    let mut after = (UserId(Uuid::nil()), 0);
    loop {
        let rows = conn.every_consent(after, BATCH).await?;
        let last = rows.last().map(|(user, sequence, _)| (*user, *sequence));
        for (user, sequence, sealed) in rows {
            let entry = open_entry(&keys.data, user, sequence, &sealed)?;
            ledgers.entry(user).or_default().push(entry);
        }
        // Ledgers come one after the other: all but the last one are whole.
        let open = last.map(|(user, _)| user);
        ledgers.retain(|user, ledger| {
            let is_open = open == Some(*user);
            if !is_open {
                found.extend(yes(*user, ledger, &policies, code, now_ms));
            }
            is_open
        });
        match last {
            Some(last) => after = last,
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use jasmin_consent::chain::Link;
    use jasmin_protocol::LedgerDecision::{Denied, Granted, Withdrawn};

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn everybodys_yes_is_found_also_in_many_and_long_ledgers() {
        let world = World::new().await;
        let code = "aggregate_stats";
        let mut expected = Vec::new();
        for number in 0..6 {
            let email = format!("p{number}@example.org");
            let person = world.join("Pat", &email).await;
            let mut link = Link::default();
            // Longer together than what is read at once.
            for _ in 0..60 {
                world.decide(&person, &mut link, code, Denied).await;
                world
                    .decide(&person, &mut link, "email.policy_news", Granted)
                    .await;
            }
            if number % 2 == 0 {
                world.decide(&person, &mut link, code, Granted).await;
                expected.push(person.session.user_id);
            } else {
                world.decide(&person, &mut link, code, Withdrawn).await;
            }
        }
        let app = &world.app;
        let found = everybodys(&app.store, &app.keys, code, app.now_ms())
            .await
            .unwrap();
        let mut found: Vec<UserId> = found.iter().map(Yes::user).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let other = everybodys(&app.store, &app.keys, "email.policy_news", app.now_ms()).await;
        assert_eq!(other.unwrap().len(), 6);
    }

    #[tokio::test]
    async fn a_devices_yes_is_none_here() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        world
            .decide(&ada, &mut Link::default(), "camera", Granted)
            .await;
        let app = &world.app;
        let found = everybodys(&app.store, &app.keys, "camera", app.now_ms()).await;
        assert_eq!(found.unwrap(), []);
    }
}
