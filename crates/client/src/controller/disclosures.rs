//! What was given about the person under the law, as far as they may know: fetched with each
//! connection, and told until it was looked at.

use jasmin_consent::moment;
use jasmin_protocol::{Disclosure, Disclosures};

use super::actor::Actor;
use crate::{DisclosureView, DisclosuresView, api::ApiError};

/// What is known of it. Only the server has it, so nothing is shown before it was asked.
#[derive(Debug, Default)]
pub(super) struct DisclosureState {
    known: Option<Vec<Disclosure>>,
}

impl Actor {
    pub(super) fn look_at_disclosures(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        let look = async move { account.disclosures().await };
        self.background(look, move |actor, looked: Result<Disclosures, ApiError>| {
            if !actor.is_sign_in(number) {
                return;
            }
            match looked {
                Ok(Disclosures { disclosures }) => {
                    actor.disclosures.known = Some(disclosures);
                    if actor.ledger_state.shown {
                        actor.disclosures_were_seen();
                    }
                }
                Err(error) => tracing::info!(%error, "disclosures are not known anew"),
            }
        });
    }

    /// The page shows them.
    pub(super) fn disclosures_were_seen(&mut self) {
        for disclosure in self.disclosures.known.iter().flatten() {
            self.dirty |= self.seen_disclosures.insert(disclosure.case.clone());
        }
    }

    pub(super) fn disclosures_view(&self) -> DisclosuresView {
        let known = self.disclosures.known.as_deref();
        let all = known.unwrap_or_default();
        let unread = all
            .iter()
            .filter(|one| !self.seen_disclosures.contains(&one.case))
            .count();
        DisclosuresView {
            known: known.is_some(),
            unread: u32::try_from(unread).unwrap_or(u32::MAX),
            list: all.iter().map(view).collect(),
        }
    }
}

fn view(disclosure: &Disclosure) -> DisclosureView {
    #[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
    let given_at_ms = moment::read(&disclosure.given_at).unwrap_or_default() as f64;
    DisclosureView {
        case: disclosure.case.clone(),
        ground: disclosure.ground,
        authority: disclosure.authority.clone(),
        reference: disclosure.reference.clone(),
        legal_basis: disclosure.legal_basis.clone(),
        received: disclosure.received.clone(),
        given_at_ms,
        fields: disclosure
            .fields
            .iter()
            .map(|field| field.what.clone())
            .collect(),
        barred_until: disclosure.barred_until.clone(),
    }
}
