use time::{Date, Month, OffsetDateTime};

/// A real calendar date on which a living person can have been born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Birthday(Date);

/// Not a birthday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BirthdayError {
    /// Not `YYYY-MM-DD`.
    Format,
    /// No such day, one before 1900, or one in the future.
    Impossible,
}

impl Birthday {
    /// Reads `YYYY-MM-DD`.
    pub(crate) fn parse(text: &str, now_ms: i64) -> Result<Self, BirthdayError> {
        let bytes = text.as_bytes();
        let number = |range: std::ops::Range<usize>| -> Option<u16> {
            let digits = bytes.get(range)?;
            digits.iter().try_fold(0_u16, |sum, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| sum * 10 + u16::from(digit - b'0'))
            })
        };
        let (true, Some(b'-'), Some(b'-')) = (bytes.len() == 10, bytes.get(4), bytes.get(7)) else {
            return Err(BirthdayError::Format);
        };
        let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10))
        else {
            return Err(BirthdayError::Format);
        };
        let impossible = BirthdayError::Impossible;
        let month = u8::try_from(month)
            .ok()
            .and_then(|month| Month::try_from(month).ok());
        let day = u8::try_from(day).map_err(|_| impossible)?;
        let date = Date::from_calendar_date(i32::from(year), month.ok_or(impossible)?, day)
            .map_err(|_| impossible)?;
        if year < 1900 || date > today(now_ms) {
            return Err(impossible);
        }
        Ok(Self(date))
    }

    /// Returns the age in whole years, by the date in UTC. Who was born on 29 February turns a year
    /// older on 1 March of a common year.
    pub(crate) fn age(self, now_ms: i64) -> u16 {
        let today = today(now_ms);
        let had_birthday =
            (today.month() as u8, today.day()) >= (self.0.month() as u8, self.0.day());
        let years = today.year() - self.0.year() - i32::from(!had_birthday);
        u16::try_from(years).unwrap_or(0)
    }
}

impl std::fmt::Display for Birthday {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month() as u8,
            self.0.day()
        )
    }
}

fn today(now_ms: i64) -> Date {
    OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000))
        .map_or(Date::MAX, OffsetDateTime::date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Time, UtcOffset};

    use super::*;

    fn ms(year: i32, month: Month, day: u8) -> i64 {
        let date = Date::from_calendar_date(year, month, day).unwrap();
        OffsetDateTime::new_in_offset(date, Time::MIDNIGHT, UtcOffset::UTC).unix_timestamp() * 1000
    }

    #[test]
    fn turns_a_year_older_on_the_day_itself() {
        let born = Birthday::parse("2010-06-15", ms(2026, Month::June, 14)).unwrap();
        assert_eq!(born.age(ms(2026, Month::June, 14)), 15);
        assert_eq!(born.age(ms(2026, Month::June, 15) - 1), 15);
        assert_eq!(born.age(ms(2026, Month::June, 15)), 16);
    }

    #[test]
    fn leap_day_children_turn_on_the_first_of_march_in_common_years() {
        let born = Birthday::parse("2008-02-29", ms(2026, Month::January, 1)).unwrap();
        assert_eq!(born.age(ms(2025, Month::February, 28)), 16);
        assert_eq!(born.age(ms(2025, Month::March, 1)), 17);
        assert_eq!(born.age(ms(2028, Month::February, 29)), 20);
    }

    #[test]
    fn refuses_what_is_no_birthday() {
        let now = ms(2026, Month::November, 22);
        for (text, error) in [
            ("", BirthdayError::Format),
            ("22.11.1990", BirthdayError::Format),
            ("1990-1-1", BirthdayError::Format),
            ("1990-01-01T00:00", BirthdayError::Format),
            ("+990-01-01", BirthdayError::Format),
            ("１９９０-01-01", BirthdayError::Format),
            ("2023-02-29", BirthdayError::Impossible),
            ("1900-02-29", BirthdayError::Impossible),
            ("1990-13-01", BirthdayError::Impossible),
            ("1990-00-10", BirthdayError::Impossible),
            ("1990-04-31", BirthdayError::Impossible),
            ("1899-12-31", BirthdayError::Impossible),
            ("2026-11-23", BirthdayError::Impossible),
        ] {
            assert_eq!(Birthday::parse(text, now), Err(error), "{text:?}");
        }
        assert!(
            Birthday::parse("2026-11-22", now).is_ok(),
            "born today is a date, if no account"
        );
        assert!(Birthday::parse("2024-02-29", now).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_date_or_an_error(text in "\\PC{0,12}") {
            if let Ok(born) = Birthday::parse(&text, ms(2026, Month::November, 22)) {
                prop_assert_eq!(born.to_string(), text);
            }
        }
    }
}
