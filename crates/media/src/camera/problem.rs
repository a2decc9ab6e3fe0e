//! What errors of the camera library mean.

use nokhwa::NokhwaError;

use super::CameraProblem;

/// Reads the problem out of an error; the library has only sentences, which end in the number that
/// the system gave.
pub(crate) fn classify(error: &NokhwaError) -> CameraProblem {
    let text = error.to_string();
    match os_error(&text) {
        Some(number) => from_os_error(number),
        None if text.contains("Failed to Fufill") => CameraProblem::NoFormat,
        None => crate::platform::classify_text(&text),
    }
}

/// Reads the problem out of an error number.
pub(crate) fn from_os_error(number: i32) -> CameraProblem {
    match number {
        1 | 13 => CameraProblem::Denied,
        16 => CameraProblem::Busy,
        2 | 6 => CameraProblem::Missing,
        19 => CameraProblem::Gone,
        _ => CameraProblem::Other,
    }
}

fn os_error(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_at_the_end_decides() {
        let open = |text: &str| NokhwaError::OpenDeviceError("0".to_owned(), text.to_owned());
        for (text, problem) in [
            (
                "V4L2 Error: Permission denied (os error 13)",
                CameraProblem::Denied,
            ),
            (
                "V4L2 Error: No such file or directory (os error 2)",
                CameraProblem::Missing,
            ),
            ("Device or resource busy (os error 16)", CameraProblem::Busy),
            ("No such device (os error 19)", CameraProblem::Gone),
            ("Input/output error (os error 5)", CameraProblem::Other),
            ("os error 16", CameraProblem::Other),
            ("(os error x)", CameraProblem::Other),
        ] {
            assert_eq!(classify(&open(text)), problem, "{text}");
        }
    }

    #[test]
    fn a_request_that_cannot_be_met_is_a_format_problem() {
        let error = NokhwaError::GetPropertyError {
            property: "CameraFormat".to_owned(),
            error: "Failed to Fufill".to_owned(),
        };
        assert_eq!(classify(&error), CameraProblem::NoFormat);
    }
}
