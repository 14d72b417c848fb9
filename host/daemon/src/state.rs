//! The state folder: where the record lives, and the lock that keeps it with one daemon.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// What is wrong with a state folder. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// Another daemon has it.
    #[error(
        "another omi-agentd (process {pid}) uses `{path}`; \
         hint: end it first, or name another folder with --state-dir"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who has it; nobody, while it takes it.
        pid: String,
        /// It serves, or is about to: there is an endpoint, or will be, or was.
        serves: bool,
    },
    /// It cannot be used.
    #[error("cannot use the state folder `{path}`: {error}; hint: name another one with --state-dir")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// There is no home folder to put it in.
    #[error("there is no home folder to keep state in; hint: name a folder with --state-dir")]
    NoHome,
}

/// Where the record lives.
#[derive(Debug, Clone)]
pub(crate) struct StateDir(PathBuf);

/// The right to write in a state folder, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct StateLock(File);

/// What the file of the lock says beside the process of a daemon that serves.
const SERVES: &str = "serves";

impl StateDir {
    /// The folder named, else the platform's own.
    pub(crate) fn choose(named: Option<PathBuf>) -> Result<Self, StateError> {
        if let Some(path) = named {
            let absolute =
                std::path::absolute(&path).map_err(|error| StateError::Unusable { path, error })?;
            return Ok(Self(absolute));
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| StateError::NoHome)?;
        let base = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
        Ok(Self(base.join("omi-agentd")))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The database (SPEC §1.4).
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("omi-agentd.sqlite3")
    }

    /// Where a daemon that serves says how it is found.
    pub(crate) fn endpoint(&self) -> PathBuf {
        self.0.join("endpoint.json")
    }

    /// The API key of whoever owns this folder.
    pub(crate) fn api_key(&self) -> PathBuf {
        self.0.join("api-key")
    }

    /// The Unix socket of a daemon that serves.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("omi-agentd.sock")
    }

    /// Where the files of artifacts are kept.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.0.join("artifacts")
    }

    /// Where what clients send along is kept.
    pub(crate) fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// Where compiled components are kept.
    pub(crate) fn compiled(&self) -> PathBuf {
        self.0.join("compiled")
    }

    /// Makes the folder, for its owner alone, and takes the right to write in it.
    pub(crate) fn lock(&self) -> Result<StateLock, StateError> {
        let unusable = |error| StateError::Unusable { path: self.0.clone(), error };
        create_private(&self.0).map_err(unusable)?;
        let path = self.0.join("omi-agentd.lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(unusable)?;
                Ok(StateLock(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is helps; that it is there is what counts.
                let _ = file.rewind().and_then(|()| file.read_to_string(&mut pid));
                let (pid, what) = pid.trim().split_once(' ').unwrap_or((pid.trim(), ""));
                // A file that is empty yet says nothing about who writes it.
                let serves = what == SERVES || pid.is_empty();
                Err(StateError::InUse { path: self.0.clone(), pid: pid.to_owned(), serves })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

impl StateLock {
    /// Says to those who find the folder taken that this process serves it: they may talk to it.
    pub(crate) fn serves(&mut self) -> std::io::Result<()> {
        self.0.rewind()?;
        write!(self.0, "{} {SERVES}", std::process::id())
    }
}

/// Makes a folder, and those it is in, for their owner alone.
#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a folder, and those it is in.
#[cfg(not(unix))]
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

/// The configuration file that is read where none is named.
pub(crate) fn default_config() -> Result<PathBuf, StateError> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| StateError::NoHome)?;
    Ok(strategy.config_dir().join("omi-agentd/config.toml"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_folder_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(folder.path().join("a/state"))).unwrap();
        let mut lock = state.lock().unwrap();
        let mode = std::fs::metadata(state.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let own = std::process::id().to_string();
        let taken = |state: &StateDir| match state.lock() {
            Err(StateError::InUse { pid, serves, .. }) => (pid, serves),
            other => panic!("it has one daemon: {other:?}"),
        };
        assert_eq!(taken(&state), (own.clone(), false));
        lock.serves().unwrap();
        assert_eq!(taken(&state), (own, true));
        drop(lock);
        assert!(state.lock().is_ok());
    }
}
