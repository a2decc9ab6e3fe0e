//! The folder that holds everything of one installed copy.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::platform;

/// A folder that exists, is private, and can be written.
#[derive(Debug)]
pub(crate) struct Profile {
    folder: PathBuf,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the profile folder {} cannot be used", folder.display())]
pub(crate) struct ProfileError {
    folder: PathBuf,
    source: io::Error,
}

impl Profile {
    /// Makes the folder if it is not there.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, ProfileError> {
        match platform::make_private(&folder).and_then(|()| fs::canonicalize(&folder)) {
            Ok(folder) => Ok(Self { folder }),
            Err(source) => Err(ProfileError { folder, source }),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the window in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_folder_and_keeps_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a").join("b");
        let profile = Profile::open(folder.clone()).unwrap();
        fs::write(profile.file("x"), "y").unwrap();
        let again = Profile::open(folder).unwrap();
        assert_eq!(fs::read_to_string(again.file("x")).unwrap(), "y");
    }

    #[test]
    fn a_file_in_its_place_is_told() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("file");
        fs::write(&folder, "").unwrap();
        let error = Profile::open(folder).unwrap_err().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }
}
