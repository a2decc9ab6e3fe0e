use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use jasmin_protocol::{Date, password::PASSWORD_CHARS};

use super::{AccountError, opaque::normalised};
use crate::redact::{Personal, Secret};

const MAX_NAME_GRAPHEMES: usize = 64;
const MAX_EMAIL_BYTES: usize = 254;

/// What a person fills in to sign up. The server checks it once more, and the birthday against its
/// age rule.
#[derive(Clone, Debug)]
pub struct SignUpForm {
    /// 1 to 64 graphemes.
    pub name: Personal<String>,
    /// The address to sign in with.
    pub email: Personal<String>,
    /// 10 to 256 characters.
    pub password: Secret,
    /// `YYYY-MM-DD`.
    pub birthday: Personal<Date>,
}

impl SignUpForm {
    /// Trims and normalises, and finds what is wrong before anything is sent.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] with the first wrong field.
    pub fn checked(self) -> Result<Self, AccountError> {
        let name: String = self.name.reveal().trim().nfc().collect();
        let graphemes = name.graphemes(true).count();
        if graphemes == 0 {
            return invalid("name", "a name is needed");
        }
        if graphemes > MAX_NAME_GRAPHEMES {
            return invalid("name", "a name has at most 64 characters");
        }
        if name
            .chars()
            .any(|c| c.is_control() || is_direction_override(c))
        {
            return invalid("name", "a name holds no control characters");
        }
        let email = checked_email(self.email.reveal())?;
        if !PASSWORD_CHARS.contains(&normalised(&self.password).chars().count()) {
            return invalid("password", "a password has 10 to 256 characters");
        }
        let birthday = self.birthday.reveal().trim().to_owned();
        if !is_date(&birthday) {
            return invalid(
                "birthday",
                "a birthday is a date of the calendar, YYYY-MM-DD",
            );
        }
        let password = self.password;
        Ok(Self {
            name: name.into(),
            email: email.into(),
            password,
            birthday: birthday.into(),
        })
    }
}

/// Trims; wants one `@` with something on both sides. The server knows the finer rules.
pub(super) fn checked_email(typed: &str) -> Result<String, AccountError> {
    let email = typed.trim();
    let well_formed = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    let clean = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if !well_formed || !clean {
        return invalid("email", "an address looks like name@example.org");
    }
    if email.len() > MAX_EMAIL_BYTES {
        return invalid("email", "an address has at most 254 characters");
    }
    Ok(email.to_owned())
}

/// Characters that turn the writing direction of what follows (Unicode UAX #9).
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let digits =
        |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u32>(), month.parse::<u32>(), day.parse())
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day) && year >= 1900
}

fn invalid<T>(field: &'static str, detail: &'static str) -> Result<T, AccountError> {
    Err(AccountError::Invalid { field, detail })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_good_form_is_trimmed_and_normalised() {
        let form = form(
            " Zoe\u{308} ",
            " zoe@example.org ",
            "ten letters",
            "2000-02-29",
        );
        let checked = form.checked().unwrap();
        assert_eq!(checked.name.reveal(), "Zo\u{eb}");
        assert_eq!(checked.email.reveal(), "zoe@example.org");
    }

    #[test]
    fn the_wrong_field_is_named() {
        let good = ("Zoe", "zoe@example.org", "ten letters", "2000-01-31");
        for (field, (name, email, password, birthday)) in [
            ("name", ("  ", good.1, good.2, good.3)),
            ("name", ("Z\u{202e}oe", good.1, good.2, good.3)),
            ("name", ("Z\u{7}oe", good.1, good.2, good.3)),
            ("name", (&*"a".repeat(65), good.1, good.2, good.3)),
            ("email", (good.0, "zoe", good.2, good.3)),
            ("email", (good.0, "zoe@", good.2, good.3)),
            ("email", (good.0, "a@b@c", good.2, good.3)),
            ("email", (good.0, "a b@c.org", good.2, good.3)),
            (
                "email",
                (
                    good.0,
                    &*format!("{}@c.org", "a".repeat(250)),
                    good.2,
                    good.3,
                ),
            ),
            ("password", (good.0, good.1, "nine char", good.3)),
            ("password", (good.0, good.1, &*"a".repeat(257), good.3)),
            ("birthday", (good.0, good.1, good.2, "31.01.2000")),
            ("birthday", (good.0, good.1, good.2, "2001-02-29")),
            ("birthday", (good.0, good.1, good.2, "1899-12-31")),
            ("birthday", (good.0, good.1, good.2, "2000-13-01")),
            ("birthday", (good.0, good.1, good.2, "2000-00-10")),
            ("birthday", (good.0, good.1, good.2, "")),
        ] {
            match form(name, email, password, birthday).checked() {
                Err(AccountError::Invalid { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{field} is wrong, not {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(name in "\\PC*", email in "\\PC*", password in "\\PC*", date in "\\PC*") {
            let _ = form(&name, &email, &password, &date).checked();
        }
    }

    fn form(name: &str, email: &str, password: &str, birthday: &str) -> SignUpForm {
        SignUpForm {
            name: name.to_owned().into(),
            email: email.to_owned().into(),
            password: password.into(),
            birthday: birthday.to_owned().into(),
        }
    }
}
