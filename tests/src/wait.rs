use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How long a test waits for what must happen. Generous: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until there is something to see, for [`PATIENCE`].
///
/// # Errors
/// When the time is over: with the last error of `look`, if it had one.
pub fn until<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(PATIENCE, what, look)
}

/// As [`until`], with a time of its own.
///
/// # Errors
/// When the time is over: with the last error of `look`, if it had one.
pub fn until_within<T>(
    time: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + time;
    loop {
        let last = match look() {
            Ok(Some(seen)) => return Ok(seen),
            Ok(None) => String::new(),
            Err(error) => format!(" ({error:#})"),
        };
        if Instant::now() >= deadline {
            bail!("waited {} s for {what}{last}", time.as_secs_f64());
        }
        thread::sleep(Duration::from_millis(25));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_was_seen() {
        let mut looks = 0;
        let seen = until("the third look", || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(seen.unwrap(), 3);
    }

    #[test]
    fn tells_what_it_waited_for_and_the_last_error() {
        let nothing: Result<()> =
            until_within(Duration::ZERO, "a miracle", || bail!("none of these today"));
        let text = nothing.unwrap_err().to_string();
        assert!(
            text.contains("a miracle") && text.contains("none of these today"),
            "{text}"
        );
    }
}
