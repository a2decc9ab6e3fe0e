//! Values that must not be seen in logs.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Personal data: a name, an address. `Debug` and `Display` never show it; [`Personal::reveal`]
/// does, for the page and for the wire.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps it.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows it. Not for logs.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// Takes it out.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl<T> fmt::Display for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// A password, passphrase or token: never shown, and wiped from memory when dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Shows it. Not for logs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_the_value() {
        let name = Personal::new("Ada Lovelace".to_owned());
        let password = Secret::from("correct horse");
        let shown = format!("{name} {name:?} {name:#?} {password} {password:?}");
        assert!(
            !shown.contains("Ada") && !shown.contains("horse"),
            "{shown}"
        );
        assert_eq!(name.reveal(), "Ada Lovelace");
        assert_eq!(password.reveal(), "correct horse");
    }

    #[test]
    fn travels_as_the_bare_value() {
        let name: Personal<String> = serde_json::from_str("\"Ada\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Ada\"");
    }
}
