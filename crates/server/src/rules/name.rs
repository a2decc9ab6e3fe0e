use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::Wrong;

const MAX_GRAPHEMES: usize = 64;
/// One grapheme can be any number of code points.
const MAX_BYTES: usize = 1024;

/// Returns a person's name as it is kept: NFC and trimmed.
pub(crate) fn person_name(text: &str) -> Result<String, Wrong> {
    if text.len() > MAX_BYTES {
        return Err(Wrong::TooLong);
    }
    let name: String = text.nfc().collect();
    let name = name.trim();
    if !name.chars().any(is_visible) {
        return Err(Wrong::TooShort);
    }
    if name
        .chars()
        .any(|c| c.is_control() || is_line_break(c) || reorders(c))
    {
        return Err(Wrong::Format);
    }
    if name.graphemes(true).count() > MAX_GRAPHEMES {
        return Err(Wrong::TooLong);
    }
    Ok(name.to_owned())
}

/// Bidirectional embeddings, overrides and isolates (UAX #9, section 2): they can make the text
/// around a name read as something else.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_visible(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !reorders(c) && !is_invisible(c)
}

/// Characters that draw nothing by themselves.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_trimmed_and_composed() {
        assert_eq!(person_name("  Ada Lovelace\t").unwrap(), "Ada Lovelace");
        assert_eq!(person_name("Zoe\u{308}").unwrap(), "Zo\u{eb}");
        assert_eq!(person_name("🌼👩‍👩‍👧").unwrap(), "🌼👩‍👩‍👧", "only emoji is a name");
        assert_eq!(person_name("محمد").unwrap(), "محمد");
    }

    #[test]
    fn refuses_what_is_no_name() {
        for (text, wrong) in [
            ("", Wrong::TooShort),
            (" \u{3000} ", Wrong::TooShort),
            ("\u{200b}\u{200d}", Wrong::TooShort),
            ("Ada\nLovelace", Wrong::Format),
            ("Ada\u{0}", Wrong::Format),
            ("Ada\u{202e}ecila", Wrong::Format),
            ("\u{2066}Ada\u{2069}", Wrong::Format),
        ] {
            assert_eq!(person_name(text), Err(wrong), "{text:?}");
        }
        assert_eq!(person_name(&"a".repeat(65)), Err(Wrong::TooLong));
        assert!(
            person_name(&"é".repeat(64)).is_ok(),
            "graphemes count, not bytes"
        );
        assert_eq!(
            person_name(&format!("a{}", "\u{301}".repeat(2000))),
            Err(Wrong::TooLong)
        );
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_accepted_unchanged_again(text in "\\PC{0,80}") {
            if let Ok(name) = person_name(&text) {
                prop_assert_eq!(person_name(&name), Ok(name));
            }
        }
    }
}
