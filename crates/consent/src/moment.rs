//! Times as records write them: RFC 3339, UTC, milliseconds.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A Unix time in milliseconds as `2026-11-30T09:05:00.250Z`. `None` outside the years 0 to 9999.
#[must_use]
pub fn write(ms: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    if !(0..=9999).contains(&at.year()) {
        return None;
    }
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    ))
}

/// The Unix time in milliseconds of a text that [`write`] made; `None` for every other text, also for
/// another way to write the same moment.
#[must_use]
pub fn read(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
    (write(ms)? == text).then_some(ms)
}

/// The day of a Unix time in milliseconds, `2026-11-30`.
#[must_use]
pub fn day(ms: i64) -> Option<String> {
    write(ms).map(|text| text.chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_moment_has_one_text() {
        assert_eq!(write(0).unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            write(1_796_029_500_250).unwrap(),
            "2026-11-30T09:05:00.250Z"
        );
        assert_eq!(read("2026-11-30T09:05:00.250Z"), Some(1_796_029_500_250));
        for other in [
            "2026-11-30T09:05:00.25Z",
            "2026-11-30T10:05:00.250+01:00",
            "2026-11-30t09:05:00.250Z",
            "2026-11-30 09:05:00.250Z",
            "2026-02-30T09:05:00.250Z",
            // In the year 10000 by UTC.
            "9999-12-31T23:59:59.000-23:59",
            "0000-01-01T00:00:00.000+23:59",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(day(1_796_029_500_250).unwrap(), "2026-11-30");
    }

    proptest! {
        #[test]
        fn any_time_is_no_panic(ms: i64) {
            if let Some(text) = write(ms) {
                prop_assert_eq!(read(&text), Some(ms));
            }
        }

        #[test]
        fn any_text_is_no_panic(text in ".{0,40}") {
            let _none_or_some = read(&text);
        }
    }
}
