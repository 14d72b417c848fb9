//! How a program is to be run: what the daemon tells a supervisor, and the supervisor its launcher.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::cgroup;
use crate::registration::ProcessLimits;

/// Permissions of a folder that is for one process alone.
pub(super) const PRIVATE_FOLDER: u32 = 0o700;
/// Names that are tried for a new folder: an earlier daemon of the same process id may have left a few.
const NAMES_TRIED: u32 = 100;

/// How a program is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// What the receiver is.
    pub(crate) role: Role,
    /// What the program may use of the machine.
    pub(crate) limits: ProcessLimits,
    /// What was made for it.
    pub(crate) belongings: Belongings,
    /// How it is confined, if it is.
    pub(crate) confinement: Option<Confinement>,
}

/// What the receiver of options is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// It starts a launcher and watches over what comes of it.
    Supervise,
    /// It becomes the program.
    Launch,
}

/// What a confined program may touch, besides its folder, its temporary folder and the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confinement {
    /// The folder that was judged and that the program has to be in, without symlinks.
    pub(crate) folder: PathBuf,
    /// What it may write to. A folder that is not there is made.
    pub(crate) state: Vec<PathBuf>,
    /// What it may read.
    pub(crate) read: Vec<PathBuf>,
    /// What it may read besides, where it is there.
    pub(crate) known: Vec<PathBuf>,
    /// The daemon's own: no folder that it may touch may be in this, or have this in it.
    pub(crate) private: Vec<PathBuf>,
}

/// What is made for one program, and removed when nothing of it is left: by its supervisor, and again by the daemon,
/// so that it is gone when either of them was killed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Belongings {
    /// Its control group, where one can be had.
    pub(crate) group: Option<PathBuf>,
    /// Its temporary folder, if it is confined.
    pub(crate) scratch: Option<PathBuf>,
}

impl Belongings {
    /// What a new program needs.
    pub(crate) fn make(limits: &ProcessLimits, is_confined: bool) -> io::Result<Self> {
        let scratch = is_confined.then(make_scratch).transpose()?;
        Ok(Self { group: cgroup::make(limits.processes), scratch })
    }

    /// Removes all that is still there. What is in use by others (a group with a process in it) stays.
    pub(crate) fn remove(&self) {
        if let Some(group) = &self.group {
            cgroup::remove(group);
        }
        if let Some(scratch) = &self.scratch {
            // It may be gone already; and what cannot be removed is no reason to end otherwise than in order.
            let _ = fs::remove_dir_all(scratch);
        }
    }
}

/// Makes something under a new name with `make`, which answers that it exists where the name is taken.
pub(super) fn under_a_new_name<T>(mut make: impl FnMut(&str) -> io::Result<T>) -> io::Result<T> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut tried = 0;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        match make(&format!("{}{}-{number}", cgroup::PREFIX, std::process::id())) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < NAMES_TRIED => tried += 1,
            made => return made,
        }
    }
}

fn make_scratch() -> io::Result<PathBuf> {
    let temporary = std::env::temp_dir();
    under_a_new_name(|name| {
        let folder = temporary.join(name);
        DirBuilder::new().mode(PRIVATE_FOLDER).create(&folder)?;
        Ok(folder)
    })
    .map_err(|error| {
        let text = format!("cannot make a temporary folder in `{}`: {error}", temporary.display());
        io::Error::new(error.kind(), text)
    })
}
