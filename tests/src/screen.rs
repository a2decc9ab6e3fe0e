use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};

use crate::{Picture, Program, program::bare, until};

/// A virtual screen (Xvfb) of its own number.
#[derive(Debug)]
pub struct Screen {
    display: String,
    /// Where Xvfb keeps the pixels.
    pixels: PathBuf,
    server: Program,
}

impl Screen {
    /// Turns on a screen of 1400 × 900.
    ///
    /// # Errors
    /// When Xvfb is missing or no number is free.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &[])
    }

    /// As [`Screen::start`], without memory that is shared with programs: as if it was far away.
    ///
    /// # Errors
    /// As [`Screen::start`].
    pub fn start_far(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &["-extension", "MIT-SHM"])
    }

    fn start_with(folder: &Path, options: &[&str]) -> Result<Self> {
        let mut command = bare("Xvfb");
        let pixels = folder.join("screen");
        fs::create_dir_all(&pixels)?;
        command.arg("-fbdir").arg(&pixels);
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
        command.args(options);
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
            pixels: pixels.join("Xvfb_screen0"),
            server,
        })
    }

    /// What is on it at this moment.
    ///
    /// # Errors
    /// When the pixels cannot be read.
    pub fn picture(&self) -> Result<Picture> {
        picture(&self.pixels)
    }

    /// The file that Xvfb keeps the pixels in, as a window dump (XWD) that changes as it paints.
    pub fn pixels(&self) -> &Path {
        &self.pixels
    }

    /// Xvfb itself.
    pub fn program(&self) -> &Program {
        &self.server
    }

    /// What goes into `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}

/// What is on the screen whose pixels are kept in a file.
pub(crate) fn picture(pixels: &Path) -> Result<Picture> {
    read_xwd(&fs::read(pixels)?).context("the screen is not as Xvfb keeps it")
}

/// Reads a window dump (XWD, version 7) of 32 bits a pixel: a head of 25 big-endian words, colours
/// of 12 bytes each, rows of blue, green, red and nothing.
fn read_xwd(dump: &[u8]) -> Option<Picture> {
    let word = |at: usize| {
        let bytes = dump.get(4 * at..4 * at + 4)?;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let (width, height, stride) = (word(4)?, word(5)?, word(12)?);
    let rows = dump.get(word(0)? + 12 * word(19)?..)?;
    let mut rgba = Vec::with_capacity(4 * width * height);
    for row in rows.chunks(stride).take(height) {
        let pixels = row.as_chunks::<4>().0.get(..width)?;
        rgba.extend(
            pixels
                .iter()
                .flat_map(|[blue, green, red, _]| [*red, *green, *blue, 255]),
        );
    }
    (rgba.len() == 4 * width * height).then_some(Picture {
        width,
        height,
        rgba,
        at_ms: 0,
    })
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
        let picture = two.picture().unwrap();
        assert_eq!((picture.width, picture.height), (1400, 900));
    }
}
