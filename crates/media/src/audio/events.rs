//! Tells what happens, from more than one thread.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::voice::{OnEvent, VoiceEvent};

/// Shared by the threads of one voice.
#[derive(Clone)]
pub(super) struct Events(Arc<Mutex<OnEvent>>);

impl Events {
    pub(super) fn new(on_event: OnEvent) -> Self {
        Self(Arc::new(Mutex::new(on_event)))
    }

    pub(super) fn tell(&self, event: VoiceEvent) {
        let mut on_event = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (*on_event)(event);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
