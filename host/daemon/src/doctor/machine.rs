//! What belongs to no agent: the state folder and who has it, the record, the compiled components, the configuration.

use std::path::Path;

use omi_store::{Reader, StoreError};
use rustix::fs::{Access, access};

use super::finding::Findings;
use crate::config::{Config, ConfigFile};
use crate::state::{StateDir, StateError};

/// The state folder can be used, or a daemon uses it. One that is not there is not made.
pub(super) fn state(state: &StateDir, findings: &mut Findings) {
    let path = state.path();
    let shown = format!("`{}`", path.display());
    if !path.exists() {
        let parent = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        if access(parent, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
            findings.fine("state", format!("{shown} is not there yet, and can be made"));
        } else {
            let why = format!("{shown} cannot be made: `{}` cannot be written to", parent.display());
            findings.wrong("state", why, "name another folder with --state-dir");
        }
        return;
    }
    match state.lock() {
        Ok(_) => findings.fine("state", format!("{shown} can be written to, and no daemon uses it")),
        Err(StateError::InUse { pid, .. }) => {
            findings.note("state", format!("omi-agentd (process {pid}) uses {shown}"));
        }
        Err(error @ (StateError::Unusable { .. } | StateError::NoHome)) => findings.error("state", &error),
    }
}

/// The record can be read.
pub(super) fn record(state: &StateDir, findings: &mut Findings) -> Option<Reader> {
    let database = state.database();
    if !database.exists() {
        findings.fine("record", "there is none yet");
        return None;
    }
    match Reader::open(&database) {
        Ok(reader) => {
            findings.fine("record", format!("`{}` can be read", database.display()));
            Some(reader)
        }
        Err(StoreError::TooOld { .. }) => {
            findings.note(
                "record",
                "it is of an earlier version, and is brought up to date by what uses it next",
            );
            None
        }
        Err(error) => {
            findings.error("record", &error);
            None
        }
    }
}

/// Where compiled components are kept. Without it each start compiles them anew.
pub(super) fn compiled(state: &StateDir, findings: &mut Findings) {
    let path = state.compiled();
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.fine("compiled", "nothing is compiled yet: the first run takes some seconds more");
            return;
        }
        Err(error) => {
            let why = format!("`{}` cannot be read: {error}", path.display());
            findings.wrong("compiled", why, "remove the folder; it only saves time");
            return;
        }
    };
    let sizes: Vec<u64> = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).collect();
    let megabytes = sizes.iter().sum::<u64>() / 1_000_000;
    findings.fine("compiled", format!("{} compiled components, {megabytes} MB", sizes.len()));
}

/// The configuration is read.
pub(super) fn configuration(file: &ConfigFile, findings: &mut Findings) -> Option<Config> {
    let config = match file.load() {
        Ok(config) => config,
        Err(error) => {
            findings.error("configuration", &error);
            return None;
        }
    };
    let path = file.path.display();
    match (file.path.exists(), config.own.len()) {
        (false, _) => findings.fine("configuration", format!("`{path}` is not there, and need not be")),
        (true, count) => findings.fine("configuration", format!("`{path}` is read, and registers {count}")),
    }
    if let Some(name) = &config.default_adapter
        && let Err(error) = config.registration(name)
    {
        findings.error("default-adapter", &error);
    }
    Some(config)
}
