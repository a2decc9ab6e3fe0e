//! What a person may enter.

mod birthday;
mod email;
mod name;

pub(crate) use birthday::{Birthday, BirthdayError};
pub(crate) use email::Email;
pub(crate) use name::person_name;

/// Why a text is not accepted. The words are those of [`jasmin_protocol::FieldError::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Format,
    TooLong,
    TooShort,
}

impl Wrong {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::TooLong => "too-long",
            Self::TooShort => "too-short",
        }
    }
}
