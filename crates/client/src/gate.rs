//! The gate in front of camera and microphone: nothing opens them without a live [`Grant`], and a
//! grant comes from a person's answer only.
//!
//! State and rules, no devices and no I/O: the controller asks the gate, shows the question that
//! the gate wants asked, and passes grants on to whoever opens a device. Withdrawal cancels the
//! token inside every live grant. The ledger takes its records from [`Gate::take_unrecorded`].

use std::{
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Weak},
};

use jasmin_protocol::{AskedIn, CallId, Gesture, NoticeRef, PolicySetRef};
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{ConsentState, ConsentView, PromptAnswer, Purpose, ledger};

/// For so long a "not now" is respected before the same question comes up by itself again.
const ASK_AGAIN_AFTER_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// Marks a grant for the camera.
#[derive(Debug)]
pub enum Camera {}
/// Marks a grant for the microphone.
#[derive(Debug)]
pub enum Microphone {}

/// A purpose as a type, so that a microphone's grant cannot open a camera.
pub trait Granted: Send + 'static {
    /// The purpose.
    const PURPOSE: Purpose;
}

impl Granted for Camera {
    const PURPOSE: Purpose = Purpose::Camera;
}

impl Granted for Microphone {
    const PURPOSE: Purpose = Purpose::Microphone;
}

/// The right to open one kind of device, as long as it is held and not withdrawn. Only the gate
/// makes one.
pub struct Grant<P> {
    withdrawn: CancellationToken,
    _held: Arc<()>,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Granted> Grant<P> {
    /// Whether the person has taken the consent back.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn.is_cancelled()
    }

    /// Cancelled when the person takes the consent back.
    pub fn withdrawn(&self) -> CancellationToken {
        self.withdrawn.clone()
    }
}

impl<P: Granted> fmt::Debug for Grant<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grant({:?})", P::PURPOSE)
    }
}

/// What a consent given "once" is bound to: it ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One call.
    Call(CallId),
    /// The device check that is open.
    Check,
}

/// What became of a request to open a device.
pub enum Access<P> {
    /// Open it.
    Granted(Grant<P>),
    /// Ask the person first.
    Ask,
    /// The person said no; do without.
    Refused,
}

impl<P> fmt::Debug for Access<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted(_) => "Granted",
            Self::Ask => "Ask",
            Self::Refused => "Refused",
        })
    }
}

/// One decision, as it is kept. The order of decisions is the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What for.
    pub purpose: Purpose,
    /// What was decided.
    pub verdict: Verdict,
    /// When, Unix ms by this device's clock.
    pub at_ms: i64,
    /// Where.
    #[serde(default = "settings")]
    pub asked_in: AskedIn,
    /// The one call that a yes was limited to.
    #[serde(default)]
    pub call: Option<CallId>,
    /// How; `None` for what ended by itself.
    #[serde(default)]
    pub gesture: Option<Gesture>,
    /// The text that was on the screen; `None` where nothing was asked.
    #[serde(default)]
    pub notice: Option<NoticeRef>,
    /// The policies in force; `None` before there were any.
    #[serde(default)]
    pub policy_set: Option<PolicySetRef>,
    /// It is in the person's ledger.
    #[serde(default)]
    pub recorded: bool,
}

impl Decision {
    fn ended(purpose: Purpose, verdict: Verdict, at_ms: i64) -> Self {
        Self {
            purpose,
            verdict,
            at_ms,
            asked_in: AskedIn::Settings,
            call: None,
            gesture: None,
            notice: None,
            policy_set: None,
            recorded: false,
        }
    }
}

fn settings() -> AskedIn {
    AskedIn::Settings
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Until taken back.
    Allowed,
    /// For one call or check.
    AllowedOnce,
    /// Not now.
    Denied,
    /// Taken back.
    Withdrawn,
    /// The call or check that it was for is over.
    Expired,
    /// The policies do more now than when the yes was given.
    Superseded,
}

#[derive(Debug, Default)]
struct Standing {
    last: Option<Decision>,
    once: Option<Scope>,
    live: Option<Live>,
}

