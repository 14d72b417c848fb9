//! `endpoint.json`: where a daemon that serves is found, for whoever can read its state folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::state::StateDir;
use crate::wire::PROTOCOL_VERSION;

/// Where a daemon is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    /// Its version.
    pub(crate) version: String,
    /// The version of the wire that it speaks.
    pub(crate) protocol_version: u8,
    /// Its process.
    pub(crate) pid: u32,
    /// The address of its HTTP server over TCP, if it has one.
    pub(crate) http: Option<String>,
    /// The Unix socket on which it speaks HTTP.
    pub(crate) socket: PathBuf,
    /// The file with the API key.
    pub(crate) key_file: PathBuf,
}

impl Endpoint {
    /// That of this process.
    pub(crate) fn new(state: &StateDir, http: Option<String>, socket: PathBuf) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol_version: PROTOCOL_VERSION,
            pid: std::process::id(),
            http,
            socket,
            key_file: state.api_key(),
        }
    }

    /// Writes it whole, for the owner of the file alone. It is removed when what this answers is dropped.
    pub(crate) fn publish(&self, state: &StateDir) -> std::io::Result<Published> {
        let path = state.endpoint();
        // A temporary file is made for its owner alone, and takes the place of an older one at once.
        let mut file = tempfile::NamedTempFile::new_in(state.path())?;
        // An endpoint is made of texts and numbers, and paths that are text: others cannot be told.
        let text = serde_json::to_string_pretty(self)?;
        writeln!(file, "{text}")?;
        file.persist(&path)?;
        Ok(Published(path))
    }

    /// What is written, if there is something.
    pub(crate) fn read(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

/// An endpoint that can be found until this is dropped.
#[derive(Debug)]
pub(crate) struct Published(PathBuf);

impl Drop for Published {
    fn drop(&mut self) {
        // Who finds it later sees by the lock that there is no daemon.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_as_long_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(folder.path().to_owned())).unwrap();
        let endpoint = Endpoint::new(&state, None, "/run/x.sock".into());
        let published = endpoint.publish(&state).unwrap();
        assert_eq!(Endpoint::read(&state.endpoint()).unwrap(), endpoint);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(state.endpoint().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        drop(published);
        assert!(Endpoint::read(&state.endpoint()).is_err());
    }
}
