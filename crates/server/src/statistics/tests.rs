use jasmin_consent::chain::Link;
use jasmin_protocol::LedgerDecision;

use super::*;
use crate::testing::{Applicant, SignedInPerson, World, postgres::Postgres};

const NOISELESS: fn(u64, u32, u32) -> Result<i64, String> =
    |count, _, _| Ok(i64::try_from(count).unwrap());

async fn decide(world: &World, by: &SignedInPerson, link: &mut Link, decision: LedgerDecision) {
    world.decide(by, link, "aggregate_stats", decision).await;
}

const WEEK_MS: i64 = 7 * DAY_MS;

/// The last week's groups with somebody in them, without noise and without leaving anything out.
async fn counted(world: &World) -> Vec<String> {
    let counts = counts(world).await;
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

async fn counts(world: &World) -> Counts {
    let app = &world.app;
    let week = Week::of(app.now_ms() - WEEK_MS).unwrap();
    count(&app.store, &app.keys, &week, app.now_ms())
        .await
        .unwrap()
}

/// Two friends, of whom Ada is counted and Bob is not, and a call in the week that is over.
async fn a_week(world: &World) -> (SignedInPerson, SignedInPerson) {
    let (ada, bob) = world.two_friends().await;
    decide(world, &ada, &mut Link::default(), LedgerDecision::Granted).await;
    decide(world, &bob, &mut Link::default(), LedgerDecision::Denied).await;
    // Monday.
    world.clock.advance(DAY_MS);
    let ada = world.signed_in_again(&ada).await;
    let bob = world.signed_in_again(&bob).await;
    world.place(&ada, &bob).await;
    world.clock.advance(WEEK_MS);
    (ada, bob)
}

const ADA: [&str; 5] = [
    "calls_placed 1 or 2: 1",
    "days_with_calls one: 1",
    "last_call_placed with picture: 1",
    "devices one: 1",
    "newest_device Linux: 1",
];

async fn only_who_allows_it_is_counted(world: World) {
    a_week(&world).await;
    assert_eq!(counted(&world).await, ADA);
}

#[tokio::test]
async fn only_who_allows_it_is_counted_on_both_engines() {
    only_who_allows_it_is_counted(World::new().await).await;
    if let Some(server) = Postgres::start() {
        only_who_allows_it_is_counted(World::on(Some(server.url()), |_| {}).await).await;
    }
}

/// What somebody else did is none of one's own answers.
#[tokio::test]
async fn calls_of_others_count_for_nobody() {
    let world = World::new().await;
    let (ada, bob) = a_week(&world).await;
    let ada = world.signed_in_again(&ada).await;
    let bob = world.signed_in_again(&bob).await;
    world.place(&bob, &ada).await;
    world.clock.advance(WEEK_MS);
    assert_eq!(
        counted(&world).await[..2],
        ["calls_placed none: 1", "days_with_calls none: 1"]
    );
}

#[tokio::test]
async fn who_takes_it_back_is_not_counted() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let mut link = Link::default();
    decide(&world, &ada, &mut link, LedgerDecision::Granted).await;
    world.clock.advance(DAY_MS + WEEK_MS);
    assert!(!counted(&world).await.is_empty());
    let ada = world.signed_in_again(&ada).await;
    decide(&world, &ada, &mut link, LedgerDecision::Withdrawn).await;
    assert!(counted(&world).await.is_empty());
    // Allowed again, the week before it stays uncounted.
    decide(&world, &ada, &mut link, LedgerDecision::Granted).await;
    assert!(counted(&world).await.is_empty());
}

#[tokio::test]
async fn a_week_in_which_somebody_turned_eighteen_is_not_counted() {
    let world = World::new().await;
    // Eighteen on the Monday after the one that follows.
    let young = Applicant::new("Kim", "kim@example.org").born("2008-11-30");
    let young = world.join_as(young).await;
    decide(
        &world,
        &young,
        &mut Link::default(),
        LedgerDecision::Granted,
    )
    .await;
    world.clock.advance(DAY_MS + WEEK_MS);
    assert!(counted(&world).await.is_empty(), "seventeen in that week");
    world.clock.advance(WEEK_MS);
    assert!(!counted(&world).await.is_empty());
}

#[tokio::test]
async fn the_last_week_is_released_once() {
    let world = World::new().await;
    let app = &world.app;
    let release = async || {
        let mut noise = NOISELESS;
        release_from(&app.store, &app.keys, app.now_ms(), &mut noise).await
    };
    // 2026-11-22 is a Sunday: its week ends with the day.
    assert_eq!(release().await.unwrap().week, "2026-W46");
    assert!(matches!(release().await, Err(StatisticsError::Released(_))));
    world.clock.advance(DAY_MS);
    assert_eq!(release().await.unwrap().week, "2026-W47");
}

#[tokio::test]
async fn beyond_the_years_budget_nothing_is_released() {
    let world = World::new().await;
    let app = &world.app;
    let dear = |week: &str, epsilon_milli| StatisticsRelease {
        week: week.to_owned(),
        at: String::new(),
        epsilon_milli,
        figures: Vec::new(),
    };
    let put = async |release: StatisticsRelease, at_ms| {
        let mut tx = app.store.begin().await.unwrap();
        tx.put_statistics(&release, at_ms).await.unwrap();
        tx.commit().await.unwrap();
    };
    let mut noise = NOISELESS;
    put(dear("2025-W50", 99_999), app.now_ms() - 366 * DAY_MS).await;
    put(
        dear("2026-W02", YEAR_BUDGET_MILLI - 500),
        app.now_ms() - WEEK_MS,
    )
    .await;
    let fits = release_from(&app.store, &app.keys, app.now_ms(), &mut noise).await;
    assert!(
        fits.is_ok(),
        "another year's does not count, and the last one fits"
    );
    world.clock.advance(DAY_MS);
    let refused = release_from(&app.store, &app.keys, app.now_ms(), &mut noise).await;
    assert!(matches!(
        refused,
        Err(StatisticsError::Spent {
            spent: YEAR_BUDGET_MILLI,
            ..
        })
    ));
}

