//! Whether what is in the folder of the cache is ours: what others could have written there is never run.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Read, write and enter: for the owner alone, because compiled code in it is run.
pub(super) const PRIVATE: u32 = 0o700;
/// Write, for the group and for all others.
const WRITE_OF_OTHERS: u32 = 0o022;

/// Creates the folder if it is not there, closes it to others, and gives the path of it without links. One that
/// belongs to another user, or in which others could write until now, cannot be used.
pub(super) fn prepare(folder: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    let path = folder.canonicalize()?;
    // What is looked at is what is closed, whatever happens to its name meanwhile.
    let opened = File::open(&path)?;
    check_ours(&opened.metadata()?)?;
    opened.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(path)
}

/// Refuses what is no plain file of this user.
pub(super) fn check_file(file: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(file)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    check_ours(&found)
}

fn check_ours(found: &Metadata) -> io::Result<()> {
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!("it belongs to the user {}; hint: remove it", found.uid())));
    }
    let mode = found.mode() & 0o777;
    if mode & WRITE_OF_OTHERS != 0 {
        return Err(io::Error::other(format!(
            "others can write to it (its mode is {mode:o}); hint: remove it"
        )));
    }
    Ok(())
}
