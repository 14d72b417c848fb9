//! What is behind one grant of a registration: exactly one of a program, a terminal, a folder, an origin.

mod keys;
mod origin;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use omi_engine::{Binding, Bound, BoundFiles, BoundHttp, BoundProcess, BoundTerminal, Folder, ProcessFolder};
use omi_kernel::grant::Policy;
use serde::Deserialize;

use super::not_zero;
use super::place::Place;
use crate::bundled_files;
use keys::Kind;
use setting::{LimitsForm, Secrets};

/// What is wrong: the key below the grant (empty for the grant itself), and a sentence without its subject.
pub(super) type Wrong = (String, String);

/// The word for the working folder of the session.
const SESSION: &str = "session";
/// Milliseconds that one request may take: a model may think for two minutes.
const TIMEOUT_MS_DEFAULT: u64 = 120_000;
/// Bytes that the body of one answer may have: a large download, and not the whole disk.
const BODY_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// One grant as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Grant {
    command: Option<Vec<String>>,
    terminal: Option<String>,
    folder: Option<String>,
    origin: Option<String>,
    policy: Option<String>,
    operations: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    pass_env: Option<Vec<String>>,
    secrets: Option<Secrets>,
    cwd: Option<String>,
    limits: Option<LimitsForm>,
    confine: Option<String>,
    state_folders: Option<Vec<String>>,
    read_folders: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    private: Option<bool>,
    timeout_ms: Option<u64>,
    body_bytes: Option<u64>,
}

/// A program with its policy where nothing more is said about it.
pub(super) fn program(argv: Vec<String>, legacy: bool) -> Binding {
    Binding {
        bound: Bound::Process(BoundProcess { argv, ..BoundProcess::default() }),
        policy: policy(Kind::Command, legacy),
        operations: Vec::new(),
        resources: Vec::new(),
    }
}

/// What is decided where the registration does not say: a line that names a program or an origin is the permission;
/// what may be done in a folder depends on what it is.
fn policy(kind: Kind, legacy: bool) -> Policy {
    match kind {
        _ if legacy => Policy::Legacy,
        Kind::Command | Kind::Origin => Policy::Allow,
        Kind::Terminal | Kind::Folder => Policy::Ask,
    }
}

impl Grant {
    /// The grant as the engine takes it; `legacy` says that its registration is of the legacy permission policy.
    pub(super) fn bind(&self, place: &Place, legacy: bool) -> Result<Binding, Wrong> {
        let kind = self.kind()?;
        Ok(Binding {
            bound: self.bound(kind, place)?,
            policy: self.policy()?.unwrap_or_else(|| policy(kind, legacy)),
            operations: self.operations(kind)?,
            resources: self.resources()?,
        })
    }

    fn policy(&self) -> Result<Option<Policy>, Wrong> {
        Ok(Some(match self.policy.as_deref() {
            None => return Ok(None),
            Some("deny") => Policy::Deny,
            Some("ask") => Policy::Ask,
            Some("allow") => Policy::Allow,
            Some("legacy") => Policy::Legacy,
            Some(other) => {
                let hint = "hint: `deny`, `ask`, `allow` or `legacy`";
                return Err(wrong(
                    "policy",
                    format!("is `{}`, which is no policy; {hint}", other.escape_debug()),
                ));
            }
        }))
    }

    fn bound(&self, kind: Kind, place: &Place) -> Result<Bound, Wrong> {
        Ok(match kind {
            Kind::Command => Bound::Process(BoundProcess {
                argv: self.argv(place)?,
                setting: self.setting(place)?,
                cwd: process_folder(self.cwd.as_deref(), place).map_err(at("cwd"))?,
            }),
            Kind::Terminal => Bound::Terminal(BoundTerminal {
                folder: folder(self.terminal.as_deref(), place).map_err(at("terminal"))?,
                setting: self.setting(place)?,
            }),
            Kind::Folder => Bound::Files(BoundFiles {
                folder: folder(self.folder.as_deref(), place).map_err(at("folder"))?,
            }),
            Kind::Origin => Bound::Http(self.http(place)?),
        })
    }

