use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::{Rate, keys::digest};

/// Token buckets by key, in memory. Keys are kept as hashes: nothing here says who they were.
pub(crate) struct Limiter(Mutex<HashMap<[u8; 32], Bucket>>);

/// Above this many buckets the full ones are forgotten: they say nothing.
const MANY: usize = 50_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Thousandths of a token.
    left: u64,
    at_ms: i64,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now_ms: i64) -> Self {
        Self {
            left: u64::from(rate.burst) * 1000,
            at_ms: now_ms,
        }
    }

    /// Takes one token, or says in how many milliseconds there is one.
    pub(crate) fn take(&mut self, rate: Rate, now_ms: i64) -> Result<(), u64> {
        let refill_ms = u64::try_from(rate.refill.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        self.refill(rate, refill_ms, now_ms);
        if self.left >= 1000 {
            self.left -= 1000;
            return Ok(());
        }
        Err(((1000 - self.left) * refill_ms).div_ceil(1000))
    }

    fn refill(&mut self, rate: Rate, refill_ms: u64, now_ms: i64) {
        // A clock that went back gives nothing and takes nothing.
        let passed = u64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(0);
        self.at_ms = now_ms;
        let more = passed.saturating_mul(1000) / refill_ms;
        self.left = self
            .left
            .saturating_add(more)
            .min(u64::from(rate.burst) * 1000);
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limiter(…)")
    }
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Takes one token of `what` for `key`, or says in how many milliseconds there is one.
    pub(crate) fn take(&self, what: &str, key: &[u8], rate: Rate, now_ms: i64) -> Result<(), u64> {
        let key = digest(&[what.as_bytes(), key]);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MANY {
            // Whatever nobody touched for an hour is full under every configured rate, or nearly so.
            buckets.retain(|_, bucket| now_ms - bucket.at_ms < 3_600_000);
        }
        buckets
            .entry(key)
            .or_insert_with(|| Bucket::full(rate, now_ms))
            .take(rate, now_ms)
    }
}

/// What one household or machine is counted by: an IPv4 address, or an IPv6 /64.
pub(crate) fn network(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate {
        burst: 2,
        refill: Duration::from_millis(1000),
    };

    #[test]
    fn a_burst_is_let_through_and_then_one_by_one() {
        let limiter = Limiter::new();
        let take = |now_ms| limiter.take("call", b"me", RATE, now_ms);
        assert_eq!((take(0), take(0), take(0)), (Ok(()), Ok(()), Err(1000)));
        assert_eq!(take(400), Err(600));
        assert_eq!((take(1000), take(1000)), (Ok(()), Err(1000)));
        assert_eq!(
            (take(99_000), take(99_000), take(99_000)),
            (Ok(()), Ok(()), Err(1000))
        );
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let limiter = Limiter::new();
        let take = |now_ms| limiter.take("call", b"me", RATE, now_ms);
        assert_eq!(
            (take(10_000), take(10_000), take(5_000)),
            (Ok(()), Ok(()), Err(1000))
        );
        assert_eq!(take(6_000), Ok(()));
    }

    #[test]
    fn each_key_and_each_purpose_has_its_own_bucket() {
        let limiter = Limiter::new();
        for key in [b"a", b"b"] {
            for what in ["x", "y"] {
                assert_eq!(limiter.take(what, key, RATE, 0), Ok(()));
                assert_eq!(limiter.take(what, key, RATE, 0), Ok(()));
                assert!(limiter.take(what, key, RATE, 0).is_err());
            }
        }
    }

    #[test]
    fn an_ipv6_household_is_one_network() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("2001:db8:1:2::3"), net("2001:db8:1:2:ffff::4"));
        assert_ne!(net("2001:db8:1:2::3"), net("2001:db8:1:3::3"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
    }
}
