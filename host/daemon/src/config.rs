//! The configuration file: registrations, and the few numbers a person may want to change.

mod grant;
mod http;
mod mcp;
mod place;
mod registration;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use omi_kernel::id::AdapterId;
use omi_kernel::request::WorkerLimits;
use omi_kernel::schedule::{PARKED_MAX_DEFAULT, WORKERS_MAX_DEFAULT};
use serde::Deserialize;

use crate::bundled;
use crate::catalogue::{self, Agent};
pub(crate) use http::{ApiKey, HttpConfig, Tls};
use place::Place;
pub(crate) use registration::RegistrationConfig;

/// Milliseconds that a cancelled attempt has to stop before its worker is ended (SPEC §11.1 row 21).
const CANCEL_GRACE_MS_DEFAULT: u64 = 10_000;
/// Milliseconds that a request to a person stays open: long enough for a lunch, short enough to free the worker.
const WAIT_TIMEOUT_MS_DEFAULT: u64 = 30 * 60 * 1000;
/// Milliseconds that a worker is kept with nothing to do: its next prompt begins at once, its memory is not held all
/// day.
const IDLE_WORKER_MS_DEFAULT: u64 = 10 * 60 * 1000;
/// Days that the events of a run are kept once it is over: a quarter.
const EVENTS_KEEP_DAYS_DEFAULT: u64 = 90;
/// Events that are kept at most: about a gigabyte of them.
const EVENTS_MAX_DEFAULT: u64 = 1_000_000;

/// What is wrong with a configuration. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}:{line}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where in it.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value cannot be used.
    #[error("{path}: `{key}` {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, with the tables it is in.
        key: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// There is no such registration.
    #[error(
        "there is no registration `{name}`; hint: usable here are {known}; add `[registrations.{name}]` to {path}; \
         `omi-agentd adapters --detect` looks for others"
    )]
    UnknownRegistration {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// Where it could be added.
        path: String,
    },
}

/// Where the configuration is, or would be.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    /// The file, absolute.
    pub(crate) path: PathBuf,
    /// A person named it, so that it has to be there.
    pub(crate) required: bool,
}

impl ConfigFile {
    /// Reads it.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.path, self.required)
    }
}

/// Everything that is configured.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file it was read from, or the one it would be read from.
    pub(crate) path: PathBuf,
    /// The registration to use where none is named.
    pub(crate) default_adapter: Option<String>,
    /// Runs that execute at the same time.
    pub(crate) workers_max: usize,
    /// Runs that may wait for a person or another run beside those.
    pub(crate) parked_max: usize,
    /// Milliseconds that a cancelled attempt has to stop.
    pub(crate) cancel_grace_ms: u64,
    /// Milliseconds that a request to a person stays open.
    pub(crate) wait_timeout_ms: u64,
    /// Milliseconds that a worker is kept with nothing to do.
    pub(crate) idle_worker_ms: u64,
    /// Days that the events of a run are kept once it is over.
    pub(crate) events_keep_days: u64,
    /// Events that are kept at most.
    pub(crate) events_max: u64,
    /// What is configured about HTTP.
    pub(crate) http: HttpConfig,
    /// The keys of other owners, by the names that the configuration gives them.
    pub(crate) api_keys: BTreeMap<String, ApiKey>,
    /// The registrations by name.
    pub(crate) registrations: BTreeMap<String, RegistrationConfig>,
    /// The names of those that the file itself has.
    pub(crate) own: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    default_adapter: Option<String>,
    workers_max: Option<usize>,
    parked_max: Option<usize>,
    cancel_grace_ms: Option<u64>,
    wait_timeout_ms: Option<u64>,
    idle_worker_ms: Option<u64>,
    events_keep_days: Option<u64>,
    events_max: Option<u64>,
    #[serde(default)]
    http: HttpConfig,
    #[serde(default)]
    api_keys: BTreeMap<String, ApiKey>,
    #[serde(default)]
    registrations: BTreeMap<String, RegistrationConfig>,
}

