//! Files below one folder. Whatever a path says and wherever its links lead, nothing outside of the folder is touched.
//!
//! The folder is opened once; from then on every name is looked up from its handle, step by step in the system, so
//! that a link that is swapped between a check and its use gains nothing. A symbolic link is followed where it is
//! relative and stays inside. Only regular files are read and written, and opening one never waits.

mod path;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub(crate) use path::relative;

/// A folder below which files are read and written. Its functions wait for the disk: not for a worker's thread.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Dir,
}

/// Bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadFile {
    /// What was read.
    pub(crate) bytes: Vec<u8>,
    /// Bytes of the whole file.
    pub(crate) size: u64,
}

/// What writing does to a file that exists. Where there is none, each creates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteMode {
    /// It is replaced, in one step.
    Replace,
    /// It is an error.
    CreateNew,
    /// It grows.
    Append,
}

/// Why a file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// There is none.
    #[error("there is no such file")]
    NotFound,
    /// There is one, and a new one was asked for.
    #[error("the file exists")]
    Exists,
    /// A folder, a pipe, a device, a socket, a link that leads nowhere.
    #[error("it is not a regular file")]
    NotAFile,
    /// The path, or a link on it, leads out of the folder, to what is the daemon's own, or to a path that was not
    /// granted.
    #[error("the path leads out of the granted folder")]
    Outside,
    /// More bytes than are read or written at once.
    #[error("it has {bytes} bytes, at most {max} are read or written at once")]
    TooLarge {
        /// How many.
        bytes: u64,
        /// How many there may be.
        max: u64,
    },
    /// Anything else.
    #[error("{0}")]
    Io(String),
}

impl Folder {
    /// Opens the folder.
    pub(crate) fn open(root: &Path) -> Result<Self, FileError> {
        match Dir::open_ambient_dir(root, ambient_authority()) {
            Ok(dir) => Ok(Self { dir }),
            Err(error) => {
                Err(FileError::Io(format!("cannot open the granted folder `{}`: {error}", root.display())))
            }
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        use rustix::io::Errno;

        // cap-std says in its own words, without a number of the system, that a path leads out.
        if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
            return Self::Outside;
        }
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) => Self::NotFound,
            Some(Errno::EXIST) => Self::Exists,
            // A folder that should be written; a socket, a pipe without a reader, a device without a driver.
            Some(Errno::ISDIR | Errno::NXIO | Errno::NODEV) => Self::NotAFile,
            _ => Self::Io(error.to_string()),
        }
    }
}
