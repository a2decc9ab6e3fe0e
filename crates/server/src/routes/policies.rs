use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use jasmin_consent::policy;
use jasmin_protocol::{PolicySet, PolicySetRef, PolicySets, PolicyTexts};

use crate::{
    app::{App, Shared},
    extract::Throttled,
    problem::Failure,
    store::Conn,
};

/// All policy sets that were ever published, oldest first: for anybody.
#[utoipa::path(get, path = "/v1/policies", operation_id = "policies",
    responses((status = 200, body = PolicySets), Failure))]
pub(crate) async fn sets(
    _: Throttled,
    State(app): State<Shared>,
) -> Result<Json<PolicySets>, Failure> {
    let sets = app.store.read().await?.policy_sets().await?;
    Ok(Json(PolicySets { sets }))
}

/// The texts of one set: for anybody.
#[utoipa::path(get, path = "/v1/policies/{version}", operation_id = "policy_texts",
    params(("version" = String, Path, description = "`major.minor.patch`")),
    responses((status = 200, body = PolicyTexts), Failure))]
pub(crate) async fn texts(
    _: Throttled,
    State(app): State<Shared>,
    version: Result<Path<String>, PathRejection>,
) -> Result<Json<PolicyTexts>, Failure> {
    let Path(version) = version.map_err(|_| Failure::not_found())?;
    if policy::parts(&version).is_none() {
        return Err(Failure::not_found());
    }
    let texts = app.store.read().await?.policy_texts(&version).await?;
    let texts = texts.ok_or_else(Failure::not_found)?;
    Ok(Json(PolicyTexts { version, texts }))
}

/// All published sets, out of their signatures: this server signed them itself.
pub(crate) async fn published(conn: &mut Conn) -> Result<Vec<PolicySet>, Failure> {
    let sets = conn.policy_sets().await?;
    Ok(sets.into_iter().map(|signed| signed.set).collect())
}

impl App {
    /// The version that a sign-up accepts: the one in force, by name and hashes. Empty where there is
    /// none.
    pub(crate) async fn accepted_policy(
        &self,
        accepted: Option<&PolicySetRef>,
    ) -> Result<String, Failure> {
        let sets = published(&mut self.store.read().await?).await?;
        let in_force = policy::in_force(&sets, self.now_ms()).and_then(policy::reference);
        match (in_force, accepted) {
            (None, None) => Ok(String::new()),
            (Some(in_force), Some(accepted)) if in_force == *accepted => Ok(in_force.version),
            (Some(_), None) => Err(Failure::field("#/policy_set", "missing")),
            (Some(_) | None, Some(_)) => Err(Failure::field("#/policy_set", "wrong")),
        }
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{RegisterChallenge, RegisterFinish};

    use super::*;
    use crate::testing::{Answer, Applicant, World, publish};

    async fn register(world: &World, email: &str, accept: impl Fn(&mut RegisterFinish)) -> Answer {
        let applicant = Applicant::new("Ada", email);
        let challenge: RegisterChallenge = world
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .ok();
        let mut finish = applicant.finish(&challenge);
        accept(&mut finish);
        world.post("/v1/auth/register/finish", &finish).await
    }

    #[tokio::test]
    async fn a_sign_up_accepts_the_set_in_force_and_no_other() {
        let world = World::new().await;
        let none = register(&world, "a@example.org", |_| {}).await;
        assert_eq!(none.status(), 202, "there are no policies");
        let first = publish(&world, "1.0.0", "2026-11-01", "little").await;
        let coming = publish(&world, "1.1.0", "2027-02-01", "more").await;
        let reference = policy::reference(&first).unwrap();

        let without = register(&world, "b@example.org", |_| {}).await;
        assert_eq!(without.pointer(), "#/policy_set");
        let early = policy::reference(&coming).unwrap();
        let early = register(&world, "c@example.org", |finish| {
            finish.policy_set = Some(early.clone());
        });
        assert_eq!(early.await.pointer(), "#/policy_set", "not yet in force");
        let mut forged = reference.clone();
        forged.privacy_policy.0[0] ^= 1;
        let other = register(&world, "d@example.org", |finish| {
            finish.policy_set = Some(forged.clone());
        });
        assert_eq!(other.await.pointer(), "#/policy_set", "another text");
        let right = register(&world, "e@example.org", |finish| {
            finish.policy_set = Some(reference.clone());
        });
        assert_eq!(right.await.status(), 202);
    }

    #[tokio::test]
    async fn anybody_can_read_every_set_for_ever() {
        let world = World::new().await;
        let empty: PolicySets = world.get("/v1/policies").await.ok();
        assert_eq!(empty.sets, []);
        publish(&world, "1.0.0", "2026-11-01", "little").await;
        publish(&world, "1.1.0", "2027-02-01", "more").await;
        let answer: PolicySets = world.get("/v1/policies").await.ok();
        let key =
            jasmin_protocol::Base64(world.app.keys.ledger.verifying_key().to_bytes().to_vec());
        let sets = policy::check(answer.sets, &key).unwrap();
        let versions: Vec<_> = sets.iter().map(|set| set.version.as_str()).collect();
        assert_eq!(versions, ["1.0.0", "1.1.0"]);
        for set in &sets {
            let texts: PolicyTexts = world
                .get(&format!("/v1/policies/{}", set.version))
                .await
                .ok();
            assert!(policy::texts_fit(set, &texts.texts));
        }
        for other in ["2.0.0", "1.0", "x", "%00", "1.0.0%2f..", "1.0.0'--"] {
            let answer = world.get(&format!("/v1/policies/{other}")).await;
            assert_eq!(answer.status(), 404, "{other}");
        }
    }
}
