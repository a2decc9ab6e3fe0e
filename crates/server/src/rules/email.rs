use unicode_normalization::UnicodeNormalization;

use super::Wrong;

/// A mail address: as it is shown, and as it is compared.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email {
    shown: String,
    canonical: String,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
    }
}

const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;

impl Email {
    /// Reads an address as a person types it.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(Wrong::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(Wrong::Format)?;
        let local: String = local.nfc().collect();
        if local.is_empty()
            || local.len() > MAX_LOCAL_BYTES
            || local.starts_with('.')
            || local.ends_with('.')
            || local.contains("..")
            || !local.chars().all(is_local_char)
        {
            return Err(Wrong::Format);
        }
        let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| Wrong::Format)?;
        let is_name = ascii.contains('.') && !ascii.ends_with('.');
        let is_number = ascii
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if !is_name || is_number {
            return Err(Wrong::Format);
        }
        let canonical = format!("{}@{ascii}", local.to_lowercase().nfc().collect::<String>());
        if canonical.len() > MAX_BYTES {
            return Err(Wrong::TooLong);
        }
        let (shown_domain, valid) = idna::domain_to_unicode(&ascii);
        valid.map_err(|_| Wrong::Format)?;
        Ok(Self {
            shown: format!("{local}@{shown_domain}"),
            canonical,
        })
    }

    /// The local part as typed, the domain in lower case.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The local part in lower case, the domain in ASCII (IDNA A-labels).
    pub(crate) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// For mail transport: the local part as typed, the domain in ASCII.
    pub(crate) fn routed(shown: &str) -> Option<String> {
        let (local, domain) = shown.split_once('@')?;
        Some(format!(
            "{local}@{}",
            idna::domain_to_ascii_strict(domain).ok()?
        ))
    }
}

/// RFC 5322 atoms (section 3.2.3) and everything beyond ASCII (RFC 6531); no quoted strings.
fn is_local_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    }
    c.is_alphanumeric()
        || !(c.is_control() || c.is_whitespace() || ('\u{2000}'..='\u{206f}').contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_what_was_typed_and_compares_folded() {
        let email = Email::parse(" Ada.Lovelace@Example.ORG ").unwrap();
        assert_eq!(email.shown(), "Ada.Lovelace@example.org");
        assert_eq!(email.canonical(), "ada.lovelace@example.org");
    }

    #[test]
    fn international_domains_compare_in_punycode() {
        let a = Email::parse("jo@bücher.example").unwrap();
        let b = Email::parse("JO@xn--bcher-kva.example").unwrap();
        assert_eq!(a.canonical(), b.canonical());
        assert_eq!(b.shown(), "JO@bücher.example");
        assert_eq!(
            Email::routed(a.shown()).unwrap(),
            "jo@xn--bcher-kva.example"
        );
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@@example.org",
            "a@b@c.example",
            "ada@localhost",
            "ada@example..org",
            "ada@-.org",
            "ada@exam ple.org",
            "a da@example.org",
            "ada@example.org\r\nBcc: x@y.example",
            "\"a b\"@example.org",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            ".ada@example.org",
            "a..b@example.org",
            "ada\u{202e}@example.org",
            "ada@example.org.",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?} is no address");
        }
        assert_eq!(
            Email::parse(&format!("a@{}.org", "b.".repeat(130))),
            Err(Wrong::TooLong)
        );
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(65))).is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_address_has_no_room_for_mischief(text in "\\PC{0,20}@[a-z0-9.\\-]{0,20}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(email.shown().matches('@').count(), 1);
                prop_assert!(!email.shown().chars().any(|c| c.is_control() || c.is_whitespace()));
                let again = Email::parse(email.shown()).unwrap();
                prop_assert_eq!(again.canonical(), email.canonical());
            }
        }
    }
}
