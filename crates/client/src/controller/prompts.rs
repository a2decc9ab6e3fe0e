//! Questions: which come up, in which order, and what follows from the answers.

use std::collections::VecDeque;

use jasmin_protocol::{CallId, CallKind, Gesture, UserId};

use super::{
    actor::{Actor, Reply, answer, failure},
    people::Peer,
};
use crate::{
    Failure, FailureCode, PromptAnswer, PromptContext, PromptView, Purpose,
    clock::local_ms,
    gate::{Access, Camera, Granted, Microphone, Scope},
};

/// Questions that wait; the first is on the screen.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    queue: VecDeque<Prompt>,
    asked: u64,
}

#[derive(Debug)]
struct Prompt {
    id: u64,
    purpose: Purpose,
    context: PromptContext,
    scope: Option<Scope>,
}

/// A call that waits for the answers before it is placed.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) call_id: CallId,
    pub(super) peer_id: UserId,
    pub(super) kind: CallKind,
    pub(super) peer: Peer,
}

impl Prompts {
    /// The question on the screen.
    pub(super) fn view(&self) -> Option<PromptView> {
        let prompt = self.queue.front()?;
        Some(PromptView {
            id: prompt.id,
            purpose: prompt.purpose,
            context: prompt.context.clone(),
        })
    }

    fn asks_for(&self, scope: Scope) -> bool {
        self.queue.iter().any(|prompt| prompt.scope == Some(scope))
    }

    fn ask(&mut self, purpose: Purpose, context: PromptContext, scope: Option<Scope>) {
        let known = |prompt: &Prompt| prompt.purpose == purpose && prompt.scope == scope;
        if self.queue.iter().any(known) {
            return;
        }
        self.asked += 1;
        self.queue.push_back(Prompt {
            id: self.asked,
            purpose,
            context,
            scope,
        });
    }

    /// What a question was about is over: it is not asked any more.
    pub(super) fn drop_scope(&mut self, scope: Scope) {
        self.queue.retain(|prompt| prompt.scope != Some(scope));
    }
}

impl Actor {
    /// Asks the gate; puts the question up when it wants one.
    pub(super) fn want<P: Granted>(
        &mut self,
        scope: Scope,
        context: &PromptContext,
        pressed: bool,
    ) -> Access<P> {
        // A day may have come while the computer slept.
        self.policies_take_effect();
        let access = self.gate.request::<P>(scope, pressed, local_ms());
        if matches!(access, Access::Ask) {
            self.prompts.ask(P::PURPOSE, context.clone(), Some(scope));
        }
        access
    }

    /// Asks whatever has to be asked before a call, then places it.
    pub(super) fn ask_then_place(&mut self, wanted: Wanted) {
        let scope = Scope::Call(wanted.call_id);
        let context = PromptContext::Call {
            name: self.people.name(wanted.peer_id).to_owned(),
        };
        if !self.studio.captures_nothing() {
            drop(self.want::<Microphone>(scope, &context, false));
            if wanted.kind == CallKind::Video {
                drop(self.want::<Camera>(scope, &context, false));
            }
        }
        self.wanted = Some(wanted);
        self.place_when_answered();
    }

    fn place_when_answered(&mut self) {
        let waits = |wanted: &Wanted| self.prompts.asks_for(Scope::Call(wanted.call_id));
        if self.wanted.as_ref().is_some_and(|wanted| !waits(wanted))
            && let Some(wanted) = self.wanted.take()
        {
            self.place(wanted);
        }
    }

    pub(super) fn answer_prompt(
        &mut self,
        id: u64,
        said: PromptAnswer,
        gesture: Gesture,
    ) -> Result<(), Failure> {
        match self.prompts.queue.front() {
            Some(prompt) if prompt.id == id => {}
            Some(_) | None => {
                return Err(failure(
                    FailureCode::NotNow,
                    "this question is not on the screen",
                ));
            }
        }
        let Some(prompt) = self.prompts.queue.pop_front() else {
            return Ok(());
        };
        self.policies_take_effect();
        self.gate
            .answer(prompt.purpose, said, prompt.scope, gesture, local_ms());
        self.dirty = true;
        self.devices_after_answer(prompt.purpose, prompt.scope);
        self.place_when_answered();
        Ok(())
    }

    pub(super) fn withdraw_consent(
        &mut self,
        purpose: Purpose,
        gesture: Gesture,
    ) -> Result<(), Failure> {
        self.gate
            .withdraw(purpose, self.own.scope, gesture, local_ms());
        self.dirty = true;
        self.close_withdrawn(purpose);
        Ok(())
    }

    pub(super) fn withdraw_all(&mut self, gesture: Gesture) -> Result<(), Failure> {
        for purpose in self.gate.withdraw_all(self.own.scope, gesture, local_ms()) {
            self.dirty = true;
            self.close_withdrawn(purpose);
        }
        self.withdraw_all_for_account(gesture)
    }

    pub(super) fn ask_consent(&mut self, purpose: Purpose) -> Result<(), Failure> {
        self.prompts.ask(purpose, PromptContext::Settings, None);
        Ok(())
    }

    /// The person gave a call up before it was placed.
    pub(super) fn abandon_wanted(&mut self) -> bool {
        let Some(wanted) = self.wanted.take() else {
            return false;
        };
        let scope = Scope::Call(wanted.call_id);
        self.prompts.drop_scope(scope);
        self.dirty |= self.gate.end(scope, local_ms());
        true
    }

    pub(super) fn refuse_second_call(&mut self, reply: Reply) {
        answer(
            reply,
            Err(failure(FailureCode::NotNow, "there is a call already")),
        );
    }
}
