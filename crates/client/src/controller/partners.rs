//! Purposes of the whole account: what partners may have, and whether one is counted. What was decided is
//! in the ledger; the gate is the server's, and it tells what passed.

use std::collections::BTreeMap;

use jasmin_consent::purpose;
use jasmin_protocol::{
    AskedIn, Gesture, LedgerDecision, LedgerDuration, Partner, PartnerStatus, Partners, Passing,
    ShareField, Shares,
};

use super::actor::{Actor, failure};
use crate::{
    AccountAnswer, AccountConsentView, AccountPurpose, ConsentState, Failure, FailureCode,
    PartnerView, PartnersView, PassingView,
    api::ApiError,
    clock::local_ms,
    ledger::{self, AccountWord, AccountWords, NewRecord},
};

/// What the server says of partners. Only it has that, so nothing is shown before it was asked.
#[derive(Debug, Default)]
pub(super) struct PartnerState {
    known: Option<(Vec<Partner>, Shares)>,
}

impl PartnerState {
    pub(super) fn partner(&self, id: &str) -> Option<&Partner> {
        let (partners, _) = self.known.as_ref()?;
        partners.iter().find(|partner| partner.id == id)
    }
}

impl Actor {
    pub(super) fn look_at_partners(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        let look = async move {
            let Partners { partners } = account.partners().await?;
            let shares = account.shares().await?;
            let has_moments = |passing: &Passing| {
                let mut answered = passing.answered_at.iter();
                moment(&passing.at).is_some() && answered.all(|at| moment(at).is_some())
            };
            if !shares.passings.iter().all(has_moments) {
                return Err(ApiError::Unexpected { status: 200 });
            }
            Ok((partners, shares))
        };
        self.background(look, move |actor, looked: Result<_, ApiError>| {
            if !actor.is_sign_in(number) {
                return;
            }
            match looked {
                Ok(known) => actor.partners.known = Some(known),
                Err(error) => tracing::info!(%error, "partners are not known anew"),
            }
        });
    }

    /// Writes down what the person decided about the whole account.
    pub(super) fn decide_for_account(
        &mut self,
        purpose: &AccountPurpose,
        answer: AccountAnswer,
        gesture: Gesture,
    ) -> Result<(), Failure> {
        if let (AccountPurpose::Share { partner, field }, AccountAnswer::Allow) = (purpose, answer)
        {
            self.may_be_shared(partner, *field)?;
        }
        let now = match answer {
            AccountAnswer::Allow => LedgerDecision::Granted,
            AccountAnswer::Deny => LedgerDecision::Denied,
            AccountAnswer::Withdraw => LedgerDecision::Withdrawn,
        };
        self.policies_take_effect();
        self.record_for_account(purpose, now, Some(gesture))
    }

    /// Takes back all that a partner may have.
    pub(super) fn stop_sharing(&mut self, partner: &str, gesture: Gesture) -> Result<(), Failure> {
        let own = |purpose: &AccountPurpose| match purpose {
            AccountPurpose::Share { partner: id, .. } => id == partner,
            AccountPurpose::Statistics | AccountPurpose::PolicyNews => false,
        };
        for purpose in self.allowed_for_account().into_iter().filter(own) {
            self.record_for_account(&purpose, LedgerDecision::Withdrawn, Some(gesture))?;
        }
        Ok(())
    }

    /// Takes back all that is allowed for the whole account.
    pub(super) fn withdraw_all_for_account(&mut self, gesture: Gesture) -> Result<(), Failure> {
        for purpose in self.allowed_for_account() {
            self.record_for_account(&purpose, LedgerDecision::Withdrawn, Some(gesture))?;
        }
        Ok(())
    }

    /// Ends each yes that the policies in force have ended; the server's gate has by itself.
    pub(super) fn supersede_for_account(&mut self) {
        let now_ms = self.clock.now_ms();
        let words = self.ledger.account_words();
        for purpose in self.allowed_for_account() {
            let code = ledger::account_code(&purpose);
            let under = words.get(&code).and_then(|word| word.policy.as_deref());
            if self.policies.has_ended(&code, under, now_ms)
                && let Err(error) =
                    self.record_for_account(&purpose, LedgerDecision::Superseded, None)
            {
                tracing::info!(%error, "what the policies ended is not written down yet");
            }
        }
    }

    fn may_be_shared(&self, partner: &str, field: ShareField) -> Result<(), Failure> {
        let no = |detail| Err(failure(FailureCode::NotNow, detail));
        let Some((_, shares)) = &self.partners.known else {
            return no("the server was not asked yet");
        };
        if !shares.may_share {
            return no("nothing is shared of people under 18");
        }
        match self.partners.partner(partner) {
            Some(known) if known.open && known.fields.contains(&field) => Ok(()),
            Some(_) => no("nothing can go to this partner now"),
            None => no("there is no such partner"),
        }
    }

    fn record_for_account(
        &mut self,
        purpose: &AccountPurpose,
        decision: LedgerDecision,
        gesture: Option<Gesture>,
    ) -> Result<(), Failure> {
        let signed_in = self
            .signed_in
            .as_ref()
            .ok_or_else(|| failure(FailureCode::NotNow, "nobody is signed in"))?;
        let account = signed_in.account.clone();
        let asked = matches!(decision, LedgerDecision::Granted | LedgerDecision::Denied);
        let scope = match purpose {
            AccountPurpose::Share { partner, .. } if asked => {
                self.partners.partner(partner).map(purpose::scope_of)
            }
            AccountPurpose::Share { .. }
            | AccountPurpose::Statistics
            | AccountPurpose::PolicyNews => None,
        };
        let new = NewRecord {
            purpose: ledger::account_code(purpose),
            scope,
            decision,
            duration: (decision == LedgerDecision::Granted)
                .then_some(LedgerDuration::UntilWithdrawn),
            policy_set: self.policies.in_force(self.clock.now_ms()),
            notice: asked.then(|| ledger::account_asked_with(purpose)).flatten(),
            asked_in: AskedIn::Settings,
            gesture,
            at_ms: local_ms(),
        };
        self.ledger
            .add_record(new, &super::ledger::signer(&account));
        self.dirty = true;
        self.sync_ledger();
        Ok(())
    }

