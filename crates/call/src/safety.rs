//! Safety words.

/// One of the four safety words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SafetyWord {
    /// A short English word.
    pub word: &'static str,
    /// Its picture.
    pub emoji: &'static str,
}
