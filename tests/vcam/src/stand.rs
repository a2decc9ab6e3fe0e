//! The folder that holds the cameras of a test.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::spec::Camera;

/// Variable with the folder.
const FOLDER: &str = "JASMIN_VCAM";
/// Variable with the name (`comm`) of the only program that gets the cameras.
const ONLY: &str = "JASMIN_VCAM_ONLY";
/// File in the folder that says what happened.
const LOG: &str = "log";

/// A place for virtual cameras: a folder with one file for each.
#[derive(Debug, Clone)]
pub struct Stand {
    folder: PathBuf,
}

/// What a process did with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Opened the device.
    Open,
    /// Closed the device.
    Close,
    /// Began to take pictures: the light of a real camera would go on.
    Start,
    /// Stopped taking pictures.
    Stop,
}

/// One line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub at: u64,
    pub process: u32,
    pub activity: Activity,
    /// Number of the camera.
    pub camera: u32,
}

impl Stand {
    /// Makes the folder, if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Plugs a camera in, or changes one that is plugged in.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plug(&self, number: u32, camera: &Camera) -> io::Result<()> {
        // Renamed into place: nobody may read half a camera.
        let draft = self.folder.join(format!(".video{number}"));
        fs::write(&draft, camera.to_string())?;
        fs::rename(draft, self.folder.join(format!("video{number}")))
    }

    /// Pulls a camera out.
    ///
    /// # Errors
    /// When there is none.
    pub fn unplug(&self, number: u32) -> io::Result<()> {
        fs::remove_file(self.folder.join(format!("video{number}")))
    }

    /// Returns what was done with the cameras so far.
    ///
    /// # Errors
    /// When the log cannot be read; an absent one is empty.
    pub fn log(&self) -> io::Result<Vec<LogLine>> {
        match fs::read_to_string(self.folder.join(LOG)) {
            Ok(text) => Ok(text.lines().filter_map(log_line).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Returns how many handles of a camera are open now.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn open_handles(&self, number: u32) -> io::Result<usize> {
        let count = |activity| {
            self.log().map(|log| {
                log.iter()
                    .filter(|line| line.camera == number && line.activity == activity)
                    .count()
            })
        };
        Ok(count(Activity::Open)?.saturating_sub(count(Activity::Close)?))
    }

    /// Returns the variables that give a process the cameras; `only` limits them to processes of
    /// that name (at most 15 characters, as in `/proc/<pid>/comm`), and not to their children.
    #[must_use]
    pub fn environment(&self, only: Option<&str>) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut variables = vec![(FOLDER.to_owned(), text(&self.folder))];
        if let Some(library) = Self::library() {
            variables.push(("LD_PRELOAD".to_owned(), text(&library)));
        }
        if let Some(only) = only {
            variables.push((ONLY.to_owned(), only.chars().take(15).collect()));
        }
        variables
    }

    /// Finds the library to be preloaded, in the folder of the running program or one above it.
    ///
    /// Cargo puts it there for every crate with a dev-dependency on `jasmin-vcam-preload`.
    #[must_use]
    pub fn library() -> Option<PathBuf> {
        let program = env::current_exe().ok()?;
        program
            .ancestors()
            .skip(1)
            .take(3)
            .flat_map(|folder| [folder.to_path_buf(), folder.join("deps")])
            .map(|folder| folder.join("libjasmin_vcam_preload.so"))
            .find(|library| library.is_file())
    }
}

fn log_line(line: &str) -> Option<LogLine> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let process = words.next()?.parse().ok()?;
    let activity = match words.next()? {
        "open" => Activity::Open,
        "close" => Activity::Close,
        "start" => Activity::Start,
        "stop" => Activity::Stop,
        _ => return None,
    };
    let camera = words.next()?.strip_prefix("video")?.parse().ok()?;
    Some(LogLine {
        at,
        process,
        activity,
        camera,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_are_understood() {
        assert_eq!(
            log_line("123456789 42 close video3"),
            Some(LogLine {
                at: 123_456_789,
                process: 42,
                activity: Activity::Close,
                camera: 3
            })
        );
        assert_eq!(log_line("123 42 burn video3"), None);
        assert_eq!(log_line(""), None);
    }
}
