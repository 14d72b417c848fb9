//! A file while it arrives: written and hashed a piece at a time, and gone if it never becomes whole.

use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{FILE_BYTES_MAX, KeepError};
use crate::prompt::hex;
use crate::state::create_private;

/// A file while it arrives.
#[derive(Debug)]
pub(crate) struct Upload {
    /// It is made for its owner alone, and removed when this is dropped.
    file: NamedTempFile,
    digest: Sha256,
    bytes: u64,
}

impl Upload {
    pub(super) fn new(file: NamedTempFile) -> Self {
        Self { file, digest: Sha256::new(), bytes: 0 }
    }

    /// A piece of it arrives.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), KeepError> {
        self.bytes += piece.len() as u64;
        if self.bytes > FILE_BYTES_MAX {
            return Err(KeepError::TooLarge);
        }
        self.digest.update(piece);
        Ok(self.file.write_all(piece)?)
    }

    /// How many bytes arrived, and their SHA-256 in hexadecimal.
    pub(crate) fn digest(&self) -> (u64, String) {
        (self.bytes, hex(&self.digest.clone().finalize()))
    }

    /// It is whole, and gets its place.
    pub(super) fn persist(self, path: &Path) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let folder = path.parent().unwrap_or(path);
        create_private(folder)?;
        self.file.persist(path).map_err(|error| error.error)?;
        // The name is safe only with its folder.
        std::fs::File::open(folder)?.sync_all()
    }
}
