//! `endpoint.json`: where a daemon that serves a state folder listens.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::state::StateDir;
use crate::wire::PROTOCOL_VERSION;

/// What a daemon that serves says about itself in its state folder.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    version: String,
    protocol_version: u8,
    pid: u32,
    /// Its Unix socket.
    pub(super) socket: PathBuf,
    /// The file with the key that it wants.
    key_file: PathBuf,
}

impl Endpoint {
    /// The one of a state folder; none if there is none, or none that is written whole.
    pub(crate) fn read(state: &StateDir) -> anyhow::Result<Option<Self>> {
        let path = state.path().join("endpoint.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context(format!("cannot read `{}`", path.display())),
        };
        // One that is being written is looked at again.
        Ok(serde_json::from_str(&text).ok())
    }

    /// It is of this process: one that a daemon left behind when it was killed is not.
    pub(super) fn is_of(&self, pid: &str) -> bool {
        self.pid.to_string() == pid
    }

    /// This program and that daemon understand each other.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let own = env!("CARGO_PKG_VERSION");
        let alike = own.split('.').take(2).eq(self.version.split('.').take(2));
        if alike && self.protocol_version == PROTOCOL_VERSION {
            return Ok(());
        }
        bail!(
            "the omi-agentd that runs (process {}) is version {} with protocol {}, and this is {own} with protocol {PROTOCOL_VERSION}; \
             hint: end it and start it again with this version",
            self.pid,
            self.version,
            self.protocol_version
        )
    }

    /// The key that it wants.
    pub(super) fn key(&self) -> anyhow::Result<String> {
        let key = std::fs::read_to_string(&self.key_file);
        let key = key.with_context(|| format!("cannot read the key `{}`", self.key_file.display()))?;
        Ok(key.trim().to_owned())
    }
}
