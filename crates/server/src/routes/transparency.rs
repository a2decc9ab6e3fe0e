use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jasmin_consent::{chain, merkle, moment};
use jasmin_protocol::{Base64, DailyRoot, LeafProof, RootProof, Transparency};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::{App, Shared},
    extract::{Caller, Throttled},
    problem::Failure,
};

const DAY_MS: i64 = 86_400_000;
/// By then, whatever came in before midnight is committed.
const SETTLED_MS: i64 = 60_000;
const MOST_ROOTS: i64 = 400;

/// With which key ledgers are signed, and what the server committed itself to: for anybody.
#[utoipa::path(get, path = "/v1/transparency", operation_id = "transparency",
    responses((status = 200, body = Transparency), Failure))]
pub(crate) async fn transparency(
    _: Throttled,
    State(app): State<Shared>,
) -> Result<Json<Transparency>, Failure> {
    Ok(Json(Transparency {
        ledger_key: Base64(app.keys.ledger.verifying_key().to_bytes().to_vec()),
        roots: app.store.read().await?.roots(MOST_ROOTS).await?,
        disclosures: app.commitments().await.ok(),
    }))
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Day {
    /// `YYYY-MM-DD`.
    day: String,
}

/// That my ledger is in a day's tree.
#[utoipa::path(get, path = "/v1/transparency/proof", operation_id = "root_proof", params(Day), security(("token" = [])),
    responses((status = 200, body = RootProof), Failure))]
pub(crate) async fn proof(
    caller: Caller,
    State(app): State<Shared>,
    day: Result<Query<Day>, QueryRejection>,
) -> Result<Json<RootProof>, Failure> {
    let Ok(Query(Day { day })) = day else {
        return Err(Failure::malformed("The query takes day=<YYYY-MM-DD> only."));
    };
    let start_ms = moment::read(&format!("{day}T00:00:00.000Z")).ok_or_else(Failure::not_found)?;
    let mut conn = app.store.read().await?;
    let is_committed = conn
        .roots(MOST_ROOTS)
        .await?
        .iter()
        .any(|root| root.day == day);
    if !is_committed {
        return Err(Failure::not_found());
    }
    let heads = conn.consent_heads(start_ms + DAY_MS).await?;
    let index = heads.iter().position(|(user, _)| *user == caller.user);
    let leaves: Vec<[u8; 32]> = heads.into_iter().map(|(_, head)| head).collect();
    let leaf = index.and_then(|index| {
        let way = merkle::proof(&leaves, index)?;
        Some(LeafProof {
            index: index as u64,
            way: way.into_iter().map(|hash| Base64(hash.to_vec())).collect(),
        })
    });
    Ok(Json(RootProof { day, leaf }))
}

impl App {
    /// Commits to the ledgers of each day that is over and has no root. Returns how many days.
    pub(crate) async fn commit_to_days(&self) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let yesterday = moment::day(now_ms - SETTLED_MS - DAY_MS);
        let newest = self.store.read().await?.roots(1).await?.pop();
        if newest.map(|root| root.day) >= yesterday {
            return Ok(0);
        }
        let mut tx = self.store.begin().await?;
        tx.lock(crate::keys::digest(&[b"roots"])).await?;
        let Some(first_ms) = tx.first_consent_ms().await? else {
            tx.rollback().await?;
            return Ok(0);
        };
        let done = tx.roots(1).await?.pop().map(|root| root.day);
        let today = (now_ms - SETTLED_MS).div_euclid(DAY_MS);
        let mut made = 0;
        for number in first_ms.div_euclid(DAY_MS)..today {
            let Some(day) = moment::day(number * DAY_MS) else {
                continue;
            };
            if done.as_ref().is_some_and(|done| *done >= day) {
                continue;
            }
            let heads = tx.consent_heads((number + 1) * DAY_MS).await?;
            let leaves: Vec<[u8; 32]> = heads.into_iter().map(|(_, head)| head).collect();
            let mut root = DailyRoot {
                day,
                leaves: leaves.len() as u64,
                root: Base64(merkle::root(&leaves).to_vec()),
                signature: Base64::default(),
            };
            chain::sign_root(&mut root, &self.keys.ledger);
            tx.put_root(&root, now_ms).await?;
            made += 1;
        }
        tx.commit().await?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use jasmin_consent::chain::{Link, entry_hash, root_is_signed};
    use jasmin_protocol::{Consents, TellConsents};

