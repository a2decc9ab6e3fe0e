//! What the server tells, and what is told to it until it is heard.

use jasmin_protocol::Event;

use super::actor::Actor;
use crate::{LinkView, socket::SocketEvent};

/// Calls whose end is remembered in case their ring is opened late.
const REMEMBERED: usize = 32;

impl Actor {
    pub(super) fn socket_says(&mut self, number: u64, event: SocketEvent) {
        if !self.is_sign_in(number) {
            return;
        }
        match event {
            SocketEvent::Online { resumed } => {
                self.set_link(LinkView::Online);
                self.publish();
                self.refresh_log();
                self.look_at_roots_soon();
                self.sync_ledger();
                self.look_at_policies();
                self.look_at_disclosures();
                self.look_at_partners();
                if !resumed {
                    self.refresh_people();
                }
                self.chores.now();
                self.do_chores(std::time::Instant::now());
                self.repeat_reveals();
                self.restart_moved();
            }
            SocketEvent::Offline {
                retry_at_ms,
                reason,
            } => {
                tracing::info!(reason, "the server is not connected");
                #[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
                let retry_at_ms = retry_at_ms as f64;
                self.set_link(LinkView::Offline { retry_at_ms });
            }
            SocketEvent::Event {
                seq,
                msg_id: _,
                event,
            } => {
                self.happened(event);
                if let Some(signed_in) = &mut self.signed_in {
                    signed_in.mailbox_seq = seq;
                    signed_in.ack = Some(seq);
                    self.dirty = true;
                }
            }
            SocketEvent::Relay {
                call_id,
                from,
                sealed,
            } => self.relayed(call_id, from, sealed),
            SocketEvent::Problem(problem) => {
                tracing::warn!(code = ?problem.code, "the server did not take a message");
            }
            SocketEvent::Revoked => self.revoked(),
            SocketEvent::Refused { detail } => self.set_link(LinkView::Refused { detail }),
        }
    }

    fn set_link(&mut self, link: LinkView) {
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.link = link;
        }
    }

    fn publish(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let account = signed_in.account.clone();
        self.background(async move { account.publish().await }, |_, result| {
            if let Err(error) = result {
                tracing::warn!(%error, "this device cannot be called before its keys are published");
            }
        });
    }

    fn happened(&mut self, event: Event) {
        self.people.apply(&event);
        match event {
            Event::ContactRequested { .. } | Event::ContactAccepted { .. } => {}
            Event::ConsentsChanged { .. } => self.sync_ledger(),
            Event::SharesChanged => self.look_at_partners(),
            Event::ContactRemoved { user_id } => self.pins.forget(user_id),
            Event::KeyChanged { user_id } => {
                if let Some(signed_in) = &mut self.signed_in {
                    signed_in.keys.remove(&user_id);
                }
            }
            Event::CallRing {
                call_id,
                caller,
                caller_device,
                kind,
                sealed,
                deadline_ms,
                ..
            } => {
                self.call_rings(call_id, caller, caller_device, kind, sealed, deadline_ms);
            }
            Event::CallAnswered {
                call_id,
                device_id,
                sealed,
            } => {
                self.call_answered(call_id, device_id, sealed);
            }
            Event::CallTakenElsewhere { call_id, state } => {
                self.remember_over(call_id);
                self.line
                    .taken_elsewhere(call_id, state, std::time::Instant::now());
                self.refresh_log();
            }
            Event::CallOver {
                call_id,
                state,
                ended_ms,
            } => {
                self.remember_over(call_id);
                self.log.over(call_id, state, ended_ms);
                self.line.over(call_id, state, std::time::Instant::now());
                self.refresh_log();
            }
        }
    }

    fn remember_over(&mut self, call_id: jasmin_protocol::CallId) {
        self.over.push_back(call_id);
        while self.over.len() > REMEMBERED {
            self.over.pop_front();
        }
    }
}
