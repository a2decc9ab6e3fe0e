//! Policies and the server: what it has published is fetched, shown, and takes effect on its day.

use std::time::{Duration, Instant};

use jasmin_protocol::Base64;

use super::actor::{Actor, failure};
use crate::{
    Failure, FailureCode, PoliciesView, PolicyPage, ShownPolicy,
    api::{Api, ApiError},
    ledger,
    policies::Policies,
};

/// After a failure: while nothing is known, nobody can sign up.
const PAUSE: Duration = Duration::from_secs(30);
const LONG_PAUSE: Duration = Duration::from_secs(10 * 60);
/// News can wait for so long: they come thirty days ahead.
const LOOK_EACH: Duration = Duration::from_secs(6 * 60 * 60);

/// What goes on with the policies.
#[derive(Debug, Default)]
pub(super) struct PolicyState {
    /// The version on the page.
    shown: Option<String>,
    /// What there is to show of it, and of which version: made once.
    page: Option<(String, PolicyPage)>,
    busy: bool,
    /// There was a reason to look while it was busy.
    again: bool,
    look_at: Option<Instant>,
    effective_at: Option<Instant>,
    /// The last try failed.
    failed: bool,
    /// What the server says does not fit what it said before.
    trouble: bool,
}

impl PolicyState {
    pub(super) fn due(&self) -> Option<Instant> {
        let look_at = self.look_at.filter(|_| !self.busy);
        [look_at, self.effective_at].into_iter().flatten().min()
    }
}

/// What a look at the server gave.
struct Looked {
    policies: Policies,
    is_whole: bool,
    fits: bool,
}

impl Actor {
    /// Fetches what the server has published; also before anybody is signed in.
    pub(super) fn look_at_policies(&mut self) {
        if self.policy_state.busy {
            self.policy_state.again = true;
            return;
        }
        self.policy_state.look_at = Some(Instant::now() + LOOK_EACH);
        let Ok(api) = self.api() else { return };
        self.policy_state.busy = true;
        let server = api.server().to_string();
        if !self.policies.is_of(&server) {
            self.policies = std::mem::take(&mut self.policies).of(&server);
            self.policy_state.shown = None;
            self.policy_state.page = None;
        }
        let known = self.policies.clone();
        let pinned = self.ledger.key().cloned();
        let also = self.policy_state.shown.clone();
        let look = look(api, known, pinned, also);
        self.background(look, move |actor, looked| {
            actor.policy_state.busy = false;
            let here = actor.server.as_ref().map(ToString::to_string);
            if here.as_ref() == Some(&server) {
                actor.policies_were_seen(looked);
            } else {
                actor.policy_state.again = true;
            }
            if std::mem::take(&mut actor.policy_state.again) {
                actor.look_at_policies();
            }
        });
    }

    fn policies_were_seen(&mut self, looked: Result<Looked, ApiError>) {
        let state = &mut self.policy_state;
        let rest = match looked {
            Ok(Looked {
                mut policies,
                is_whole,
                fits,
            }) => {
                policies.keep_opened(&self.policies);
                state.failed = !is_whole;
                state.trouble = !fits;
                if self.policies != policies {
                    self.policies = policies;
                    self.dirty = true;
                }
                if is_whole { LOOK_EACH } else { LONG_PAUSE }
            }
            Err(error) => {
                tracing::info!(%error, "the policies are not known anew");
                state.failed = true;
                if self.policies.is_known() {
                    LONG_PAUSE
                } else {
                    PAUSE
                }
            }
        };
        self.policy_state.look_at = Some(Instant::now() + rest);
        self.note_opened();
        self.policies_take_effect();
    }

    pub(super) fn policies_pass_time(&mut self, now: Instant) {
        if self.policy_state.look_at.is_some_and(|at| at <= now) {
            self.look_at_policies();
            self.look_at_disclosures();
            self.look_at_partners();
        }
        if self.policy_state.effective_at.is_some_and(|at| at <= now) {
            self.policies_take_effect();
        }
    }

