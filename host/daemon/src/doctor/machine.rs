//! What belongs to no agent: the state folder and who has it, the record, the compiled components, the configuration.

use std::io::ErrorKind;
use std::path::Path;

use omi_store::{Reader, StoreError};

use super::finding::Findings;
use crate::config::{Config, ConfigError, ConfigFile};
use crate::state::{StateDir, StateError};

/// The state folder can be used, or a daemon uses it. One that is not there is not made.
pub(super) fn state(state: &StateDir, findings: &mut Findings) {
    let path = state.path();
    let shown = format!("`{}`", path.display());
    if !path.exists() {
        let parent = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        // Only a try says it: there are folders in which not even root can make one. It is gone at once.
        match tempfile::tempdir_in(parent) {
            Ok(_) => findings.fine("state", format!("{shown} is not there yet, and can be made")),
            Err(_) => {
                let why = format!("{shown} cannot be made: `{}` cannot be written to", parent.display());
                findings.wrong("state", why, "name another folder with --state-dir");
            }
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
        Err(error) if error.kind() == ErrorKind::NotFound => {
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
            let path = file.path.display();
            let hint = match &error {
                ConfigError::Unreadable { error, .. } if error.kind() == ErrorKind::NotFound => {
                    "name one that is there with --config, or leave that out".to_owned()
                }
                ConfigError::Unreadable { .. } => format!("make `{path}` a file that you can read"),
                ConfigError::Invalid { line, .. } => format!("mend line {line} of `{path}`, or take it out"),
                ConfigError::Value { key, .. } => format!("mend `{key}` in `{path}`, or take it out"),
                ConfigError::UnknownRegistration { .. } => format!("mend `{path}`"),
            };
            let why = error.to_string();
            let (why, hint) = match why.split_once("; hint: ") {
                Some((why, own)) => (why.to_owned(), own.to_owned()),
                None => (why, hint),
            };
            findings.wrong("configuration", why, hint);
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
