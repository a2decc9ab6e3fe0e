use std::path::Path;

use anyhow::{Result, anyhow};

use crate::{Program, program::bare, until};

/// A virtual screen (Xvfb) of its own number.
#[derive(Debug)]
pub struct Screen {
    display: String,
    _server: Program,
}

impl Screen {
    /// Turns on a screen of 1400 × 900.
    ///
    /// # Errors
    /// When Xvfb is missing or no number is free.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut command = bare("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1400x900x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ]);
        let mut server = Program::start(&mut command, "xvfb", folder)?;
        let number = until("Xvfb's number", || {
            let ended = server.ended()?;
            let number = server
                .log()
                .lines()
                .find_map(|line| line.trim().parse::<u32>().ok());
            let lost = || ended.map(|_| Err(anyhow!("Xvfb ended: {}", server.log())));
            Ok(number.map(Ok).or_else(lost))
        })??;
        Ok(Self {
            display: format!(":{number}"),
            _server: server,
        })
    }

    /// What goes into `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_screens_have_two_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let one = Screen::start(folder.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        let two = Screen::start(other.path()).unwrap();
        assert_ne!(one.display(), two.display());
    }
}
