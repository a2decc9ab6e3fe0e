//! The view, from everything that the actor knows.

use std::{sync::Arc, time::Instant};

use jasmin_call::{Direction, EndReason as CallEnd, Path, Quality, State};

use super::{actor::Actor, call::Ongoing};
use crate::{
    AccountConsentView, AccountPurpose, AccountView, AlertView, CallView, ConsentState,
    DevicesView, DisclosuresView, EndReason, IncomingView, LedgerExport, LedgerView, LinkView,
    PartnersView, PhaseView, PoliciesView, Processing, QualityLevel, QualityView, RemoteView,
    SafetyWord, SendingView, ServerView, SystemWay, VaultView, View, WeakSide, WordsVerdict,
};

/// The page shows this many past calls.
const LOG: usize = 50;
/// From so long on, connecting is slow (seconds).
const SLOW_S: u64 = 3;

/// Before anything is known.
pub(super) fn empty() -> View {
    View {
        revision: 0,
        server: ServerView {
            url: String::new(),
            link: LinkView::Idle,
            outbox_url: None,
        },
        vault: VaultView::Opening,
        account: AccountView::SignedOut,
        people: Vec::new(),
        requests: Vec::new(),
        asked: Vec::new(),
        log: Vec::new(),
        call: None,
        waiting: None,
        prompt: None,
        consents: Vec::new(),
        ledger: LedgerView {
            records: Vec::new(),
            waiting: 0,
            trouble: None,
            export: LedgerExport::None,
        },
        policies: PoliciesView {
            known: false,
            sets: Vec::new(),
            in_force: None,
            unread: None,
            trouble: false,
            shown: None,
        },
        disclosures: DisclosuresView {
            known: false,
            unread: 0,
            list: Vec::new(),
        },
        partners: PartnersView {
            known: false,
            may_share: false,
            list: Vec::new(),
        },
        statistics: never_asked(AccountPurpose::Statistics),
        policy_news: never_asked(AccountPurpose::PolicyNews),
        devices: DevicesView {
            cameras: Vec::new(),
            microphones: Vec::new(),
            speakers: Vec::new(),
            camera: None,
            microphone: None,
            speaker: None,
            processing: Processing {
                echo_cancellation: true,
                noise_suppression: true,
                automatic_gain: true,
            },
            system_way: SystemWay::Rights,
        },
        check: None,
        sending: SendingView {
            camera: false,
            microphone: false,
            to: None,
        },
    }
}

impl Actor {
    /// Publishes a new snapshot if anything that can be seen has changed.
    pub(super) fn show(&self) {
        let mut view = self.view();
        let before = self.views.borrow().revision;
        view.revision = before;
        if *self.views.borrow().as_ref() == view {
            return;
        }
        view.revision = before + 1;
        self.views.send_replace(Arc::new(view));
    }

    fn view(&self) -> View {
        let signed_in = self.signed_in.as_ref();
        let me = self.me();
        let mut log = me
            .map(|me| self.log.views(me, &self.people, &self.clock))
            .unwrap_or_default();
        log.truncate(LOG);
        let words = self.ledger.account_words();
        View {
            revision: 0,
            server: ServerView {
                url: self
                    .server
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                link: signed_in.map_or(LinkView::Idle, |signed_in| signed_in.link.clone()),
                outbox_url: self.outbox_url.clone(),
            },
            vault: self.vault.view(),
            account: self.account.clone(),
            people: self.people.views(&self.pins, &self.log, &self.clock),
            requests: self.people.requests(&self.clock),
            asked: self.people.asked(&self.clock),
            log,
            call: self.call_view(),
            waiting: self.waiting_view(),
            prompt: self.prompts.view(),
            consents: self.gate.view(),
            ledger: self.ledger_view(),
            policies: self.policies_view(),
            disclosures: self.disclosures_view(),
            partners: self.partners_view(&words),
            statistics: Self::account_consent(AccountPurpose::Statistics, &words),
            policy_news: Self::account_consent(AccountPurpose::PolicyNews, &words),
            devices: self.devices_view(),
            check: self.check_view(),
            sending: self.sending_view(),
        }
    }

    fn call_view(&self) -> Option<CallView> {
        let call = self.line.current()?;
        let known = self.calls.get(&call.call_id);
        let is_mine = self.own.scope == Some(crate::gate::Scope::Call(call.call_id));
        let mut alerts = if is_mine {
            self.own.alerts()
        } else {
            Vec::new()
        };
        if self.pins.is_changed(call.peer) {
            alerts.insert(0, AlertView::KeyChanged);
        }
        Some(CallView {
            call_id: call.call_id,
            user_id: call.peer,
            name: self.people.name(call.peer).to_owned(),
            outgoing: call.direction == Direction::Outgoing,
            kind: call.kind,
            phase: self.phase(&call.state),
            microphone: if is_mine {
                self.own.microphone_view()
            } else {
                crate::OwnDeviceView::Off
            },
            camera: if is_mine {
                self.own.camera.clone()
            } else {
                crate::OwnDeviceView::Off
            },
            remote: RemoteView {
                microphone: known.is_some_and(|known| known.microphone),
                camera: known.is_some_and(|known| known.camera),
                has_picture: known.is_some_and(|known| known.pictures.stats().arrived > 0),
            },
            safety_words: known.map(safety_words).unwrap_or_default(),
            words_verdict: known.map_or(WordsVerdict::Open, |known| known.verdict),
            quality: known.and_then(|known| known.quality.map(|quality| view_of(known, &quality))),
            alerts,
        })
    }

