//! The clock of barcodes and of the log.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`, as in [`LogLine::at`](crate::LogLine::at).
#[must_use]
pub fn nanos() -> u64 {
    // This clock is always there.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    })
}

/// Milliseconds of the same clock, modulo 2^32, as in
/// [`Stamp::millis`](crate::barcode::Stamp::millis).
#[must_use]
pub fn millis() -> u32 {
    (nanos() / 1_000_000) as u32
}
