use std::time::{Duration, Instant};

use jasmin_call::Transmit;

use super::random::Random;

/// One direction of a network path.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) delay: Duration,
    /// Up to so much more, evenly spread. Packets keep their order.
    pub(crate) jitter: Duration,
    /// Share of packets that are overtaken by those of the next 20 ms.
    pub(crate) reorder: f64,
    /// Share of packets lost, one by one.
    pub(crate) loss: f64,
    /// Gilbert-Elliott: chance to fall into a state where all is lost, and to leave it, per packet.
    pub(crate) burst: Option<(f64, f64)>,
    pub(crate) duplicate: f64,
    /// Bits a second, and bytes of drop-tail queue.
    pub(crate) rate: Option<(u64, usize)>,
    pub(crate) dead: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            reorder: 0.0,
            loss: 0.0,
            burst: None,
            duplicate: 0.0,
            rate: None,
            dead: false,
        }
    }
}

/// What is on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) arrives: Instant,
    pub(crate) datagram: Transmit,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) conditions: Conditions,
    random: Random,
    in_burst: bool,
    /// When the narrowest place has sent all that waits in front of it.
    free_at: Option<Instant>,
    /// When the last packet that was in order arrives.
    in_order: Option<Instant>,
    flights: Vec<Flight>,
}

impl Link {
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            random: Random::new(seed),
            in_burst: false,
            free_at: None,
            in_order: None,
            flights: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, datagram: Transmit, now: Instant) {
        let conditions = self.conditions.clone();
        if conditions.dead || self.random.chance(conditions.loss) || self.is_in_burst() {
            return;
        }
        let mut leaves = now;
        if let Some((bits, queue)) = conditions.rate {
            // UDP and IPv4 headers take room, too.
            let size = datagram.bytes.len() + 28;
            let free_at = self.free_at.unwrap_or(now).max(now);
            let waiting = free_at.duration_since(now).as_secs_f64() * bits as f64 / 8.0;
            if waiting + size as f64 > queue as f64 {
                return;
            }
            leaves = free_at + Duration::from_secs_f64(size as f64 * 8.0 / bits as f64);
            self.free_at = Some(leaves);
        }
        let copies = if self.random.chance(conditions.duplicate) {
            2
        } else {
            1
        };
        let arrives = leaves + conditions.delay + conditions.jitter.mul_f64(self.random.unit());
        let arrives = if self.random.chance(conditions.reorder) {
            arrives + Duration::from_millis(20)
        } else {
            *self
                .in_order
                .insert(self.in_order.map_or(arrives, |last| last.max(arrives)))
        };
        for _ in 0..copies {
            self.flights.push(Flight {
                arrives,
                datagram: datagram.clone(),
            });
        }
    }

    fn is_in_burst(&mut self) -> bool {
        let Some((enter, leave)) = self.conditions.burst else {
            return false;
        };
        let change = if self.in_burst { leave } else { enter };
        if self.random.chance(change) {
            self.in_burst = !self.in_burst;
        }
        self.in_burst
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flights.iter().map(|flight| flight.arrives).min()
    }

    pub(crate) fn arrived(&mut self, now: Instant) -> Vec<Flight> {
        let (mut arrived, rest): (Vec<_>, Vec<_>) = self
            .flights
            .drain(..)
            .partition(|flight| flight.arrives <= now);
        self.flights = rest;
        arrived.sort_by_key(|flight| flight.arrives);
        arrived
    }
}
