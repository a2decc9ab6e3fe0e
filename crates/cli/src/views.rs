//! Waiting for what the application shows.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use jasmin_client::View;
use tokio::{sync::watch, time::timeout};

pub(crate) type Views = watch::Receiver<Arc<View>>;

/// Waits until `look` finds something, at most so long. `what` names it for the error.
pub(crate) async fn find<T>(
    views: &mut Views,
    patience: Duration,
    what: &str,
    mut look: impl FnMut(&View) -> Option<T>,
) -> anyhow::Result<T> {
    let found = timeout(patience, async {
        loop {
            // The borrow must end before the wait.
            let found = look(&views.borrow_and_update());
            match found {
                Some(found) => return Ok(found),
                None => views.changed().await?,
            }
        }
    });
    match found.await {
        Ok(found) => {
            found.map_err(|_: watch::error::RecvError| anyhow::anyhow!("the application ended"))
        }
        Err(_) => bail!("{what} did not happen within {} s", patience.as_secs()),
    }
    .context("waiting for the application")
}