    fn allowed_for_account(&self) -> Vec<AccountPurpose> {
        let is_yes = |word: &AccountWord| word.decision == LedgerDecision::Granted;
        let words = self.ledger.account_words();
        let allowed = words.iter().filter(|(_, word)| is_yes(word));
        allowed.filter_map(|(code, _)| purpose_of(code)).collect()
    }

    /// How a purpose of the whole account stands, by all words that count.
    pub(super) fn account_consent(
        purpose: AccountPurpose,
        words: &AccountWords,
    ) -> AccountConsentView {
        let word = words.get(&ledger::account_code(&purpose));
        let state = word.map_or(ConsentState::NeverAsked, |word| match word.decision {
            LedgerDecision::Granted => ConsentState::Allowed,
            LedgerDecision::Denied => ConsentState::Denied,
            LedgerDecision::Withdrawn => ConsentState::Withdrawn,
            LedgerDecision::Superseded => ConsentState::Superseded,
            LedgerDecision::Expired => ConsentState::NeverAsked,
        });
        AccountConsentView {
            purpose,
            state,
            since_ms: word.map(|word| ms(word.at_ms)),
            told: word.is_none_or(|word| word.told),
        }
    }

    pub(super) fn partners_view(&self, words: &AccountWords) -> PartnersView {
        let (known, partners, shares) = match &self.partners.known {
            Some((partners, shares)) => (true, partners.as_slice(), Some(shares)),
            None => (false, [].as_slice(), None),
        };
        let named = partners
            .iter()
            .map(|partner| Self::partner_view(partner, shares, words));
        // What is allowed is shown and can be taken back, whatever the server says, or before it does.
        let mut others: BTreeMap<String, Vec<AccountConsentView>> = BTreeMap::new();
        for (code, word) in words {
            let Some((partner, field)) = purpose::shared_with(code) else {
                continue;
            };
            let is_named = partners.iter().any(|named| named.id == partner);
            if !is_named && word.decision == LedgerDecision::Granted {
                let partner = partner.to_owned();
                let fields = others.entry(partner.clone()).or_default();
                let purpose = AccountPurpose::Share { partner, field };
                fields.push(Self::account_consent(purpose, words));
            }
        }
        let others = others.into_iter().map(|(id, fields)| unnamed(id, fields));
        PartnersView {
            known,
            may_share: shares.is_some_and(|shares| shares.may_share),
            list: named.chain(others).collect(),
        }
    }

    fn partner_view(
        partner: &Partner,
        shares: Option<&Shares>,
        words: &AccountWords,
    ) -> PartnerView {
        let undertaking = partner.undertaking.as_ref();
        let consent = |field: &ShareField| {
            let partner = partner.id.clone();
            let field = *field;
            Self::account_consent(AccountPurpose::Share { partner, field }, words)
        };
        let passings = shares.into_iter().flat_map(|shares| &shares.passings);
        let passings = passings.filter(|passing| passing.partner == partner.id);
        PartnerView {
            id: partner.id.clone(),
            name: partner.name.clone(),
            legal_entity: partner.legal_entity.clone(),
            country: partner.country.clone(),
            purpose: partner.purpose.clone(),
            retention: partner.retention.clone(),
            status: partner.status,
            open: partner.open,
            signed_on: undertaking.map(|signed| signed.signed_on.clone()),
            review_by: undertaking.map(|signed| signed.review_by.clone()),
            undertaking: undertaking.map(|signed| hex(&signed.hash.0)),
            fields: partner.fields.iter().map(consent).collect(),
            passings: passings.filter_map(passing_view).collect(),
        }
    }
}

/// `None` for a moment that is none; such an answer was not taken.
fn passing_view(passing: &Passing) -> Option<PassingView> {
    Some(PassingView {
        id: passing.id.clone(),
        kind: passing.kind,
        fields: passing.fields.clone(),
        at_ms: moment(&passing.at)?,
        state: passing.state,
        answered_at_ms: passing.answered_at.as_deref().and_then(moment),
    })
}

/// A partner of which no more is known than that something is allowed.
fn unnamed(id: String, fields: Vec<AccountConsentView>) -> PartnerView {
    PartnerView {
        name: id.clone(),
        id,
        legal_entity: String::new(),
        country: String::new(),
        purpose: String::new(),
        retention: String::new(),
        status: PartnerStatus::Suspended,
        open: false,
        signed_on: None,
        review_by: None,
        undertaking: None,
        fields,
        passings: Vec::new(),
    }
}

fn purpose_of(code: &str) -> Option<AccountPurpose> {
    let share = purpose::shared_with(code).map(|(partner, field)| AccountPurpose::Share {
        partner: partner.to_owned(),
        field,
    });
    let whole = [AccountPurpose::Statistics, AccountPurpose::PolicyNews];
    let named = |purpose: &AccountPurpose| ledger::account_code(purpose) == code;
    share.or_else(|| whole.into_iter().find(named))
}

fn moment(text: &str) -> Option<f64> {
    jasmin_consent::moment::read(text).map(ms)
}

#[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
fn ms(at: i64) -> f64 {
    at as f64
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
