//! Turns deadlines into facts: calls that rang long enough are missed, and what ran out is forgotten.

use std::time::Duration;

use jasmin_protocol::CallState;

use crate::{
    app::{App, Shared},
    idempotency, mail,
    problem::Failure,
};

/// An answered call that nobody hung up for so long is over: both devices are gone.
const LONGEST_CALL_MS: i64 = 24 * 3_600_000;
const SIGN_UP_MS: i64 = 24 * 3_600_000;
const MAIL_KEPT_MS: i64 = 24 * 3_600_000;
const ENDED_SESSION_KEPT_MS: i64 = 24 * 3_600_000;

const OFTEN: Duration = Duration::from_secs(30);
const SELDOM_MS: i64 = 600_000;

impl App {
    /// Ends calls whose time is over. Returns how many.
    pub(crate) async fn end_overdue_calls(&self) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let mut conn = self.store.read().await?;
        let due = conn.calls_due(now_ms).await?;
        let forgotten = conn.calls_forgotten(now_ms - LONGEST_CALL_MS).await?;
        drop(conn);
        let mut ended = 0;
        for call in due {
            ended += usize::from(
                self.settle(call, CallState::Ringing, CallState::Missed, None)
                    .await?
                    .is_some(),
            );
        }
        for call in forgotten {
            ended += usize::from(
                self.settle(call, CallState::Answered, CallState::Ended, None)
                    .await?
                    .is_some(),
            );
        }
        Ok(ended)
    }

    /// Forgets what ran out.
    pub(crate) async fn forget(&self) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let mut tx = self.store.begin().await?;
        tx.sweep_mail(now_ms).await?;
        tx.sweep_replays(now_ms - idempotency::KEPT_MS).await?;
        tx.sweep_sign_ups(now_ms - SIGN_UP_MS, now_ms).await?;
        tx.sweep_sessions(now_ms - ENDED_SESSION_KEPT_MS).await?;
        tx.sweep_outbox(now_ms - MAIL_KEPT_MS).await?;
        tx.commit().await?;
        mail::sweep_folder(&self.config.data_dir, now_ms - MAIL_KEPT_MS);
        Ok(())
    }

    /// How long nothing is due.
    async fn rest(&self) -> Result<Duration, Failure> {
        let next = self.store.read().await?.next_deadline().await?;
        let wait_ms = next.map(|deadline| u64::try_from(deadline - self.now_ms()).unwrap_or(0));
        Ok(wait_ms.map_or(OFTEN, |ms| Duration::from_millis(ms).min(OFTEN)))
    }
}

/// Sweeps until the server drains.
pub(crate) async fn work(app: Shared) {
    let mut forgot_ms = 0;
    loop {
        let swept = async {
            app.end_overdue_calls().await?;
            if app.now_ms() - forgot_ms >= SELDOM_MS {
                app.forget().await?;
                forgot_ms = app.now_ms();
                app.commit_to_days().await?;
            }
            app.rest().await
        };
        let rest = match swept.await {
            Ok(rest) => rest,
            Err(failure) => {
                tracing::warn!(cause = failure.cause, "deadlines cannot be looked after");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = app.draining.cancelled() => return,
            () = app.deadlines.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::Event;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_call_that_nobody_answers_is_missed_once() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let call = world.place(&ada, &bob).await;

        world.clock.advance(44_999);
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 0);
        world.clock.advance(1);
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 1);
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 0);

        for person in [&ada, &bob] {
            let over: Vec<_> = world.events(person).await.into_iter().filter(|event| {
                matches!(event, Event::CallOver { call_id, state: CallState::Missed, .. } if *call_id == call)
            }).collect();
            assert_eq!(over.len(), 1, "each device hears it once");
        }
        let rings = world
            .events(&bob)
            .await
            .iter()
            .any(|event| matches!(event, Event::CallRing { .. }));
        assert!(!rings, "a call that is over does not ring");
    }

    #[tokio::test]
    async fn a_call_that_nobody_hangs_up_is_over_after_a_day() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let call = world.place(&ada, &bob).await;
        world.answer(&bob, call).await;

        world.clock.advance(LONGEST_CALL_MS - 1);
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 0);
        world.clock.advance(1);
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn forgetting_leaves_what_is_still_good() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        world.app.forget().await.unwrap();
        assert!(
            !world.events(&ada).await.is_empty(),
            "the acceptance still waits"
        );
        world.clock.advance(31 * 24 * 3_600_000);
        world.app.forget().await.unwrap();
        assert!(
            world.events(&bob).await.is_empty(),
            "after 30 days it does not"
        );
    }
}