impl Config {
    /// Reads the file at `path`; `required` says that it must exist.
    pub(crate) fn load(path: &Path, required: bool) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => String::new(),
            Err(error) => return Err(ConfigError::Unreadable { path: path.to_owned(), error }),
        };
        Self::read(path, &text)
    }

    /// Reads the text of a file that is, or is to be, at `path`.
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file = settled(path, text)?;
        let own = file.registrations.keys().cloned().collect();
        let mut registrations = bundled()?;
        registrations.extend(file.registrations);
        Ok(Self {
            path: path.to_owned(),
            default_adapter: file.default_adapter,
            workers_max: workers_max(file.workers_max),
            parked_max: file.parked_max.unwrap_or(PARKED_MAX_DEFAULT),
            cancel_grace_ms: file.cancel_grace_ms.unwrap_or(CANCEL_GRACE_MS_DEFAULT),
            wait_timeout_ms: file.wait_timeout_ms.unwrap_or(WAIT_TIMEOUT_MS_DEFAULT),
            idle_worker_ms: file.idle_worker_ms.unwrap_or(IDLE_WORKER_MS_DEFAULT),
            events_keep_days: file.events_keep_days.unwrap_or(EVENTS_KEEP_DAYS_DEFAULT),
            events_max: file.events_max.unwrap_or(EVENTS_MAX_DEFAULT),
            http: file.http,
            api_keys: file.api_keys,
            registrations,
            own,
        })
    }

    /// The registration with this name.
    pub(crate) fn registration(&self, name: &str) -> Result<&RegistrationConfig, ConfigError> {
        self.registrations.get(name).ok_or_else(|| ConfigError::UnknownRegistration {
            name: name.to_owned(),
            known: self.usable().join(", "),
            path: self.path.display().to_string(),
        })
    }

    /// The registrations that can be used on this machine: those of the file, and those that need no program that is
    /// missing.
    fn usable(&self) -> Vec<String> {
        let is_usable = |(name, registration): &(&String, &RegistrationConfig)| {
            self.own.contains(*name)
                || registration.programs().all(|(_, program)| which::which(program).is_ok())
        };
        self.registrations.iter().filter(is_usable).map(|(name, _)| format!("`{name}`")).collect()
    }

    /// The file of a component that is not bundled, absolute.
    pub(crate) fn component(&self, component: &str) -> Result<PathBuf, String> {
        Place::of(&self.path).path(component)
    }

    /// How many workers there may be.
    pub(crate) fn worker_limits(&self) -> WorkerLimits {
        let limit = |(name, registration): (&String, &RegistrationConfig)| {
            Some((AdapterId(name.clone()), registration.workers_max?))
        };
        WorkerLimits {
            of_adapter: self.registrations.iter().filter_map(limit).collect(),
            parked_max: self.parked_max,
        }
    }

    /// Some registration hands the control tools to its agents.
    pub(crate) fn offers_tools(&self) -> bool {
        self.registrations.values().any(|registration| registration.tools)
    }

    /// The registrations that opted in to the legacy permission policy.
    pub(crate) fn legacy_adapters(&self) -> Vec<AdapterId> {
        let legacy = |(_, registration): &(&String, &RegistrationConfig)| registration.is_legacy();
        self.registrations.iter().filter(legacy).map(|(name, _)| AdapterId(name.clone())).collect()
    }
}

impl File {
    /// Finds what is wrong that the types cannot say. The error is a key, and what is wrong with its value.
    fn settle(&mut self, place: &Place) -> Result<(), (String, String)> {
        not_zero("workers-max", self.workers_max)?;
        not_zero("wait-timeout-ms", self.wait_timeout_ms)?;
        not_zero("events-keep-days", self.events_keep_days)?;
        not_zero("events-max", self.events_max)?;
        self.http.settle(place)?;
        self.api_keys.iter_mut().try_for_each(|(name, key)| key.settle(name, place))?;
        self.registrations.iter_mut().try_for_each(|(name, registration)| registration.settle(name, place))
    }
}

/// Zero where it would mean that nothing can happen.
fn not_zero<N: Copy + PartialEq + From<u8>>(key: &str, value: Option<N>) -> Result<(), (String, String)> {
    if value == Some(N::from(0)) {
        return Err((key.to_owned(), "cannot be 0; hint: leave it out for what is usual".to_owned()));
    }
    Ok(())
}

/// The environment wins over the file, as SPEC §12 has it; what is no number is ignored.
fn workers_max(configured: Option<usize>) -> usize {
    let environment = std::env::var("OMI_AGENT_MAX_WORKERS").ok().and_then(|text| text.parse().ok());
    environment.filter(|count| *count >= 1).or(configured).unwrap_or(WORKERS_MAX_DEFAULT)
}

/// The registrations that are there without any configuration.
fn bundled() -> Result<BTreeMap<String, RegistrationConfig>, ConfigError> {
    let mut bundled = settled(Path::new("(bundled)"), bundled::REGISTRATIONS)?;
    for (name, text) in catalogue::FILES {
        let path = PathBuf::from(format!("(bundled)/{name}.toml"));
        let agent = Agent::parse(text).map_err(|error| invalid(&path, text, &error))?;
        bundled.registrations.insert((*name).to_owned(), agent.registration);
    }
    settle(&mut bundled, Path::new("(bundled)"))?;
    Ok(bundled.registrations)
}

fn settled(path: &Path, text: &str) -> Result<File, ConfigError> {
    let mut file: File = toml::from_str(text).map_err(|error| invalid(path, text, &error))?;
    settle(&mut file, path)?;
    Ok(file)
}

fn settle(file: &mut File, path: &Path) -> Result<(), ConfigError> {
    let wrong = |(key, reason)| ConfigError::Value { path: path.to_owned(), key, reason };
    file.settle(&Place::of(path)).map_err(wrong)
}

fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or(""));
    ConfigError::Invalid {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        reason: error.message().replace('\n', "; "),
    }
}
