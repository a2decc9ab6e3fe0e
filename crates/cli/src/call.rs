//! The test caller.

use std::time::Duration;

use anyhow::{Context, bail};
use jasmin_client::{
    CallView, Command, Controller, Devices, EndReason, PhaseView, PromptAnswer, View,
};
use jasmin_protocol::UserId;
use tokio::{
    select,
    time::{Instant, sleep_until},
};

use crate::{
    account,
    args::Call,
    platform, tell,
    views::{self, Views},
};

/// Calls, and returns when the call is over.
pub(crate) async fn run(call: Call) -> anyhow::Result<()> {
    let controller = account::start(&call.robot, Devices::ball_and_beep()).await?;
    let result = select! {
        result = place(&controller, &call) => result,
        asked = platform::asked_to_end() => asked.context("requests to end cannot be heard"),
    };
    controller.quit().await;
    result
}

async fn place(controller: &Controller, call: &Call) -> anyhow::Result<()> {
    let mut views = controller.views();
    let user_id = befriend(controller, &mut views, call).await?;
    controller
        .dispatch(Command::Call {
            user_id,
            kind: call.kind,
        })
        .await
        .context("calling")?;
    follow(controller, &mut views, call).await
}

async fn befriend(
    controller: &Controller,
    views: &mut Views,
    call: &Call,
) -> anyhow::Result<UserId> {
    let known = |view: &View| {
        let mut people = view.people.iter();
        people
            .find(|person| person.email.eq_ignore_ascii_case(&call.callee))
            .map(|it| it.user_id)
    };
    // Just signed in: the people are fetched.
    if let Ok(user_id) = views::find(views, Duration::from_secs(2), "", known).await {
        return Ok(user_id);
    }
    let add = Command::AddPerson {
        email: call.callee.clone(),
    };
    controller
        .dispatch(add)
        .await
        .context("asking for contact")?;
    tell("asked for contact")?;
    views::find(views, call.patience, "a yes to the contact request", known).await
}

/// Says what happens until the end.
async fn follow(controller: &Controller, views: &mut Views, call: &Call) -> anyhow::Result<()> {
    let give_up = Instant::now() + call.patience;
    let mut hang_up = None;
    let mut said = Said::default();
    loop {
        let view = views.borrow_and_update().clone();
        if let Some(prompt) = &view.prompt {
            // The devices are drawn and computed: there is nobody whose yes could be asked for.
            let answer = Command::AnswerPrompt {
                prompt: prompt.id,
                answer: PromptAnswer::Once,
                gesture: jasmin_protocol::Gesture::Program,
            };
            controller
                .dispatch(answer)
                .await
                .context("answering a prompt")?;
        }
        if let Some(now) = &view.call {
            said.tell(now)?;
            if let PhaseView::Ended { reason, duration_s } = now.phase {
                return verdict(reason, duration_s, said.talked);
            }
            if said.talked && hang_up.is_none() {
                hang_up = Some(Instant::now() + call.length);
            }
        }
        select! {
            changed = views.changed() => changed.context("the application ended")?,
            () = sleep_until(hang_up.unwrap_or(give_up)) => {
                controller.dispatch(Command::HangUp).await.context("hanging up")?;
                views.changed().await.context("the application ended")?;
            }
        }
    }
}

fn verdict(reason: EndReason, duration_s: f64, talked: bool) -> anyhow::Result<()> {
    if talked && matches!(reason, EndReason::HungUp | EndReason::Cancelled) {
        return tell(&format!("talked for {duration_s:.1} s"));
    }
    bail!("the call ended: {reason:?}");
}

/// What was said already.
#[derive(Debug, Default)]
struct Said {
    phase: String,
    words: String,
    picture: String,
    talked: bool,
}

impl Said {
    fn tell(&mut self, call: &CallView) -> anyhow::Result<()> {
        let phase = match call.phase {
            PhaseView::Preparing { .. } => "preparing",
            PhaseView::Calling => "calling",
            PhaseView::Ringing => "ringing",
            PhaseView::Incoming { .. } => "incoming",
            PhaseView::Connecting { .. } => "connecting",
            PhaseView::Active { .. } => "talking",
            PhaseView::Reconnecting { .. } => "reconnecting",
            PhaseView::Ended { .. } => "ended",
        };
        self.talked |= phase == "talking";
        say(&mut self.phase, phase.to_owned())?;

        let words: Vec<&str> = call
            .safety_words
            .iter()
            .map(|word| word.word.as_str())
            .collect();
        if !words.is_empty() {
            say(
                &mut self.words,
                format!("safety words: {}", words.join(" ")),
            )?;
        }
        if let Some(quality) = call
            .quality
            .as_ref()
            .filter(|quality| quality.received_width > 0)
        {
            let (width, height) = (quality.received_width, quality.received_height);
            say(&mut self.picture, format!("receiving {width}x{height}"))?;
        }
        Ok(())
    }
}

fn say(said: &mut String, line: String) -> anyhow::Result<()> {
    if *said != line {
        tell(&line)?;
        *said = line;
    }
    Ok(())
}