#[derive(Debug)]
struct Live {
    token: CancellationToken,
    _cancel_with_gate: DropGuard,
    held: Weak<()>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gate {
    standings: BTreeMap<Purpose, Standing>,
    decisions: Vec<Decision>,
    /// The policies in force.
    policy: Option<PolicySetRef>,
}

impl Scope {
    fn asked_in(scope: Option<Self>) -> AskedIn {
        match scope {
            Some(Self::Call(_)) => AskedIn::Call,
            Some(Self::Check) => AskedIn::Check,
            None => AskedIn::Settings,
        }
    }
}

impl Gate {
    /// A gate that remembers these decisions. A "once" does not outlive the program: one that was not
    /// ended ends now.
    pub fn new(decisions: Vec<Decision>, now_ms: i64) -> Self {
        let mut gate = Self::default();
        for decision in &decisions {
            gate.standings.entry(decision.purpose).or_default().last = Some(decision.clone());
        }
        gate.decisions = decisions;
        let once = |standing: &Standing| {
            let last = standing.last.as_ref();
            last.filter(|last| last.verdict == Verdict::AllowedOnce)
                .cloned()
        };
        let open: Vec<Decision> = gate.standings.values().filter_map(once).collect();
        for decision in open {
            gate.record(Decision {
                asked_in: decision.asked_in,
                ..Decision::ended(decision.purpose, Verdict::Expired, now_ms)
            });
        }
        gate
    }

    /// Decisions, oldest first: the last about each purpose, and those that no ledger has.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Hands out the decisions that no ledger has, for one to take.
    pub fn take_unrecorded(&mut self) -> Vec<Decision> {
        let fresh = self
            .decisions
            .iter_mut()
            .filter(|decision| !decision.recorded);
        let taken: Vec<Decision> = fresh
            .map(|decision| {
                decision.recorded = true;
                decision.clone()
            })
            .collect();
        let standings = &self.standings;
        let is_last = |decision: &Decision| {
            let last = standings
                .get(&decision.purpose)
                .and_then(|standing| standing.last.as_ref());
            last.is_some_and(|last| {
                last.at_ms <= decision.at_ms && last.verdict == decision.verdict
            })
        };
        self.decisions.retain(is_last);
        taken
    }

    /// Asks to open a device within `scope`. `pressed` says that the person pressed the device's
    /// own control: then a former "not now" does not stand in the way of asking again.
    pub fn request<P: Granted>(&mut self, scope: Scope, pressed: bool, now_ms: i64) -> Access<P> {
        let standing = self.standings.entry(P::PURPOSE).or_default();
        if standing.once == Some(scope) {
            return Access::Granted(standing.grant());
        }
        match &standing.last {
            Some(Decision {
                verdict: Verdict::Allowed,
                ..
            }) => Access::Granted(standing.grant()),
            Some(Decision {
                verdict: Verdict::Denied | Verdict::Withdrawn,
                at_ms,
                ..
            }) if !pressed && now_ms.saturating_sub(*at_ms) < ASK_AGAIN_AFTER_MS => Access::Refused,
            _ => Access::Ask,
        }
    }

    /// Records an answer that a person gave. `scope` is where the question came up; without one
    /// (the settings) "once" has no meaning and counts as "not now".
    pub fn answer(
        &mut self,
        purpose: Purpose,
        answer: PromptAnswer,
        scope: Option<Scope>,
        gesture: Gesture,
        now_ms: i64,
    ) {
        let verdict = match (answer, scope) {
            (PromptAnswer::Allow, _) => Verdict::Allowed,
            (PromptAnswer::Once, Some(_)) => Verdict::AllowedOnce,
            (PromptAnswer::Once, None) | (PromptAnswer::Deny, _) => Verdict::Denied,
        };
        let standing = self.standings.entry(purpose).or_default();
        standing.once = scope.filter(|_| verdict == Verdict::AllowedOnce);
        let call = standing.once.and_then(|once| match once {
            Scope::Call(call) => Some(call),
            Scope::Check => None,
        });
        self.record(Decision {
            asked_in: Scope::asked_in(scope),
            call,
            gesture: Some(gesture),
            notice: ledger::asked_with(purpose, Scope::asked_in(scope)),
            ..Decision::ended(purpose, verdict, now_ms)
        });
    }

    /// Takes the consent back. Whoever holds a grant for it is told at once. `scope` is what goes on
    /// meanwhile.
    pub fn withdraw(
        &mut self,
        purpose: Purpose,
        scope: Option<Scope>,
        gesture: Gesture,
        now_ms: i64,
    ) {
        let standing = self.standings.entry(purpose).or_default();
        standing.once = None;
        if let Some(live) = standing.live.take() {
            live.token.cancel();
        }
        self.record(Decision {
            asked_in: Scope::asked_in(scope),
            gesture: Some(gesture),
            ..Decision::ended(purpose, Verdict::Withdrawn, now_ms)
        });
    }