    use super::*;
    use crate::testing::{SignedInPerson, World};

    async fn decide(world: &World, by: &SignedInPerson, link: &mut Link) -> [u8; 32] {
        let records = vec![by.decide(link, world.app.now_ms())];
        let told: Consents = world
            .request("POST", "/v1/consents")
            .by(by)
            .json(&TellConsents { records })
            .send()
            .await
            .ok();
        entry_hash(&told.entries[0])
    }

    #[tokio::test]
    async fn each_day_that_is_over_has_a_root_over_the_heads_of_its_end() {
        let world = World::new().await;
        let commit = async || world.app.commit_to_days().await.unwrap();
        assert_eq!(commit().await, 0, "nobody decided anything");
        let ada = world.join("Ada", "ada@example.org").await;
        let (mut of_ada, mut of_bob) = (Link::default(), Link::default());
        decide(&world, &ada, &mut of_ada).await;
        let ada_head = decide(&world, &ada, &mut of_ada).await;
        assert_eq!(commit().await, 0, "the day is not over");

        // The world begins at noon.
        world.clock.advance(DAY_MS / 2);
        let bob = world.join("Bob", "bob@example.org").await;
        let bob_head = decide(&world, &bob, &mut of_bob).await;
        world.clock.advance(SETTLED_MS);
        assert_eq!(commit().await, 1);
        assert_eq!(commit().await, 0, "once");
        world.clock.advance(2 * DAY_MS);
        assert_eq!(commit().await, 2, "days without news, too");

        let answer: Transparency = world.get("/v1/transparency").await.ok();
        let days: Vec<_> = answer.roots.iter().map(|root| root.day.as_str()).collect();
        assert_eq!(days, ["2026-11-24", "2026-11-23", "2026-11-22"]);
        let first = &answer.roots[2];
        assert_eq!(
            (first.leaves, &first.root.0[..]),
            (1, &merkle::root(&[ada_head])[..])
        );
        let second = &answer.roots[1];
        let mut heads = [
            (ada.session.user_id, ada_head),
            (bob.session.user_id, bob_head),
        ];
        heads.sort();
        let heads = heads.map(|(_, head)| head);
        assert_eq!(
            (second.leaves, &second.root.0[..]),
            (2, &merkle::root(&heads)[..])
        );
        // The tokens of days ago are over.
        let (ada, bob) = (
            world.another_device(&ada).await,
            world.another_device(&bob).await,
        );
        for (person, day, place) in [(&ada, "2026-11-22", 0), (&bob, "2026-11-23", 1)] {
            let proof: RootProof = world
                .get_as(person, &format!("/v1/transparency/proof?day={day}"))
                .await
                .ok();
            let root = answer.roots.iter().find(|root| root.day == day).unwrap();
            let head = if place == 0 { ada_head } else { bob_head };
            let leaf = proof.leaf.unwrap();
            let way: Vec<[u8; 32]> = leaf
                .way
                .iter()
                .map(|hash| hash.0.clone().try_into().unwrap())
                .collect();
            let (index, leaves) = (leaf.index as usize, root.leaves as usize);
            let top = root.root.0.clone().try_into().unwrap();
            assert!(merkle::proves(&way, &head, index, leaves, &top), "{day}");
        }
        let before: RootProof = world
            .get_as(&bob, "/v1/transparency/proof?day=2026-11-22")
            .await
            .ok();
        assert_eq!(before.leaf, None, "Bob had none by then");
        for day in ["2026-11-25", "yesterday"] {
            let answer = world
                .get_as(&bob, &format!("/v1/transparency/proof?day={day}"))
                .await;
            assert_eq!(answer.status(), 404, "{day}");
        }
        for root in &answer.roots {
            assert!(root_is_signed(root, &answer.ledger_key));
            let other = DailyRoot {
                leaves: root.leaves + 1,
                ..root.clone()
            };
            assert!(!root_is_signed(&other, &answer.ledger_key));
        }
    }
}
