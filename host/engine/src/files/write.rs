//! Writing a file: in one step, or at its end, and on the disk when it is told.
//!
//! Replacing makes a new file beside the old one and puts it in its place, so that a reader sees one or the other. It
//! keeps the permissions; the owner is then the daemon's user, and other hard links keep the old content.
//! Folders on the way that are missing are created, as the clients of agents do.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::OFlags;

use super::{FileError, Folder, WriteMode};
use crate::limits;

/// Names that are tried for a temporary file: another process may have taken some.
const NAMES_TRIED: u32 = 16;
/// What of the permissions of a file is kept: whoever writes to a file takes away that it runs as its owner.
const KEPT_MODE: u32 = 0o777;

/// Where a file is, or will be: no part of it is a link any more.
pub(super) struct Place {
    folder: Dir,
    name: String,
    /// The permissions of the file that is there.
    mode: Option<u32>,
}

impl Folder {
    /// Writes the pieces to a file, one after the other, and says how many bytes that were. `path` is as
    /// [`super::relative`] gives it. A link is followed: what it leads to is written.
    pub(crate) fn write(&self, path: &str, pieces: &[&[u8]], mode: WriteMode) -> Result<u64, FileError> {
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        if bytes > limits::FILE_BYTES {
            return Err(FileError::TooLarge { bytes, max: limits::FILE_BYTES });
        }
        let place = self.place(path, mode)?;
        match mode {
            WriteMode::Replace => place.replace(pieces)?,
            WriteMode::CreateNew => place.create(pieces)?,
            WriteMode::Append => place.append(pieces)?,
        }
        sync(&place.folder)?;
        Ok(bytes)
    }

    fn place(&self, path: &str, mode: WriteMode) -> Result<Place, FileError> {
        let found = match self.dir.symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.new_place(path),
            Err(error) => return Err(error.into()),
        };
        if mode == WriteMode::CreateNew {
            return Err(FileError::Exists);
        }
        let real = if found.is_symlink() { self.dir.canonicalize(path) } else { Ok(path.into()) };
        let real = real.map_err(|error| match error.into() {
            // A link to what does not exist.
            FileError::NotFound => FileError::NotAFile,
            other => other,
        })?;
        let (folder, name) = split(&real)?;
        // Opening it for writing asks the system whether this user may write it; a new file in its place would not.
        let old = self.open_regular(&format!("{}", real.display()), OpenOptions::new().write(true))?;
        let mode = Some(old.metadata()?.permissions().mode() & KEPT_MODE);
        Ok(Place { folder: self.dir.open_dir(folder)?, name: name.to_owned(), mode })
    }

    /// A place where nothing is. The folders on the way are created.
    pub(super) fn new_place(&self, path: &str) -> Result<Place, FileError> {
        let (folder, name) = split(Path::new(path))?;
        if folder != Path::new(".") {
            self.dir.create_dir_all(folder)?;
        }
        Ok(Place { folder: self.dir.open_dir(folder)?, name: name.to_owned(), mode: None })
    }
}

impl Place {
    pub(super) fn replace(&self, pieces: &[&[u8]]) -> Result<(), FileError> {
        let temporary = Temporary::with(&self.folder, pieces, self.mode)?;
        self.folder.rename(&temporary.name, &self.folder, &self.name)?;
        Ok(())
    }

    pub(super) fn create(&self, pieces: &[&[u8]]) -> Result<(), FileError> {
        let temporary = Temporary::with(&self.folder, pieces, None)?;
        // A link to it, unlike a new name for it, never takes the place of what is there.
        self.folder.hard_link(&temporary.name, &self.folder, &self.name)?;
        Ok(())
    }

    fn append(&self, pieces: &[&[u8]]) -> Result<(), FileError> {
        let mut how = OpenOptions::new();
        how.append(true).create(true);
        // What is in this place by now may be a link or a pipe: neither is followed or waited for.
        how.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW).bits().cast_signed());
        let file = self.folder.open_with(&self.name, &how)?;
        if !file.metadata()?.is_file() {
            return Err(FileError::NotAFile);
        }
        put(&file, pieces)?;
        Ok(())
    }
}

/// A file that is gone when this is dropped, unless it was given another name.
struct Temporary<'d> {
    folder: &'d Dir,
    name: String,
}

impl<'d> Temporary<'d> {
    /// A new file with this content.
    fn with(folder: &'d Dir, pieces: &[&[u8]], mode: Option<u32>) -> io::Result<Self> {
        let (temporary, file) = Self::create(folder)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        put(&file, pieces)?;
        Ok(temporary)
    }

    fn create(folder: &'d Dir) -> io::Result<(Self, File)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);

        let mut tried = 1;
        loop {
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".omi-agentd-{}-{next}.tmp", std::process::id());
            match folder.open_with(&name, OpenOptions::new().write(true).create_new(true)) {
                Ok(file) => return Ok((Self { folder, name }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < NAMES_TRIED => {
                    tried += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After `rename` there is nothing of this name; if it cannot be removed, there is nobody to tell.
        let _ = self.folder.remove_file(&self.name);
    }
}

fn put(mut file: &File, pieces: &[&[u8]]) -> io::Result<()> {
    for piece in pieces {
        file.write_all(piece)?;
    }
    file.sync_all()
}

/// The name itself is on the disk when its folder is.
fn sync(folder: &Dir) -> io::Result<()> {
    let mut how = OpenOptions::new();
    how.read(true).custom_flags(OFlags::DIRECTORY.bits().cast_signed());
    folder.open_with(".", &how)?.sync_all()
}

/// The folder and the name; both are below the root already.
fn split(path: &Path) -> Result<(&Path, &str), FileError> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(FileError::NotAFile)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")), name))
}