    /// Ends what a set in force has ended: that is asked again when it is needed.
    pub(super) fn policies_take_effect(&mut self) {
        let now_ms = self.clock.now_ms();
        self.gate.policy_is(self.policies.in_force(now_ms));
        let policies = &self.policies;
        let ended = self.gate.supersede(
            |purpose, under| policies.has_ended(ledger::code(purpose), under, now_ms),
            crate::clock::local_ms(),
        );
        for purpose in ended {
            tracing::info!(?purpose, "the policies changed: it is asked again");
            self.dirty = true;
            self.close_withdrawn(purpose);
        }
        self.supersede_for_account();
        let next_ms = self.policies.next_effective_ms(now_ms);
        self.policy_state.effective_at = next_ms.map(|at_ms| {
            // A moment late, and no longer than a look: clocks are set.
            let wait = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
            let wait = wait.saturating_add(50);
            Instant::now() + Duration::from_millis(wait).min(LOOK_EACH)
        });
    }

    /// Shows the documents of a version, or puts them away.
    pub(super) fn show_policy(&mut self, version: Option<String>) -> Result<(), Failure> {
        let is_known = |version: &String| {
            let sets = self.policies.views();
            sets.iter().any(|set| set.version == *version)
        };
        if version.as_ref().is_some_and(|version| !is_known(version)) {
            return Err(failure(FailureCode::NotNow, "there is no such version"));
        }
        self.policy_state.shown = version;
        if !self.note_opened() && self.policy_state.shown.is_some() {
            self.policy_state.failed = false;
            self.look_at_policies();
        }
        Ok(())
    }

    /// What is on the page with its texts was opened. Says whether it is.
    fn note_opened(&mut self) -> bool {
        let Some(shown) = self.policy_state.shown.clone() else {
            return false;
        };
        let is_made = |page: &(String, PolicyPage)| page.0 == shown;
        if !self.policy_state.page.as_ref().is_some_and(is_made) {
            let page = self.policies.page(&shown);
            self.policy_state.page = page.map(|page| (shown.clone(), page));
        }
        if self.policy_state.page.is_none() {
            return false;
        }
        self.dirty |= self.policies.open(&shown);
        true
    }

    pub(super) fn policies_view(&self) -> PoliciesView {
        let now_ms = self.clock.now_ms();
        let shown = self.policy_state.shown.as_ref().map(|version| ShownPolicy {
            version: version.clone(),
            page: match &self.policy_state.page {
                Some((of, page)) if of == version => page.clone(),
                _ if self.policy_state.failed || self.policies.is_unreadable(version) => {
                    PolicyPage::Failed
                }
                _ => PolicyPage::Loading,
            },
        });
        PoliciesView {
            known: self.policies.is_known(),
            sets: self.policies.views(),
            in_force: self.policies.in_force(now_ms).map(|set| set.version),
            unread: self.policies.unread().map(str::to_owned),
            trouble: self.policy_state.trouble,
            shown,
        }
    }
}

async fn look(
    api: Api,
    mut policies: Policies,
    pinned: Option<Base64>,
    also: Option<String>,
) -> Result<Looked, ApiError> {
    let key = match pinned.or_else(|| policies.key().cloned()) {
        Some(key) => key,
        None => api.transparency().await?.ledger_key,
    };
    let sets = api.policies().await?;
    if let Err(fault) = policies.take(key, sets, api.clock().now_ms()) {
        tracing::warn!(%fault, "the server's policies do not fit");
        return Ok(Looked {
            policies,
            is_whole: false,
            fits: false,
        });
    }
    let mut missing = policies.missing_texts(api.clock().now_ms());
    missing.extend(
        also.iter()
            .filter(|version| policies.page(version).is_none())
            .flat_map(|version| policies.needed_for(version)),
    );
    let mut is_whole = true;
    for version in missing {
        let texts = match api.policy_texts(&version).await {
            Ok(texts) => texts,
            Err(error) => {
                tracing::warn!(%error, version, "the texts of a policy set cannot be had");
                is_whole = false;
                continue;
            }
        };
        if !policies.put_texts(&version, texts.texts) {
            tracing::warn!(
                version,
                "the texts of a policy set are not those that it names"
            );
            is_whole = false;
        }
    }
    Ok(Looked {
        policies,
        is_whole,
        fits: true,
    })
}