    /// Takes back all that is allowed.
    pub fn withdraw_all(
        &mut self,
        scope: Option<Scope>,
        gesture: Gesture,
        now_ms: i64,
    ) -> Vec<Purpose> {
        let allowed: Vec<Purpose> = self
            .view()
            .into_iter()
            .filter(|view| {
                matches!(
                    view.state,
                    ConsentState::Allowed | ConsentState::AllowedOnce
                )
            })
            .map(|view| view.purpose)
            .collect();
        for purpose in &allowed {
            self.withdraw(*purpose, scope, gesture, now_ms);
        }
        allowed
    }

    /// Decisions from now on are made under these policies.
    pub fn policy_is(&mut self, in_force: Option<PolicySetRef>) {
        self.policy = in_force;
    }

    /// Ends each yes of which `has_ended` says so, by its purpose and the version of the policies that
    /// it was given under. Whoever holds a grant for it is told at once.
    pub fn supersede(
        &mut self,
        has_ended: impl Fn(Purpose, Option<&str>) -> bool,
        now_ms: i64,
    ) -> Vec<Purpose> {
        let mut over = Vec::new();
        for (purpose, standing) in &mut self.standings {
            let is_over = standing.last.as_ref().is_some_and(|last| {
                let under = last.policy_set.as_ref().map(|set| set.version.as_str());
                matches!(last.verdict, Verdict::Allowed | Verdict::AllowedOnce)
                    && has_ended(*purpose, under)
            });
            if is_over {
                standing.once = None;
                if let Some(live) = standing.live.take() {
                    live.token.cancel();
                }
                over.push(*purpose);
            }
        }
        for purpose in &over {
            self.record(Decision::ended(*purpose, Verdict::Superseded, now_ms));
        }
        over
    }

    /// A call or check is over: what was allowed once for it is over, too. Says whether anything was.
    pub fn end(&mut self, scope: Scope, now_ms: i64) -> bool {
        let mut over = Vec::new();
        for (purpose, standing) in &mut self.standings {
            if standing.once == Some(scope) {
                standing.once = None;
                if let Some(live) = standing.live.take() {
                    live.token.cancel();
                }
                over.push(*purpose);
            }
        }
        for purpose in &over {
            self.record(Decision {
                asked_in: Scope::asked_in(Some(scope)),
                ..Decision::ended(*purpose, Verdict::Expired, now_ms)
            });
        }
        !over.is_empty()
    }

    /// How each purpose stands, for the consent list.
    pub fn view(&self) -> Vec<ConsentView> {
        [Purpose::Camera, Purpose::Microphone]
            .map(|purpose| self.view_of(purpose))
            .into()
    }

    fn view_of(&self, purpose: Purpose) -> ConsentView {
        let standing = self.standings.get(&purpose);
        let last = standing.and_then(|standing| standing.last.as_ref());
        ConsentView {
            purpose,
            state: match (
                last.map(|decision| decision.verdict),
                standing.and_then(|s| s.once),
            ) {
                (None, _) => ConsentState::NeverAsked,
                (Some(Verdict::Allowed), _) => ConsentState::Allowed,
                (Some(Verdict::AllowedOnce), Some(_)) => ConsentState::AllowedOnce,
                // A "once" that is over leaves nothing behind: the next need asks again.
                (Some(Verdict::AllowedOnce), None) | (Some(Verdict::Expired), _) => {
                    ConsentState::NeverAsked
                }
                (Some(Verdict::Denied), _) => ConsentState::Denied,
                (Some(Verdict::Withdrawn), _) => ConsentState::Withdrawn,
                (Some(Verdict::Superseded), _) => ConsentState::Superseded,
            },
            since_ms: last.map(|decision| decision.at_ms as f64),
            in_use: standing
                .and_then(|standing| standing.live.as_ref())
                .is_some_and(|live| live.held.strong_count() > 0),
        }
    }

