//! What the two sides tell each other end to end, on the data channel "jasmin": JSON text, one object
//! a message. Unknown messages are skipped, so that a newer side can say more.

use serde::{Deserialize, Serialize};

/// The data channel's label.
pub(crate) const LABEL: &str = "jasmin";
/// No message is anywhere near as long.
const MAX_LEN: usize = 4096;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum Control {
    /// What of the sender is on. The last one counts.
    Media { microphone: bool, camera: bool },
    /// The sender hangs up.
    Bye,
}

impl Control {
    /// Returns the message, or `None` when it is not one that is known.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        if data.len() > MAX_LEN {
            return None;
        }
        serde_json::from_slice(data).ok()
    }

    pub(crate) fn to_json(self) -> String {
        match self {
            Self::Media { microphone, camera } => {
                format!(r#"{{"t":"media","microphone":{microphone},"camera":{camera}}}"#)
            }
            Self::Bye => r#"{"t":"bye"}"#.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way() {
        for (microphone, camera) in [(true, false), (false, true)] {
            let media = Control::Media { microphone, camera };
            assert_eq!(Control::parse(media.to_json().as_bytes()), Some(media));
        }
        assert_eq!(
            Control::parse(Control::Bye.to_json().as_bytes()),
            Some(Control::Bye)
        );
    }

    #[test]
    fn skips_what_it_does_not_know() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"t":"dance"}"#,
            r#"{"t":"media"}"#,
            "\u{0}",
            "null",
        ] {
            assert_eq!(Control::parse(text.as_bytes()), None, "{text}");
        }
        let newer = r#"{"t":"media","microphone":true,"camera":true,"hand":"up"}"#;
        assert!(
            Control::parse(newer.as_bytes()).is_some(),
            "fields may be added"
        );
        let long = format!(r#"{{"t":"bye","x":"{}"}}"#, "x".repeat(5000));
        assert_eq!(Control::parse(long.as_bytes()), None);
    }
}
