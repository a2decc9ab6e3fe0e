use jasmin_consent::chain::Link;
use jasmin_protocol::{LedgerDecision, LedgerDuration, TellConsents};

use super::*;
use crate::testing::{Applicant, SignedInPerson, World, postgres::Postgres};

const NOISELESS: fn(u64, u32, u32) -> Result<i64, String> =
    |count, _, _| Ok(i64::try_from(count).unwrap());

async fn decide(world: &World, by: &SignedInPerson, link: &mut Link, decision: LedgerDecision) {
    world.clock.advance(1_000);
    let mut draft = link.clone();
    let mut record = by.decide(&mut draft, world.app.now_ms()).record;
    record.purpose = "aggregate_stats".to_owned();
    record.decision = decision;
    record.duration =
        (decision == LedgerDecision::Granted).then_some(LedgerDuration::UntilWithdrawn);
    link.follow(&record).unwrap();
    let records = vec![by.sign(record)];
    let answer = world
        .request("POST", "/v1/consents")
        .by(by)
        .json(&TellConsents { records })
        .send()
        .await;
    assert_eq!(answer.status(), 200);
}

/// The groups of this week with somebody in them, without noise and without leaving anything out.
async fn counted(world: &World) -> Vec<String> {
    let app = &world.app;
    let week = Week::of(app.now_ms()).unwrap();
    let counts = count(&app.store, &app.keys, &week, app.now_ms())
        .await
        .unwrap();
    let mut found = Vec::new();
    for (question, counts) in QUESTIONS.iter().zip(counts) {
        for (label, count) in question.groups.iter().zip(counts) {
            if count > 0 {
                found.push(format!("{} {label}: {count}", question.code));
            }
        }
    }
    found
}

async fn only_who_allows_it_is_counted(world: World) {
    let (ada, bob) = world.two_friends().await;
    let call = world.place(&ada, &bob).await;
    world.answer(&bob, call).await;
    assert!(counted(&world).await.is_empty(), "nobody has said yes");
    decide(&world, &ada, &mut Link::default(), LedgerDecision::Granted).await;
    decide(&world, &bob, &mut Link::default(), LedgerDecision::Denied).await;
    assert_eq!(
        counted(&world).await,
        [
            "calls 1 or 2: 1",
            "longest_call none: 1",
            "last_call_placed answered: 1",
            "contacts 1 to 4: 1",
            "devices one: 1"
        ]
    );
}

#[tokio::test]
async fn only_who_allows_it_is_counted_on_both_engines() {
    only_who_allows_it_is_counted(World::new().await).await;
    if let Some(server) = Postgres::start() {
        only_who_allows_it_is_counted(World::on(Some(server.url()), |_| {}).await).await;
    }
}

#[tokio::test]
async fn who_takes_it_back_is_not_counted() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let mut link = Link::default();
    decide(&world, &ada, &mut link, LedgerDecision::Granted).await;
    assert!(!counted(&world).await.is_empty());
    decide(&world, &ada, &mut link, LedgerDecision::Withdrawn).await;
    assert!(counted(&world).await.is_empty());
}

#[tokio::test]
async fn nobody_under_eighteen_is_counted() {
    let world = World::new().await;
    // Eighteen tomorrow.
    let young = Applicant::new("Kim", "kim@example.org").born("2008-11-23");
    let young = world.join_as(young).await;
    decide(
        &world,
        &young,
        &mut Link::default(),
        LedgerDecision::Granted,
    )
    .await;
    assert!(counted(&world).await.is_empty());
    world.clock.advance(DAY_MS);
    assert!(!counted(&world).await.is_empty());
}

#[tokio::test]
async fn a_week_is_released_once_and_only_when_it_is_over() {
    let world = World::new().await;
    let app = &world.app;
    let release = async |week: Option<&str>| {
        let mut noise = NOISELESS;
        release_from(&app.store, &app.keys, app.now_ms(), week, &mut noise).await
    };
    // 2026-11-22 is a Sunday: its week ends with the day.
    for week in ["2026-W47", "2027-W01"] {
        assert!(
            matches!(release(Some(week)).await, Err(StatisticsError::Week(_))),
            "{week}"
        );
    }
    for week in ["2026-47", "2026-W54", "2026-W7", "soon", ""] {
        assert!(
            matches!(release(Some(week)).await, Err(StatisticsError::Week(_))),
            "{week}"
        );
    }
    assert_eq!(release(None).await.unwrap().week, "2026-W46");
    assert!(matches!(
        release(None).await,
        Err(StatisticsError::Released(_))
    ));
    world.clock.advance(DAY_MS);
    assert_eq!(release(None).await.unwrap().week, "2026-W47");
}