    fn record(&mut self, mut decision: Decision) {
        decision.policy_set.clone_from(&self.policy);
        self.standings.entry(decision.purpose).or_default().last = Some(decision.clone());
        self.decisions.push(decision);
    }
}

impl Standing {
    fn grant<P: Granted>(&mut self) -> Grant<P> {
        let live = match &self.live {
            Some(live) if live.held.strong_count() > 0 => live.held.upgrade(),
            _ => None,
        };
        let held = live.unwrap_or_else(|| {
            let held = Arc::new(());
            let token = CancellationToken::new();
            self.live = Some(Live {
                _cancel_with_gate: token.clone().drop_guard(),
                token,
                held: Arc::downgrade(&held),
            });
            held
        });
        let withdrawn = self
            .live
            .as_ref()
            .map(|live| live.token.clone())
            .unwrap_or_default();
        Grant {
            withdrawn,
            _held: held,
            purpose: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const KEY: Gesture = Gesture::Key;

    fn call() -> Scope {
        Scope::Call("0192d0a4-0000-7000-8000-000000000001".parse().unwrap())
    }

    fn other_call() -> Scope {
        Scope::Call("0192d0a4-0000-7000-8000-000000000002".parse().unwrap())
    }

    fn granted<P: Granted>(access: Access<P>) -> Grant<P> {
        match access {
            Access::Granted(grant) => grant,
            Access::Ask | Access::Refused => panic!("expected a grant"),
        }
    }

    #[test]
    fn asks_before_the_first_use() {
        let mut gate = Gate::default();
        assert!(matches!(
            gate.request::<Camera>(call(), false, NOW),
            Access::Ask
        ));
        assert_eq!(gate.view()[0].state, ConsentState::NeverAsked);
    }

    #[test]
    fn allow_holds_for_later_calls_and_for_one_purpose_only() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Allow, Some(call()), KEY, NOW);
        granted(gate.request::<Camera>(call(), false, NOW));
        granted(gate.request::<Camera>(other_call(), false, NOW));
        assert!(matches!(
            gate.request::<Microphone>(call(), false, NOW),
            Access::Ask
        ));
    }

