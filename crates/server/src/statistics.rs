//! Numbers about many people, for everybody: a closed list of questions, answered once a week, with noise
//! that hides whether any one person is in them.
//!
//! Counted is who has said yes to it and is of age. Each person falls into one group of each question, so
//! that one person more, less, or another one changes a question's counts by two at most: that is what
//! the noise is measured by ([`SENSITIVITY`]). What each release costs in privacy is added up over the
//! year, and beyond the year's budget nothing is released. Small groups are left out after the noise.
//!
//! True counts leave this module in one direction only: into the noise that the caller brings
//! (`jasmin-stats`), one at a time. There is no way to ask for anything else.

mod questions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jasmin_consent::{moment, policy, purpose, standing};
use jasmin_protocol::{
    LedgerEntry, PolicySet, Statistics, StatisticsFigure, StatisticsGroup, StatisticsRelease,
    UserId,
};
use time::{Duration, OffsetDateTime, Weekday};
use uuid::Uuid;

use crate::{
    Config, StartError,
    app::App,
    keys::{Keys, digest},
    problem::Failure,
    routes::consents::open_entry,
    rules::Birthday,
    server::{has_store, open_store},
    store::{Store, StoreError},
};

pub(crate) use questions::CallSeen;
use questions::{QUESTIONS, Week as Seen};

/// By how much one person can change the counts of one question (L1; one is replaced by another).
pub const SENSITIVITY: u32 = 2;
/// The privacy loss of one question, in thousandths.
pub const QUESTION_EPSILON_MILLI: u32 = 100;
/// What a year may cost, in thousandths: 53 weeks of five questions.
const YEAR_BUDGET_MILLI: u32 = 26_500;
/// Groups that seem smaller are left out. With noise of this size, one of fewer than 50 people seems as
/// large as this once in 300 times, and an empty one once in 3,600.
const SMALLEST: i64 = 150;
/// Who is younger is not counted.
const GROWN_UP: u16 = 18;
/// Entries of ledgers that are read at once.
const BATCH: i64 = 512;

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// No server keeps its data there.
    #[error("no server has its data in {0}: say where with --data-dir or --db")]
    NoServer(std::path::PathBuf),
    /// Not a week that is over.
    #[error("{0} is no week that is over (YYYY-Www, ISO 8601)")]
    Week(String),
    /// Once only: a second answer would halve the noise.
    #[error("{0} was released already; a second release would tell more than was promised")]
    Released(String),
    /// The year's budget is spent.
    #[error(
        "the privacy budget of {year} is spent ({spent} of {budget} thousandths): nothing more is released this year"
    )]
    Spent {
        /// The year.
        year: String,
        /// In thousandths.
        spent: u32,
        /// In thousandths.
        budget: u32,
    },
    /// The noise failed.
    #[error("there is no noise: {0}")]
    Noise(String),
    /// Store or keys.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(String),
}

impl From<StoreError> for StatisticsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Adds noise to one count: given the sensitivity and the privacy loss in thousandths.
pub type Noise<'a> = dyn FnMut(u64, u32, u32) -> Result<i64, String> + Send + 'a;

/// Counts a week, adds noise, and publishes: all or nothing. Without a week the last one that is over.
///
/// # Errors
/// See [`StatisticsError`].
pub async fn release(
    config: &Config,
    week: Option<&str>,
    noise: &mut Noise<'_>,
) -> Result<StatisticsRelease, StatisticsError> {
    if !has_store(config) {
        return Err(StatisticsError::NoServer(config.data_dir.clone()));
    }
    let (store, keys) = open_store(config).await?;
    let done = release_from(&store, &keys, config.clock.now_ms(), week, noise).await;
    store.close().await;
    done
}