#[tokio::test]
async fn without_noise_nothing_is_written() {
    let world = World::new().await;
    let app = &world.app;
    let mut broken = |_, _, _| Err("no entropy".to_owned());
    let failed = release_from(&app.store, &app.keys, app.now_ms(), &mut broken).await;
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
    use jasmin_protocol::CallKind::{Audio, Video};
    use proptest::prelude::*;
    let call = (any::<bool>(), any::<i64>());
    let system = prop_oneof!["linux", "macos", "windows", "[a-z]{0,9}"];
    let systems = prop::collection::vec(system, 0..6);
    proptest!(|(calls in prop::collection::vec(call, 0..30), platforms in systems)| {
        let calls = calls.into_iter().map(|(picture, at_ms)| questions::CallPlaced {
            kind: if picture { Video } else { Audio },
            at_ms,
        });
        let seen = Seen { calls: calls.collect(), platforms };
        for question in &QUESTIONS {
            prop_assert!((question.group)(&seen) < question.groups.len());
        }
    });
}

/// What is published of a question, drawn many times: by how much its first two groups differ, in order.
fn drawn(counts: &Counts, noise: fn(u64, u32, u32) -> Result<i64, String>) -> Vec<i64> {
    const DRAWS: usize = 20_000;
    let of_question = vec![counts[0].clone()];
    let mut all: Vec<i64> = (0..DRAWS)
        .map(|_| {
            let mut drawn = Vec::new();
            let mut keeps = |count, sensitivity, epsilon| {
                // Far above what is left out.
                let noised = noise(count + 1_000, sensitivity, epsilon)?;
                drawn.push(noised);
                Ok(noised)
            };
            publishable(&of_question, &mut keeps).unwrap();
            drawn[0] - drawn[1]
        })
        .collect();
    all.sort_unstable();
    all
}

/// The largest of `P(difference >= t)` with one database over that with its neighbour, either way, less what
/// chance does to so many draws (four standard deviations on either side).
fn worst_ratio(here: &[i64], there: &[i64]) -> f64 {
    let tail = |all: &[i64], from: i64| {
        (all.len() - all.partition_point(|one| *one < from)) as f64 / all.len() as f64
    };
    let spread = |p: f64| 4.0 * (p * (1.0 - p) / here.len() as f64).sqrt();
    let over = |p: f64, q: f64| (p - spread(p)) / (q + spread(q));
    (-150..=150)
        .flat_map(|from| {
            let (p, q) = (tail(here, from), tail(there, from));
            [
                over(p, q),
                over(q, p),
                over(1.0 - p, 1.0 - q),
                over(1.0 - q, 1.0 - p),
            ]
        })
        .fold(0.0, f64::max)
}

/// Two servers of which one has a person more who did something, and the question in which that shows.
async fn neighbours() -> (Counts, Counts) {
    let (with, without) = (World::new().await, World::new().await);
    a_week(&with).await;
    without.two_friends().await;
    without.clock.advance(DAY_MS + WEEK_MS);
    let (with, without) = (counts(&with).await, counts(&without).await);
    assert_ne!(with[0], without[0]);
    (with, without)
}

/// Whoever sees the numbers cannot tell two neighbouring databases apart by more than epsilon allows.
#[tokio::test]
async fn neighbours_are_indistinguishable_within_epsilon() {
    let (with, without) = neighbours().await;
    let worst = worst_ratio(
        &drawn(&with, noise::noised),
        &drawn(&without, noise::noised),
    );
    let allowed = (f64::from(QUESTION_EPSILON_MILLI) / 1_000.0).exp();
    assert!(worst <= allowed, "{worst}");
}

/// The test above can fail: noise for an eighth of the change is found out.
#[tokio::test]
async fn too_little_noise_would_be_found() {
    let little = |count, _, epsilon: u32| noise::noised(count, 1, epsilon * 4);
    let (with, without) = neighbours().await;
    let worst = worst_ratio(&drawn(&with, little), &drawn(&without, little));
    let allowed = (f64::from(QUESTION_EPSILON_MILLI) / 1_000.0).exp();
    assert!(worst > allowed, "{worst}");
}

/// Besides noised totals there is no way out: nobody else asks for what the counts are made of.
#[test]
fn no_other_path_leads_to_the_counts() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = std::collections::BTreeSet::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let name = path.strip_prefix(&source).unwrap().display().to_string();
            for word in ["calls_placed(", "platforms(", "STATISTICS.code"] {
                if text.contains(word) && !name.ends_with("tests.rs") {
                    found.insert(format!("{word} in {name}"));
                }
            }
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    assert_eq!(
        found,
        [
            "STATISTICS.code in statistics.rs",
            "calls_placed( in statistics.rs",
            "calls_placed( in store/statistics.rs",
            "platforms( in statistics.rs",
            "platforms( in store/statistics.rs"
        ]
    );
}