    fn phase(&self, state: &State) -> PhaseView {
        match *state {
            State::Preparing { rings_at } => PhaseView::Preparing {
                rings_at_ms: self.unix_ms(rings_at),
            },
            State::Calling => PhaseView::Calling,
            State::Ringing { .. } => PhaseView::Ringing,
            State::Incoming { until, silenced } => PhaseView::Incoming {
                until_ms: self.unix_ms(until),
                silenced,
            },
            State::Connecting { since } => {
                let waited = Instant::now().saturating_duration_since(since);
                PhaseView::Connecting {
                    slow: waited.as_secs() >= SLOW_S,
                }
            }
            State::Active { since } => PhaseView::Active {
                since_ms: self.unix_ms(since),
            },
            State::Reconnecting {
                since, gives_up_at, ..
            } => PhaseView::Reconnecting {
                since_ms: self.unix_ms(since),
                gives_up_at_ms: self.unix_ms(gives_up_at),
            },
            State::Ended { reason, talked } => PhaseView::Ended {
                reason: end_reason(reason),
                duration_s: talked.as_secs_f64().round(),
            },
        }
    }

    fn waiting_view(&self) -> Option<IncomingView> {
        let call = self.line.waiting()?;
        let State::Incoming { until, .. } = call.state else {
            return None;
        };
        Some(IncomingView {
            call_id: call.call_id,
            user_id: call.peer,
            name: self.people.name(call.peer).to_owned(),
            kind: call.kind,
            until_ms: self.unix_ms(until),
        })
    }

    fn sending_view(&self) -> SendingView {
        let active = self
            .line
            .current()
            .filter(|call| matches!(call.state, State::Active { .. }));
        let (camera, microphone) = (
            self.studio.camera_is_open(),
            self.studio.microphone_is_open(),
        );
        SendingView {
            camera,
            microphone,
            to: active
                .filter(|_| camera || microphone)
                .map(|call| self.people.name(call.peer).to_owned()),
        }
    }
}

fn safety_words(call: &Ongoing) -> Vec<SafetyWord> {
    call.words
        .iter()
        .map(|word| SafetyWord {
            word: word.word.to_owned(),
            emoji: word.emoji.to_owned(),
        })
        .collect()
}

fn view_of(call: &Ongoing, quality: &Quality) -> QualityView {
    let rtt_ms = quality.rtt.map_or(0.0, |rtt| rtt.as_secs_f64() * 1_000.0);
    let stats = call.pictures.stats();
    let loss_in = f64::from(quality.loss_in);
    let loss_out = f64::from(quality.loss_out);
    let (level, weak_side) = judge(rtt_ms, loss_in, loss_out, quality.estimate_bps);
    QualityView {
        level,
        weak_side,
        rtt_ms: rtt_ms.round(),
        loss: (loss_in * 1_000.0).round() / 1_000.0,
        received_width: stats.width,
        received_height: stats.height,
        received_fps: f64::from(stats.fps).round(),
        sent_bps: f64::from(quality.sent_bps),
        received_bps: f64::from(quality.received_bps),
        path: match call.path {
            Some(Path::Host) => "host",
            Some(Path::ServerReflexive) => "srflx",
            Some(Path::Relay) => "relay",
            None => "",
        }
        .to_owned(),
    }
}

/// A connection in a word. Loss on the way here is the other side's, on the way there mine.
fn judge(rtt_ms: f64, loss_in: f64, loss_out: f64, estimate_bps: u32) -> (QualityLevel, WeakSide) {
    let poor = loss_in > 0.15 || loss_out > 0.15 || rtt_ms > 800.0 || estimate_bps < 80_000;
    let weak = loss_in > 0.04 || loss_out > 0.04 || rtt_ms > 400.0 || estimate_bps < 250_000;
    let side = if loss_in > loss_out && loss_in > 0.04 {
        WeakSide::Theirs
    } else {
        WeakSide::Mine
    };
    match (poor, weak) {
        (true, _) => (QualityLevel::Poor, side),
        (false, true) => (QualityLevel::Weak, side),
        (false, false) => (QualityLevel::Good, WeakSide::None),
    }
}

fn end_reason(reason: CallEnd) -> EndReason {
    match reason {
        CallEnd::HungUp => EndReason::HungUp,
        CallEnd::Declined => EndReason::Declined,
        CallEnd::Busy => EndReason::Busy,
        CallEnd::NoAnswer => EndReason::NoAnswer,
        CallEnd::AnsweredElsewhere => EndReason::AnsweredElsewhere,
        CallEnd::DeclinedElsewhere => EndReason::DeclinedElsewhere,
        CallEnd::Cancelled => EndReason::Cancelled,
        CallEnd::Network => EndReason::Network,
        CallEnd::Server => EndReason::Server,
        CallEnd::MediaPermission | CallEnd::ConsentWithdrawn => EndReason::Media,
        CallEnd::Version => EndReason::Version,
        CallEnd::Security => EndReason::Security,
        CallEnd::Superseded => EndReason::Superseded,
        CallEnd::Quit => EndReason::Quit,
    }
}

fn never_asked(purpose: AccountPurpose) -> AccountConsentView {
    AccountConsentView {
        purpose,
        state: ConsentState::NeverAsked,
        since_ms: None,
        told: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_side_is_named_only_when_there_is_one() {
        assert_eq!(
            judge(30.0, 0.0, 0.0, 2_000_000),
            (QualityLevel::Good, WeakSide::None)
        );
        assert_eq!(
            judge(30.0, 0.08, 0.0, 2_000_000),
            (QualityLevel::Weak, WeakSide::Theirs)
        );
        assert_eq!(
            judge(30.0, 0.0, 0.08, 2_000_000),
            (QualityLevel::Weak, WeakSide::Mine)
        );
        assert_eq!(judge(30.0, 0.0, 0.3, 50_000).0, QualityLevel::Poor);
    }
}
