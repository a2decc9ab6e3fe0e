//! Threads that a call waits for go before others, where the operating system lets them.

use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Of 100: well above ordinary threads, below what the system itself needs.
const URGENT: u8 = 80;

/// Puts the current thread, and on Linux those it starts later, before ordinary ones. Without the
/// right to it everything stays as it is: a call is only more easily disturbed then.
pub fn be_urgent() {
    let Ok(urgent) = ThreadPriorityValue::try_from(URGENT) else {
        return;
    };
    let urgent = ThreadPriority::Crossplatform(urgent);
    if let Err(error) = thread_priority::set_current_thread_priority(urgent) {
        tracing::debug!(?error, "a call has the priority of everything else");
    }
}