#[tokio::test]
async fn beyond_the_years_budget_nothing_is_released() {
    let world = World::new().await;
    let app = &world.app;
    let mut noise = NOISELESS;
    // All of 2020, which has 53 weeks, fits; then its budget is spent to the end.
    for week in 1..=53 {
        let name = format!("2020-W{week:02}");
        release_from(&app.store, &app.keys, app.now_ms(), Some(&name), &mut noise)
            .await
            .unwrap();
    }
    let spent: u32 = {
        let spent = app
            .store
            .read()
            .await
            .unwrap()
            .statistics_spent()
            .await
            .unwrap();
        spent.iter().map(|(_, epsilon)| epsilon).sum()
    };
    assert_eq!(spent, YEAR_BUDGET_MILLI);
    let dear = StatisticsRelease {
        week: "2021-W01".to_owned(),
        at: String::new(),
        epsilon_milli: YEAR_BUDGET_MILLI - 499,
        figures: Vec::new(),
    };
    let mut tx = app.store.begin().await.unwrap();
    tx.put_statistics(&dear, 1).await.unwrap();
    tx.commit().await.unwrap();
    let refused = release_from(
        &app.store,
        &app.keys,
        app.now_ms(),
        Some("2021-W02"),
        &mut noise,
    )
    .await;
    assert!(matches!(
        refused,
        Err(StatisticsError::Spent { spent: 26_001, .. })
    ));
}

#[tokio::test]
async fn without_noise_nothing_is_written() {
    let world = World::new().await;
    let app = &world.app;
    let mut broken = |_, _, _| Err("no entropy".to_owned());
    let failed = release_from(&app.store, &app.keys, app.now_ms(), None, &mut broken).await;
    assert!(matches!(failed, Err(StatisticsError::Noise(_))));
    assert!(app.statistics().await.unwrap().releases.is_empty());
}

#[test]
fn each_count_gets_noise_of_its_own_and_small_groups_are_left_out() {
    let counts: Counts = QUESTIONS
        .iter()
        .map(|question| (0..question.groups.len() as u64).map(|n| 149 + n).collect())
        .collect();
    let mut asked = Vec::new();
    let mut noise = |count, sensitivity, epsilon| {
        asked.push((count, sensitivity, epsilon));
        Ok(i64::try_from(count).unwrap())
    };
    let figures = publishable(&counts, &mut noise).unwrap();
    let all: usize = QUESTIONS.iter().map(|question| question.groups.len()).sum();
    assert_eq!(asked.len(), all);
    assert!(
        asked
            .iter()
            .all(|(_, sensitivity, epsilon)| (*sensitivity, *epsilon) == (2, 100))
    );
    for figure in figures {
        assert_eq!(figure.groups[0].people, None, "149");
        assert_eq!(figure.groups[1].people, Some(150));
    }
    let mut far_below = |_, _, _| Ok(-3);
    let figures = publishable(&counts, &mut far_below).unwrap();
    assert!(
        figures
            .iter()
            .flat_map(|figure| &figure.groups)
            .all(|group| group.people.is_none())
    );
}

/// The noise is measured by this: whatever a person does, they are in one group of each question.
#[test]
fn whoever_it_is_is_in_one_group_of_each_question() {
    use proptest::prelude::*;
    let states = [
        jasmin_protocol::CallState::Ringing,
        jasmin_protocol::CallState::Answered,
        jasmin_protocol::CallState::Declined,
        jasmin_protocol::CallState::Busy,
        jasmin_protocol::CallState::Cancelled,
        jasmin_protocol::CallState::Missed,
        jasmin_protocol::CallState::Ended,
    ];
    let call = (
        any::<bool>(),
        0..states.len(),
        any::<Option<i64>>(),
        any::<Option<i64>>(),
    );
    let user = UserId(Uuid::nil());
    proptest!(|(calls in prop::collection::vec(call, 0..30), contacts in 0..1_000usize, devices in 0..20usize)| {
        let calls = calls.into_iter().map(|(own, state, answered_ms, ended_ms)| questions::CallSeen {
            caller: if own { user } else { UserId(Uuid::max()) },
            state: states[state],
            answered_ms,
            ended_ms,
        });
        let seen = Seen { user, calls: calls.collect(), contacts, devices };
        for question in &QUESTIONS {
            prop_assert!((question.group)(&seen) < question.groups.len());
        }
    });
}

/// Besides noised totals there is no way out: this module is used by the batch and by what it shows, and
/// its true counts by nobody else.
#[test]
fn no_other_path_leads_to_the_counts() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for word in ["calls_between", "contacts_accepted"] {
                if text.contains(word) {
                    let name = path.strip_prefix(&source).unwrap();
                    found.push(format!("{word} in {}", name.display()));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        [
            "calls_between in statistics.rs",
            "calls_between in statistics/tests.rs",
            "calls_between in store/statistics.rs",
            "contacts_accepted in statistics.rs",
            "contacts_accepted in statistics/tests.rs",
            "contacts_accepted in store/statistics.rs"
        ]
    );
}
