//! Numbers about many people, for everybody: a closed list of questions, answered once a week, with noise
//! that hides what any one person did.
//!
//! Counted is who had said yes to it and was of age when the week began, and still says so. Each person falls
//! into one group of each question by what they did alone. So one person more, one less, or one who did
//! something else changes a question's counts by two at most: by that the noise is measured
//! ([`SENSITIVITY`]). What each release costs in privacy is added up over the year, and beyond the year's
//! budget nothing is released. Small groups are left out after the noise.
//!
//! True counts never leave this module: what comes out has noise on it, and there is no way to ask for
//! anything else, nor for the same week again.

mod noise;
mod questions;
#[cfg(test)]
mod tests;

use jasmin_consent::{moment, purpose};
use jasmin_protocol::{Statistics, StatisticsFigure, StatisticsGroup, StatisticsRelease};
use time::{Duration, OffsetDateTime};

use crate::{
    Config, StartError, allowed,
    app::App,
    keys::{Keys, digest},
    problem::Failure,
    rules::Birthday,
    server::{has_store, open_store},
    store::{Conn, Store, StoreError},
};

pub(crate) use questions::CallPlaced;
use questions::{QUESTIONS, Week as Seen};

/// By how much one person can change the counts of one question (L1; one is replaced by another).
const SENSITIVITY: u32 = 2;
/// The privacy loss of one question, in thousandths.
const QUESTION_EPSILON_MILLI: u32 = 100;
/// What the releases of a year may cost, in thousandths: those of 52 weeks.
const YEAR_BUDGET_MILLI: u32 = 26_000;
/// Groups that seem smaller are left out. With noise of this size, one of fewer than 50 people seems as
/// large as this once in 300 times, and an empty one once in 3,600.
const SMALLEST: i64 = 150;
/// Who is younger is not counted.
const GROWN_UP: u16 = 18;

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// No server keeps its data there.
    #[error("no server has its data in {0}: say where with --data-dir or --db")]
    NoServer(std::path::PathBuf),
    /// There is no week to count.
    #[error("this machine's clock is off")]
    Clock,
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

/// Counts the last week that is over, adds noise, and publishes: all or nothing.
///
/// # Errors
/// See [`StatisticsError`].
pub async fn release(config: &Config) -> Result<StatisticsRelease, StatisticsError> {
    if !has_store(config) {
        return Err(StatisticsError::NoServer(config.data_dir.clone()));
    }
    let (store, keys) = open_store(config).await?;
    let done = release_from(&store, &keys, config.clock.now_ms(), &mut noise::noised).await;
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

/// Puts noise on one count, given the sensitivity and the privacy loss in thousandths.
type Noise<'a> = dyn FnMut(u64, u32, u32) -> Result<i64, String> + Send + 'a;

pub(crate) async fn release_from(
    store: &Store,
    keys: &Keys,
    now_ms: i64,
    noise: &mut Noise<'_>,
) -> Result<StatisticsRelease, StatisticsError> {
    let week = Week::of(now_ms - 7 * DAY_MS).ok_or(StatisticsError::Clock)?;
    let epsilon_milli = QUESTION_EPSILON_MILLI * u32::try_from(QUESTIONS.len()).unwrap_or(u32::MAX);
    // Before anything is counted, and again below: counting may take long, and keeps nobody from writing.
    may_be_released(&mut store.read().await?, &week, epsilon_milli, now_ms).await?;
    let counts = count(store, keys, &week, now_ms).await?;
    let figures = publishable(&counts, noise).map_err(StatisticsError::Noise)?;
    let release = StatisticsRelease {
        at: moment::write(now_ms).ok_or(StatisticsError::Clock)?,
        week: week.name.clone(),
        epsilon_milli,
        figures,
    };
    let mut tx = store.begin().await?;
    tx.lock(digest(&[b"statistics"])).await?;
    may_be_released(&mut tx, &week, epsilon_milli, now_ms).await?;
    tx.put_statistics(&release, now_ms).await?;
    tx.commit().await?;
    Ok(release)
}

/// A week is released once, and the year's releases cost no more than its budget.
async fn may_be_released(
    conn: &mut Conn,
    week: &Week,
    epsilon_milli: u32,
    now_ms: i64,
) -> Result<(), StatisticsError> {
    let year_of = |ms: i64| moment::day(ms).map(|day| day.chars().take(4).collect::<String>());
    let year = year_of(now_ms).ok_or(StatisticsError::Clock)?;
    let mut spent = 0_u32;
    for (known, epsilon, at_ms) in conn.statistics_spent().await? {
        if known == week.name {
            return Err(StatisticsError::Released(known));
        }
        if year_of(at_ms).as_deref() == Some(&year) {
            spent = spent.saturating_add(epsilon);
        }
    }
    if spent.saturating_add(epsilon_milli) > YEAR_BUDGET_MILLI {
        return Err(StatisticsError::Spent {
            year,
            spent,
            budget: YEAR_BUDGET_MILLI,
        });
    }
    Ok(())
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
    let counted = allowed::everybodys(store, keys, purpose::STATISTICS.code, now_ms)
        .await
        .map_err(|failure| StatisticsError::Store(failure.into_words()))?;
    for yes in counted.iter().filter(|yes| yes.since_ms() < week.from_ms) {
        let user = yes.user();
        let failed = |_| StatisticsError::Store("a birthday does not open".to_owned());
        let Some(known) = conn.sharable(user).await? else {
            continue;
        };
        let birthday = keys
            .open_field(user, "birthday", &known.birthday_box)
            .map_err(failed)?;
        let birthday = Birthday::parse(&birthday, now_ms).ok();
        if birthday.is_none_or(|birthday| birthday.age(week.from_ms) < GROWN_UP) {
            continue;
        }
        let seen = Seen {
            calls: conn.calls_placed(user, week.from_ms, week.to_ms).await?,
            platforms: conn.platforms(user, now_ms).await?,
        };
        for (question, counts) in QUESTIONS.iter().zip(&mut counts) {
            if let Some(count) = counts.get_mut((question.group)(&seen)) {
                *count += 1;
            }
        }
    }
    Ok(counts)
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
}
