use std::{
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::random;
use crate::platform;

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The database was written with a key file, and there is none.
    #[error(
        "the key file {0} is missing, and the database cannot be read without it: bring it back from the backup"
    )]
    Missing(PathBuf),
    /// Others can read it.
    #[error("others can read the key file {0}: allow only its owner (chmod 600)")]
    NotPrivate(PathBuf),
    /// Not a key.
    #[error("{0} is not a key file: 32 bytes in base64url are expected")]
    Malformed(PathBuf),
    /// The file system refused.
    #[error("the key file {0} cannot be used")]
    Io(PathBuf, #[source] std::io::Error),
}

/// Returns the key in a file that is there.
pub(crate) fn read_key(path: &Path) -> Result<[u8; 32], KeyFileError> {
    match read_or_create(path, false) {
        Err(KeyFileError::Missing(path)) => {
            Err(KeyFileError::Io(path, std::io::ErrorKind::NotFound.into()))
        }
        read => read,
    }
}

/// Returns the key in the file. Makes a fresh one only where the database holds no secrets yet.
pub(crate) fn read_or_create(path: &Path, may_create: bool) -> Result<[u8; 32], KeyFileError> {
    let io = |error| KeyFileError::Io(path.to_owned(), error);
    match std::fs::read_to_string(path) {
        Ok(text) => {
            if !platform::is_private(path).map_err(io)? {
                return Err(KeyFileError::NotPrivate(path.to_owned()));
            }
            let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok();
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_create => {
            let key = random();
            let mut file = platform::create_private_file(path).map_err(io)?;
            writeln!(file, "{}", URL_SAFE_NO_PAD.encode(key)).map_err(io)?;
            file.sync_all().map_err(io)?;
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(KeyFileError::Missing(path.to_owned()))
        }
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_key_once_and_reads_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        assert!(matches!(
            read_or_create(&path, false),
            Err(KeyFileError::Missing(_))
        ));
        let key = read_or_create(&path, true).unwrap();
        assert_eq!(read_or_create(&path, true).unwrap(), key);
        assert_eq!(read_or_create(&path, false).unwrap(), key);
        assert!(platform::is_private(&path).unwrap());
    }

    #[test]
    fn refuses_a_file_that_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        for text in ["", "AAAA", "not base64url!"] {
            let _ = std::fs::remove_file(&path);
            let mut file = platform::create_private_file(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert!(
                matches!(read_or_create(&path, true), Err(KeyFileError::Malformed(_))),
                "{text:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn refuses_a_key_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        read_or_create(&path, true).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            read_or_create(&path, true),
            Err(KeyFileError::NotPrivate(_))
        ));
    }
}
