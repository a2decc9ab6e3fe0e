//! Tells the page that there is a new snapshot. The ring carries the revision only, and the page
//! fetches the snapshot itself: a page that does not keep up has one unanswered ring and no queue,
//! and no large payload goes through a script evaluation, whose texts web views keep.

use std::{sync::Arc, time::Duration};

use jasmin_client::View;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

/// The event's name.
pub(crate) const EVENT: &str = "view";

/// Shortest time between two rings.
const PACE: Duration = Duration::from_millis(33);

/// An unanswered ring is repeated no sooner than this: the page may have been loading.
const PATIENCE: Duration = Duration::from_secs(1);

/// The newest revision that the page fetched.
#[derive(Debug, Default)]
pub(crate) struct Doorbell(watch::Sender<u64>);

impl Doorbell {
    /// The page gets this revision now.
    pub(crate) fn fetched(&self, revision: u64) {
        self.0.send_replace(revision);
    }

    /// Calls `ring` with the revision of new snapshots, until there can be no more.
    pub(crate) fn watch<R: FnMut(u64) + Send>(
        &self,
        mut views: watch::Receiver<Arc<View>>,
        mut ring: R,
    ) -> impl Future<Output = ()> + Send + use<R> {
        let mut fetched = self.0.subscribe();
        async move {
            let mut rung: Option<(u64, Instant)> = None;
            while views.changed().await.is_ok() {
                if let Some((revision, at)) = rung {
                    sleep_until(at + PACE).await;
                    // Whether it was answered or the patience ended, the newest is told next.
                    let answer = fetched.wait_for(|fetched| *fetched >= revision);
                    let _answered = timeout_at(at + PATIENCE, answer).await;
                }
                let revision = views.borrow_and_update().revision;
                if revision > *fetched.borrow() {
                    ring(revision);
                    rung = Some((revision, Instant::now()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    struct World {
        doorbell: Doorbell,
        views: watch::Sender<Arc<View>>,
        rings: UnboundedReceiver<u64>,
        started: Instant,
    }

    impl World {
        fn new() -> Self {
            let (views, receiver) = watch::channel(Arc::new(view(1)));
            let (sender, rings) = unbounded_channel();
            let doorbell = Doorbell::default();
            let ring = move |revision| sender.send(revision).unwrap();
            tokio::spawn(doorbell.watch(receiver, ring));
            Self {
                doorbell,
                views,
                rings,
                started: Instant::now(),
            }
        }

        fn change(&self, revision: u64) {
            self.views.send_replace(Arc::new(view(revision)));
        }

        async fn ring(&mut self) -> (u64, u128) {
            let revision = self.rings.recv().await.unwrap();
            (revision, self.started.elapsed().as_millis())
        }
    }

    fn view(revision: u64) -> View {
        serde_json::from_value(json!({
            "revision": revision,
            "server": { "url": "", "link": { "is": "idle" }, "outboxUrl": null },
            "vault": { "is": "opening" },
            "account": { "is": "signed_out" },
            "people": [], "requests": [], "asked": [], "log": [], "consents": [],
            "call": null, "waiting": null, "prompt": null, "check": null,
            "devices": {
                "cameras": [], "microphones": [], "speakers": [],
                "camera": null, "microphone": null, "speaker": null,
                "processing": {
                    "echoCancellation": true, "noiseSuppression": true, "automaticGain": true,
                },
                "systemWay": "rights",
            },
            "ledger": { "records": [], "waiting": 0, "trouble": null, "export": { "is": "none" } },
            "policies": {
                "known": false, "sets": [], "inForce": null, "unread": null, "trouble": false,
                "shown": null,
            },
            "disclosures": { "known": false, "unread": 0, "list": [] },
            "partners": { "known": false, "mayShare": false, "list": [] },
            "statistics": {
                "purpose": { "is": "statistics" }, "state": "never_asked", "sinceMs": null,
                "told": true,
            },
            "policyNews": {
                "purpose": { "is": "policy_news" }, "state": "never_asked", "sinceMs": null,
                "told": true,
            },
            "sending": { "camera": false, "microphone": false, "to": null },
        }))
        .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_rings_at_once_and_the_next_one_at_the_pace() {
        let mut world = World::new();
        world.change(2);
        assert_eq!(world.ring().await, (2, 0));
        world.doorbell.fetched(2);
        world.change(3);
        world.change(4);
        assert_eq!(world.ring().await, (4, 33), "the newest alone");
        assert!(world.rings.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_hangs_hears_one_ring_a_second() {
        let mut world = World::new();
        for revision in 2..=1_001 {
            world.change(revision);
            sleep_until(Instant::now() + Duration::from_millis(10)).await;
        }
        let mut rings = 0;
        while world.rings.try_recv().is_ok() {
            rings += 1;
        }
        assert!((10..=11).contains(&rings), "{rings} rings in ten seconds");

        world.doorbell.fetched(1_001);
        let before = world.started.elapsed().as_millis();
        world.change(1_002);
        let (revision, at) = world.ring().await;
        assert_eq!(revision, 1_002);
        assert!(
            at - before <= 33,
            "rang {} ms after the change",
            at - before
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fetched_is_not_announced() {
        let mut world = World::new();
        world.doorbell.fetched(2);
        world.change(2);
        tokio::task::yield_now().await;
        world.change(3);
        assert_eq!(world.ring().await.0, 3);
        assert!(world.rings.is_empty());
    }
}