/// Everything that was released.
///
/// # Errors
/// See [`StatisticsError`].
pub async fn released(config: &Config) -> Result<Statistics, StatisticsError> {
    if !has_store(config) {
        return Err(StatisticsError::NoServer(config.data_dir.clone()));
    }
    let (store, _keys) = open_store(config).await?;
    let releases = store.read().await?.statistics().await;
    store.close().await;
    Ok(all(releases?))
}

fn all(releases: Vec<StatisticsRelease>) -> Statistics {
    Statistics {
        releases,
        year_budget_milli: YEAR_BUDGET_MILLI,
    }
}

pub(crate) async fn release_from(
    store: &Store,
    keys: &Keys,
    now_ms: i64,
    week: Option<&str>,
    noise: &mut Noise<'_>,
) -> Result<StatisticsRelease, StatisticsError> {
    let week = match week {
        Some(name) => Week::named(name).ok_or_else(|| StatisticsError::Week(name.to_owned()))?,
        None => {
            Week::of(now_ms - 7 * DAY_MS).ok_or_else(|| StatisticsError::Week(String::new()))?
        }
    };
    if week.to_ms > now_ms {
        return Err(StatisticsError::Week(week.name));
    }
    let mut tx = store.begin().await?;
    tx.lock(digest(&[b"statistics"])).await?;
    let spent = tx.statistics_spent().await?;
    if spent.iter().any(|(known, _)| *known == week.name) {
        tx.rollback().await?;
        return Err(StatisticsError::Released(week.name));
    }
    let epsilon_milli = QUESTION_EPSILON_MILLI * u32::try_from(QUESTIONS.len()).unwrap_or(u32::MAX);
    let year = week.name.chars().take(4).collect::<String>();
    let of_year = spent.iter().filter(|(known, _)| known.starts_with(&year));
    let spent: u32 = of_year.map(|(_, epsilon)| epsilon).sum();
    if spent.saturating_add(epsilon_milli) > YEAR_BUDGET_MILLI {
        tx.rollback().await?;
        return Err(StatisticsError::Spent {
            year,
            spent,
            budget: YEAR_BUDGET_MILLI,
        });
    }
    let counts = count(store, keys, &week, now_ms).await?;
    let figures = publishable(&counts, noise).map_err(StatisticsError::Noise)?;
    let release = StatisticsRelease {
        at: moment::write(now_ms).ok_or_else(|| StatisticsError::Week(week.name.clone()))?,
        week: week.name,
        epsilon_milli,
        figures,
    };
    tx.put_statistics(&release, now_ms).await?;
    tx.commit().await?;
    Ok(release)
}

/// People in each group of each question.
type Counts = Vec<Vec<u64>>;

/// What can be published of counts: noise on each, small groups left out.
fn publishable(counts: &Counts, noise: &mut Noise<'_>) -> Result<Vec<StatisticsFigure>, String> {
    let mut figures = Vec::new();
    for (question, counts) in QUESTIONS.iter().zip(counts) {
        let mut groups = Vec::new();
        for (label, count) in question.groups.iter().zip(counts) {
            let noised = noise(*count, SENSITIVITY, QUESTION_EPSILON_MILLI)?;
            let people = u64::try_from(noised).ok().filter(|_| noised >= SMALLEST);
            groups.push(StatisticsGroup {
                label: (*label).to_owned(),
                people,
            });
        }
        figures.push(StatisticsFigure {
            question: question.code.to_owned(),
            title: question.title.to_owned(),
            groups,
        });
    }
    Ok(figures)
}

