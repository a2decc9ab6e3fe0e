//! The echo peer: says yes to everybody, and gives back what it gets.

use std::collections::HashSet;

use anyhow::Context;
use jasmin_client::{Command, Controller, Devices, PhaseView, View};
use jasmin_protocol::{CallId, UserId};
use tokio::select;

use crate::{account, args::Robot, platform, tell, views::Views};

/// Answers until the program is told to end.
pub(crate) async fn run(robot: Robot) -> anyhow::Result<()> {
    let controller = account::start(&robot, Devices::Echo).await?;
    tell(&format!("Echo peer: add {} and call it.", robot.email))?;
    let result = select! {
        result = answer(&controller) => result,
        asked = platform::asked_to_end() => asked.context("requests to end cannot be heard"),
    };
    controller.quit().await;
    result
}

async fn answer(controller: &Controller) -> anyhow::Result<()> {
    let mut views: Views = controller.views();
    let mut done = HashSet::new();
    loop {
        let next = next(&views.borrow_and_update(), &done);
        let Some((task, command)) = next else {
            views.changed().await.context("the application ended")?;
            continue;
        };
        tracing::info!(?task, "echo");
        if let Err(failure) = controller.dispatch(command).await {
            // The other side took it back in the meantime, or the server is away: the snapshot
            // shows what is left to do.
            tracing::info!(%failure, ?task, "not done");
        }
        done.insert(task);
    }
}

/// What was done, so that it is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    /// The same person may ask again after the contact was ended: with the time, as bits.
    Befriend(UserId, u64),
    Answer(CallId),
    DeclineWaiting(CallId),
    PutAway(CallId),
}

fn next(view: &View, done: &HashSet<Task>) -> Option<(Task, Command)> {
    let requests = view.requests.iter().map(|request| {
        let user_id = request.user_id;
        let task = Task::Befriend(user_id, request.since_ms.to_bits());
        (task, Command::AcceptPerson { user_id })
    });
    let call = view.call.iter().filter_map(|call| match call.phase {
        PhaseView::Incoming { .. } => Some((
            Task::Answer(call.call_id),
            Command::Accept { kind: call.kind },
        )),
        PhaseView::Ended { .. } => Some((Task::PutAway(call.call_id), Command::DismissEnded)),
        PhaseView::Preparing { .. }
        | PhaseView::Calling
        | PhaseView::Ringing
        | PhaseView::Connecting { .. }
        | PhaseView::Active { .. }
        | PhaseView::Reconnecting { .. } => None,
    });
    let waiting = view.waiting.iter();
    let waiting = waiting.map(|call| (Task::DeclineWaiting(call.call_id), Command::DeclineWaiting));
    call.chain(waiting)
        .chain(requests)
        .find(|(task, _)| !done.contains(task))
}