    /// The program and its first arguments. A program that is named by a path is where the configuration says.
    fn argv(&self, place: &Place) -> Result<Vec<String>, Wrong> {
        let mut argv = self.command.clone().unwrap_or_default();
        let Some(program) = argv.first_mut().filter(|program| !program.trim().is_empty()) else {
            return Err(wrong("command", "is empty; hint: name the program to start"));
        };
        if program.contains('/') {
            let path = place.path(program).map_err(at("command"))?;
            path.to_str()
                .ok_or_else(|| wrong("command", "is below a folder whose name is no text"))?
                .clone_into(program);
        }
        if argv.iter().any(|word| word.contains('\0')) {
            return Err(wrong("command", "has a NUL character in it"));
        }
        bundled_files::check(&argv).map_err(at("command"))?;
        Ok(argv)
    }

    fn http(&self, place: &Place) -> Result<BoundHttp, Wrong> {
        not_zero("timeout-ms", self.timeout_ms)?;
        not_zero("body-bytes", self.body_bytes)?;
        Ok(BoundHttp {
            origin: origin::origin(self.origin.as_deref().unwrap_or_default()).map_err(at("origin"))?,
            methods: origin::methods(self.methods.as_deref()).map_err(at("methods"))?,
            private: self.private.unwrap_or_default(),
            secrets: self.headers(place)?,
            timeout_ms: self.timeout_ms.unwrap_or(TIMEOUT_MS_DEFAULT),
            body_bytes: self.body_bytes.unwrap_or(BODY_BYTES_DEFAULT),
        })
    }

    fn operations(&self, kind: Kind) -> Result<Vec<String>, Wrong> {
        let Some(operations) = &self.operations else { return Ok(Vec::new()) };
        not_empty(operations).map_err(at("operations"))?;
        let known = kind.operations();
        match operations.iter().find(|operation| !known.contains(&operation.as_str())) {
            Some(unknown) => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let (word, names) = (kind.word(), names.join(", "));
                Err(wrong(
                    "operations",
                    format!("has `{unknown}`, which nobody does with `{word}`; hint: {names}"),
                ))
            }
            None => Ok(operations.clone()),
        }
    }

    fn resources(&self) -> Result<Vec<String>, Wrong> {
        let Some(resources) = &self.resources else { return Ok(Vec::new()) };
        not_empty(resources).map_err(at("resources"))?;
        if resources.iter().any(String::is_empty) {
            return Err(wrong("resources", "has an empty pattern; hint: `src/**`, `POST /v1/*`"));
        }
        Ok(resources.clone())
    }
}

/// Nothing in a list would mean all of it to one reader and none of it to another.
fn not_empty(list: &[String]) -> Result<(), String> {
    if list.is_empty() {
        return Err(
            "is empty; hint: leave it out for all that is declared, or set `policy = \"deny\"`".to_owned()
        );
    }
    Ok(())
}

fn folder(text: Option<&str>, place: &Place) -> Result<Folder, String> {
    match text.unwrap_or_default() {
        SESSION => Ok(Folder::Session),
        path => Ok(Folder::At(place.path(path)?)),
    }
}

fn process_folder(text: Option<&str>, place: &Place) -> Result<ProcessFolder, String> {
    Ok(match text {
        None => ProcessFolder::Worker,
        Some(SESSION) => ProcessFolder::Session,
        Some(path) => ProcessFolder::At(place.path(path)?),
    })
}

fn wrong(key: &str, reason: impl Into<String>) -> Wrong {
    (key.to_owned(), reason.into())
}

/// Says at which key something is wrong.
fn at<R: Into<String>>(key: &str) -> impl FnOnce(R) -> Wrong {
    move |reason| wrong(key, reason)
}