async fn count(
    store: &Store,
    keys: &Keys,
    week: &Week,
    now_ms: i64,
) -> Result<Counts, StatisticsError> {
    let mut counts: Counts = QUESTIONS
        .iter()
        .map(|question| vec![0; question.groups.len()])
        .collect();
    let mut conn = store.read().await?;
    for user in who_is_counted(store, keys, now_ms).await? {
        let failed = |_| StatisticsError::Store("a birthday does not open".to_owned());
        let Some(known) = conn.sharable(user).await? else {
            continue;
        };
        let birthday = keys
            .open_field(user, "birthday", &known.birthday_box)
            .map_err(failed)?;
        let birthday = Birthday::parse(&birthday, now_ms).ok();
        if birthday.is_none_or(|birthday| birthday.age(now_ms) < GROWN_UP) {
            continue;
        }
        let seen = Seen {
            calls: conn.calls_between(user, week.from_ms, week.to_ms).await?,
            contacts: conn.contacts_accepted(user).await?,
            devices: conn.live_devices(user, now_ms).await?.len(),
            user,
        };
        for (question, counts) in QUESTIONS.iter().zip(&mut counts) {
            if let Some(count) = counts.get_mut((question.group)(&seen)) {
                *count += 1;
            }
        }
    }
    Ok(counts)
}

/// Everybody with a live yes.
async fn who_is_counted(
    store: &Store,
    keys: &Keys,
    now_ms: i64,
) -> Result<Vec<UserId>, StatisticsError> {
    let mut conn = store.read().await?;
    let sets: Vec<PolicySet> = conn
        .policy_sets()
        .await?
        .into_iter()
        .map(|signed| signed.set)
        .collect();
    let code = purpose::STATISTICS.code;
    let says_yes = |entries: &Vec<LedgerEntry>| {
        standing::live(entries).iter().any(|live| {
            live.purpose == code
                && policy::superseded_by(&sets, code, live.policy, now_ms).is_none()
        })
    };
    let mut ledgers: BTreeMap<UserId, Vec<LedgerEntry>> = BTreeMap::new();
    let mut counted = Vec::new();
    let mut after = (UserId(Uuid::nil()), 0);
    loop {
        let rows = conn.every_consent(after, BATCH).await?;
        let Some((last, sequence, _)) = rows.last() else {
            break;
        };
        after = (*last, *sequence);
        for (user, sequence, sealed) in rows {
            let entry = open_entry(&keys.data, user, sequence, &sealed)
                .map_err(|_| StatisticsError::Store("a ledger does not open".to_owned()))?;
            ledgers.entry(user).or_default().push(entry);
        }
        // Ledgers come one after the other: all but the last are whole.
        let whole = ledgers.keys().filter(|user| **user != after.0);
        for user in whole.copied().collect::<Vec<_>>() {
            counted.extend(ledgers.remove(&user).filter(says_yes).map(|_| user));
        }
    }
    counted.extend(
        ledgers
            .into_iter()
            .filter(|(_, entries)| says_yes(entries))
            .map(|(user, _)| user),
    );
    Ok(counted)
}

impl App {
    pub(crate) async fn statistics(&self) -> Result<Statistics, Failure> {
        Ok(all(self.store.read().await?.statistics().await?))
    }
}

const DAY_MS: i64 = 86_400_000;

/// An ISO 8601 week, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Week {
    name: String,
    from_ms: i64,
    to_ms: i64,
}

impl Week {
    /// The week of a moment.
    fn of(ms: i64) -> Option<Self> {
        let at = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok()?;
        let day = at.date();
        let back = i64::from(day.weekday().number_days_from_monday());
        let monday = day.checked_sub(Duration::days(back))?;
        let (year, week, _) = day.to_iso_week_date();
        let from_ms = monday.midnight().assume_utc().unix_timestamp() * 1000;
        Some(Self {
            name: format!("{year:04}-W{week:02}"),
            from_ms,
            to_ms: from_ms + 7 * DAY_MS,
        })
    }

    /// Reads `YYYY-Www`.
    fn named(name: &str) -> Option<Self> {
        let (year, week) = name.split_once("-W")?;
        let monday =
            time::Date::from_iso_week_date(year.parse().ok()?, week.parse().ok()?, Weekday::Monday)
                .ok()?;
        let week = Self::of(monday.midnight().assume_utc().unix_timestamp() * 1000)?;
        (week.name == name).then_some(week)
    }
}
