use axum::{Json, extract::State};
use jasmin_protocol::{Disclosure, DisclosureCommitment, Disclosures};

use crate::{
    app::{App, Shared},
    disclosures::{Case, Notice, Register, field_words},
    extract::Caller,
    problem::Failure,
};

/// What was given about me under the law, newest first, as far as I may know by now.
#[utoipa::path(get, path = "/v1/disclosures", operation_id = "disclosures", security(("token" = [])),
    responses((status = 200, body = Disclosures), Failure))]
pub(crate) async fn mine(
    caller: Caller,
    State(app): State<Shared>,
) -> Result<Json<Disclosures>, Failure> {
    let register = app.register().await?;
    let now_ms = app.now_ms();
    let mut disclosures: Vec<Disclosure> = register
        .cases
        .iter()
        .filter(|(_, case)| case.request.subject == caller.user && case.may_be_seen(now_ms))
        .filter_map(|(number, case)| shown(&number.to_string(), case))
        .collect();
    disclosures.sort_by(|a, b| b.given_at.cmp(&a.given_at));
    Ok(Json(Disclosures { disclosures }))
}

fn shown(number: &str, case: &Case) -> Option<Disclosure> {
    let given = case.given.as_ref()?;
    let request = &case.request;
    Some(Disclosure {
        case: number.to_owned(),
        ground: request.ground,
        authority: request.authority.clone(),
        reference: request.reference.clone(),
        legal_basis: request.legal_basis.clone(),
        received: request.received.clone(),
        given_at: given.at.clone(),
        fields: given
            .fields
            .iter()
            .map(|field| field_words(field))
            .collect(),
        barred_until: match &request.notice {
            Notice::BarredUntil { day, .. } => Some(day.clone()),
            Notice::Sent | Notice::DelayedUntil { .. } => None,
        },
    })
}

impl App {
    async fn register(&self) -> Result<Register, Failure> {
        let events = self
            .store
            .read()
            .await?
            .disclosure_events(&self.keys)
            .await?;
        Register::read(events).map_err(|error| {
            tracing::error!(%error, "the register of disclosures");
            Failure::internal(error.to_string())
        })
    }

    /// What everybody may know of each disclosure, newest first.
    pub(crate) async fn commitments(&self) -> Result<Vec<DisclosureCommitment>, Failure> {
        let register = self.register().await?;
        let mut all: Vec<DisclosureCommitment> = register
            .cases
            .values()
            .filter_map(|case| {
                let given = case.given.as_ref()?;
                Some(DisclosureCommitment {
                    day: given.at.chars().take(10).collect(),
                    ground: case.request.ground,
                    hash: jasmin_protocol::Base64(given.hash.to_vec()),
                })
            })
            .collect();
        all.sort_by(|a, b| b.day.cmp(&a.day).then(a.hash.0.cmp(&b.hash.0)));
        Ok(all)
    }
}
