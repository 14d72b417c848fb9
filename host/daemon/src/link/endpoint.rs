//! Whether an endpoint is that of the daemon that has the folder, and whether this program understands it.

use anyhow::{Context as _, bail};

use crate::http::Endpoint;
use crate::state::StateDir;
use crate::wire::PROTOCOL_VERSION;

/// The endpoint of a state folder, if it is that of a process: one that a daemon left behind when it was killed is not.
pub(super) fn of(state: &StateDir, pid: &str) -> Option<Endpoint> {
    // One that cannot be read is not there yet, or not any more.
    Endpoint::read(&state.endpoint()).ok().filter(|endpoint| endpoint.pid.to_string() == pid)
}

/// This program and that daemon understand each other.
pub(super) fn check(endpoint: &Endpoint) -> anyhow::Result<()> {
    let own = env!("CARGO_PKG_VERSION");
    let alike = own.split('.').take(2).eq(endpoint.version.split('.').take(2));
    if alike && endpoint.protocol_version == PROTOCOL_VERSION {
        return Ok(());
    }
    bail!(
        "the omi-agentd that runs (process {}) is version {} with protocol {}, and this is {own} with protocol {PROTOCOL_VERSION}; \
         hint: end it and start it again with this version",
        endpoint.pid,
        endpoint.version,
        endpoint.protocol_version
    )
}

/// The key that it wants.
pub(super) fn key(endpoint: &Endpoint) -> anyhow::Result<String> {
    let key = std::fs::read_to_string(&endpoint.key_file);
    let key = key.with_context(|| format!("cannot read the key `{}`", endpoint.key_file.display()))?;
    Ok(key.trim().to_owned())
}
