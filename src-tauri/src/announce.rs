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