    #[test]
    fn once_ends_with_its_call() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Once, Some(call()), KEY, NOW);
        let grant = granted(gate.request::<Camera>(call(), false, NOW));
        assert!(matches!(
            gate.request::<Camera>(other_call(), false, NOW),
            Access::Ask
        ));
        assert_eq!(gate.view()[0].state, ConsentState::AllowedOnce);
        assert!(gate.end(call(), NOW + 1));
        assert!(grant.withdrawn().is_cancelled(), "the call's grant is over");
        assert!(matches!(
            gate.request::<Camera>(call(), false, NOW),
            Access::Ask
        ));
    }

    #[test]
    fn not_now_is_respected_for_two_weeks_unless_the_control_is_pressed() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Deny, Some(call()), KEY, NOW);
        assert!(matches!(
            gate.request::<Camera>(call(), false, NOW + 1),
            Access::Refused
        ));
        assert!(matches!(
            gate.request::<Camera>(call(), true, NOW + 1),
            Access::Ask
        ));
        let later = NOW + ASK_AGAIN_AFTER_MS;
        assert!(matches!(
            gate.request::<Camera>(other_call(), false, later),
            Access::Ask
        ));
    }

    #[test]
    fn wider_policies_end_what_was_given_before_them_and_nothing_else() {
        let under = |version: &str| PolicySetRef {
            version: version.to_owned(),
            privacy_policy: Default::default(),
            user_agreement: Default::default(),
        };
        let widened = |purpose, given: Option<&str>| {
            purpose == Purpose::Camera && given.is_none_or(|given| given < "1.1.0")
        };
        let mut gate = Gate::default();
        gate.policy_is(Some(under("1.0.0")));
        gate.answer(Purpose::Camera, PromptAnswer::Allow, None, KEY, NOW);
        gate.answer(Purpose::Microphone, PromptAnswer::Allow, None, KEY, NOW);
        let held = granted(gate.request::<Camera>(call(), false, NOW));
        gate.policy_is(Some(under("1.1.0")));
        assert_eq!(gate.supersede(widened, NOW + 1), [Purpose::Camera]);
        assert!(held.withdrawn().is_cancelled());
        assert_eq!(gate.supersede(widened, NOW + 2), [], "once");
        assert_eq!(gate.view()[0].state, ConsentState::Superseded);
        granted(gate.request::<Microphone>(call(), false, NOW));
        assert!(
            matches!(gate.request::<Camera>(call(), false, NOW + 3), Access::Ask),
            "asked again when it is needed"
        );
        gate.answer(Purpose::Camera, PromptAnswer::Allow, None, KEY, NOW + 4);
        assert_eq!(
            gate.supersede(widened, NOW + 5),
            [],
            "given under the new ones"
        );
        let last = gate.decisions().last().unwrap();
        assert_eq!(last.policy_set.as_ref().unwrap().version, "1.1.0");

        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Deny, None, KEY, NOW);
        assert_eq!(gate.supersede(widened, NOW + 1), [], "a no stays a no");
    }

    #[test]
    fn withdrawal_reaches_every_holder_and_later_grants_are_fresh() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Microphone, PromptAnswer::Allow, None, KEY, NOW);
        let first = granted(gate.request::<Microphone>(call(), false, NOW));
        let second = granted(gate.request::<Microphone>(call(), false, NOW));
        assert!(gate.view()[1].in_use);
        gate.withdraw(Purpose::Microphone, None, KEY, NOW + 5);
        assert!(first.withdrawn().is_cancelled() && second.withdrawn().is_cancelled());
        assert_eq!(gate.view()[1].state, ConsentState::Withdrawn);
        assert!(matches!(
            gate.request::<Microphone>(call(), false, NOW + 6),
            Access::Refused
        ));
        gate.answer(Purpose::Microphone, PromptAnswer::Allow, None, KEY, NOW + 7);
        let third = granted(gate.request::<Microphone>(call(), false, NOW + 8));
        assert!(!third.withdrawn().is_cancelled());
    }

    #[test]
    fn a_dropped_grant_is_no_longer_in_use() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Allow, None, KEY, NOW);
        let grant = granted(gate.request::<Camera>(call(), false, NOW));
        drop(grant);
        assert!(!gate.view()[0].in_use);
    }

    #[test]
    fn decisions_survive_a_restart_and_once_does_not() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Allow, None, KEY, NOW);
        gate.answer(
            Purpose::Microphone,
            PromptAnswer::Once,
            Some(call()),
            KEY,
            NOW,
        );
        let mut gate = Gate::new(gate.decisions().to_vec(), NOW + 1);
        granted(gate.request::<Camera>(call(), false, NOW));
        assert!(matches!(
            gate.request::<Microphone>(call(), false, NOW),
            Access::Ask
        ));
    }

    #[test]
    fn once_from_the_settings_is_no_consent() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Once, None, KEY, NOW);
        assert_eq!(gate.view()[0].state, ConsentState::Denied);
    }

    #[test]
    fn each_decision_is_recorded_once_and_an_end_is_one() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Once, Some(call()), KEY, NOW);
        gate.answer(
            Purpose::Microphone,
            PromptAnswer::Allow,
            Some(call()),
            KEY,
            NOW,
        );
        assert!(gate.end(call(), NOW + 1) && !gate.end(call(), NOW + 2));
        gate.withdraw(Purpose::Microphone, Some(call()), KEY, NOW + 3);
        let taken = gate.take_unrecorded();
        let verdicts: Vec<_> = taken
            .iter()
            .map(|decision| (decision.purpose, decision.verdict))
            .collect();
        assert_eq!(
            verdicts,
            [
                (Purpose::Camera, Verdict::AllowedOnce),
                (Purpose::Microphone, Verdict::Allowed),
                (Purpose::Camera, Verdict::Expired),
                (Purpose::Microphone, Verdict::Withdrawn),
            ]
        );
        assert_eq!(
            (taken[0].asked_in, taken[0].call.is_some()),
            (AskedIn::Call, true)
        );
        assert_eq!(gate.take_unrecorded(), []);
        assert_eq!(
            gate.decisions().len(),
            2,
            "the last about each purpose stays"
        );
        let gate = Gate::new(gate.decisions().to_vec(), NOW + 4);
        assert_eq!(gate.view()[1].state, ConsentState::Withdrawn);
    }

    #[test]
    fn a_once_that_the_program_did_not_outlive_is_ended_at_the_next_start() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Once, Some(call()), KEY, NOW);
        let mut gate = Gate::new(gate.decisions().to_vec(), NOW + 9);
        let taken = gate.take_unrecorded();
        assert_eq!(
            (taken[1].verdict, taken[1].at_ms),
            (Verdict::Expired, NOW + 9)
        );
        assert_eq!(
            Gate::new(gate.decisions().to_vec(), NOW + 10).take_unrecorded(),
            []
        );
    }

    #[test]
    fn everything_allowed_is_taken_back_at_once() {
        let mut gate = Gate::default();
        gate.answer(Purpose::Camera, PromptAnswer::Allow, None, KEY, NOW);
        gate.answer(Purpose::Microphone, PromptAnswer::Deny, None, KEY, NOW);
        let grant = granted(gate.request::<Camera>(call(), false, NOW));
        assert_eq!(gate.withdraw_all(None, KEY, NOW), [Purpose::Camera]);
        assert!(grant.is_withdrawn());
        assert_eq!(gate.withdraw_all(None, KEY, NOW), []);
    }
}
