use anyhow::Result;
use nix::time::{ClockId, clock_gettime};

/// Now by the clock that virtual cameras stamp their pictures and their log with, in nanoseconds.
///
/// # Errors
/// When the system has no such clock.
pub fn monotonic_ns() -> Result<u64> {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// A moment of the Unix clock, in milliseconds, as nanoseconds by [`monotonic_ns`].
///
/// # Errors
/// When the system lacks one of the clocks.
pub fn unix_ms_as_monotonic_ns(at_ms: u64) -> Result<u64> {
    let (unix, monotonic) = (nanoseconds(ClockId::CLOCK_REALTIME)?, monotonic_ns()?);
    Ok((monotonic + at_ms * 1_000_000).saturating_sub(unix))
}

fn nanoseconds(clock: ClockId) -> Result<u64> {
    let time = clock_gettime(clock)?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_two_clocks_agree_on_now() {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let monotonic = unix_ms_as_monotonic_ns(u64::try_from(unix).unwrap()).unwrap();
        assert!(monotonic.abs_diff(monotonic_ns().unwrap()) < 1_000_000_000);
    }
}
