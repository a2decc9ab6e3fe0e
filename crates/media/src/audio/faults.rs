//! Errors of running streams, made bearable: some drivers report thousands a second.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use super::device::Direction;
use super::keeper::Order;

/// So many small faults within a second mean that the stream is dead.
const STORM: u32 = 50;

/// What a running stream reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device or the sound system is gone.
    Gone,
    /// The stream has to be opened anew.
    Broken,
    /// The operating system moved the stream to another device; it goes on.
    Rerouted,
    /// A moment of sound was lost, or something else that passes.
    Glitch,
}

/// Where a stream's callbacks report faults. Never blocks.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

struct Shared {
    direction: Direction,
    generation: u64,
    orders: SyncSender<Order>,
    told: AtomicBool,
    since: Instant,
    second: AtomicU64,
    within_second: AtomicU32,
}

impl Faults {
    pub(super) fn new(direction: Direction, generation: u64, orders: SyncSender<Order>) -> Self {
        Self {
            shared: Arc::new(Shared {
                direction,
                generation,
                orders,
                told: AtomicBool::new(false),
                since: Instant::now(),
                second: AtomicU64::new(0),
                within_second: AtomicU32::new(0),
            }),
        }
    }

    /// Reports a fault. The first that ends the stream counts; glitches only when they storm.
    pub fn report(&self, fault: Fault) {
        let shared = &self.shared;
        let fault = match fault {
            Fault::Gone | Fault::Broken | Fault::Rerouted => fault,
            Fault::Glitch if self.is_storm() => Fault::Broken,
            Fault::Glitch => return,
        };
        let passes = fault == Fault::Rerouted;
        if !passes && shared.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let order = Order::Fault {
            direction: shared.direction,
            generation: shared.generation,
            fault,
        };
        if shared.orders.try_send(order).is_err() {
            // Full: the next report tries again.
            shared.told.store(false, Ordering::Relaxed);
        }
    }

    fn is_storm(&self) -> bool {
        let shared = &self.shared;
        let second = shared.since.elapsed().as_secs();
        if shared.second.swap(second, Ordering::Relaxed) != second {
            shared.within_second.store(0, Ordering::Relaxed);
        }
        shared.within_second.fetch_add(1, Ordering::Relaxed) + 1 >= STORM
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("direction", &self.shared.direction)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_storm_of_glitches_is_one_order() {
        let (orders, received) = sync_channel(16);
        let faults = Faults::new(Direction::Speaker, 3, orders);
        for _ in 0..10 {
            faults.report(Fault::Glitch);
        }
        assert!(received.try_recv().is_err(), "some glitches are nothing");
        for _ in 0..10_000 {
            faults.report(Fault::Glitch);
        }
        let order = received.try_recv().unwrap();
        assert!(matches!(
            order,
            Order::Fault {
                direction: Direction::Speaker,
                generation: 3,
                fault: Fault::Broken
            }
        ));
        assert!(received.try_recv().is_err());
    }

    #[test]
    fn a_device_goes_only_once() {
        let (orders, received) = sync_channel(16);
        let faults = Faults::new(Direction::Microphone, 1, orders);
        faults.report(Fault::Gone);
        faults.clone().report(Fault::Gone);
        assert_eq!(received.try_iter().count(), 1);
    }
}
