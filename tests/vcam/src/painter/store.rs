//! Where the prepared pictures lie: in memory that can be told from that of the program under test.

use std::ops::Deref;

/// Its name in `/proc/<pid>/smaps`.
pub const NAME: &str = "vcam-scene";

/// Bytes that do not change.
#[derive(Debug)]
pub(super) enum Store {
    #[cfg(target_os = "linux")]
    Named(memmap2::Mmap),
    Plain(Vec<u8>),
}

impl Store {
    /// Moves `bytes` to memory of that name. Where there is no such thing, they count as the program's.
    pub(super) fn keep(bytes: Vec<u8>) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(memory) = name(&bytes) {
            return Self::Named(memory);
        }
        Self::Plain(bytes)
    }
}

#[cfg(target_os = "linux")]
fn name(bytes: &[u8]) -> std::io::Result<memmap2::Mmap> {
    use std::{fs::File, io::Write};

    use nix::sys::memfd::{MFdFlags, memfd_create};

    let mut file = File::from(memfd_create(NAME, MFdFlags::MFD_CLOEXEC)?);
    file.write_all(bytes)?;
    #[expect(unsafe_code, reason = "nobody else has the file, so nobody cuts it")]
    unsafe {
        memmap2::Mmap::map(&file)
    }
}

impl Deref for Store {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            #[cfg(target_os = "linux")]
            Self::Named(memory) => memory,
            Self::Plain(bytes) => bytes,
        }
    }
}
