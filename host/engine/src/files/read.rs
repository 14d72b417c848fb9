//! Reading a file.

use std::io::{Read, Seek, SeekFrom};

use cap_std::fs::{File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::{FileError, Folder, ReadFile};
use crate::limits;

impl Folder {
    /// Reads a file from `offset` on: all of it, or at most `max` bytes. `path` is as [`super::relative`] gives it.
    pub(crate) fn read(&self, path: &str, offset: u64, max: Option<u64>) -> Result<ReadFile, FileError> {
        let mut file = self.open_regular(path, OpenOptions::new().read(true))?;
        let length = file.metadata()?.len();
        let too_large = |bytes| FileError::TooLarge { bytes, max: limits::FILE_BYTES };
        let rest = length.saturating_sub(offset);
        if max.is_none() && rest > limits::FILE_BYTES {
            return Err(too_large(rest));
        }
        let wanted = max.unwrap_or(u64::MAX).min(limits::FILE_BYTES);
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        // One byte more shows a file that has grown, or one of the kernel's that has no length.
        Read::by_ref(&mut file).take(wanted.saturating_add(1)).read_to_end(&mut bytes)?;
        let read = bytes.len() as u64;
        if max.is_none() && read > limits::FILE_BYTES {
            return Err(too_large(read));
        }
        bytes.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let end = if read == 0 { 0 } else { offset.saturating_add(read) };
        Ok(ReadFile { bytes, size: length.max(end) })
    }

    /// Opens what must be a regular file. What is none is found out before it is opened, because opening a device can
    /// have an effect, and once more when it is open.
    pub(super) fn open_regular(&self, path: &str, how: &mut OpenOptions) -> Result<File, FileError> {
        if !self.dir.metadata(path)?.is_file() {
            return Err(FileError::NotAFile);
        }
        self.open_now(path, how)
    }

    /// Opens what was a regular file a moment ago; by now it may be a pipe that nobody writes to.
    pub(super) fn open_now(&self, path: &str, how: &mut OpenOptions) -> Result<File, FileError> {
        how.custom_flags(without_waiting());
        let file = self.dir.open_with(path, how)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(FileError::NotAFile) }
    }
}

/// Opening does not wait for the other end of a pipe, and makes no terminal ours.
fn without_waiting() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}
