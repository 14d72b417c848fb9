//! The configuration file: registrations, and the few numbers a person may want to change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omi_engine::{Bound, BoundProcess, Registration};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::schedule::WORKERS_MAX_DEFAULT;
use serde::Deserialize;

use crate::bundled;

/// Milliseconds that a cancelled attempt has to stop before its worker is ended (SPEC §11.1 row 21).
const CANCEL_GRACE_MS_DEFAULT: u64 = 10_000;

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
    /// There is no such registration.
    #[error(
        "there is no registration `{name}`; hint: there are {known}; add `[registrations.{name}]` to {path}"
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

/// Everything that is configured.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file it was read from, or the one it would be read from.
    pub(crate) path: PathBuf,
    /// The registration to use where none is named.
    pub(crate) default_adapter: Option<String>,
    /// Runs that execute at the same time.
    pub(crate) workers_max: usize,
    /// Milliseconds that a cancelled attempt has to stop.
    pub(crate) cancel_grace_ms: u64,
    /// The registrations by name.
    pub(crate) registrations: BTreeMap<String, RegistrationConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    default_adapter: Option<String>,
    workers_max: Option<usize>,
    cancel_grace_ms: Option<u64>,
    #[serde(default)]
    registrations: BTreeMap<String, RegistrationConfig>,
}

/// A component under a name, its configuration, and what it may touch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RegistrationConfig {
    /// The name of a bundled component, or the path of one, relative to the configuration file.
    pub(crate) component: String,
    /// What happens when the agent asks for permission.
    #[serde(default)]
    pub(crate) approvals: Approvals,
    #[serde(default)]
    grants: BTreeMap<String, Grant>,
    #[serde(default)]
    config: toml::Table,
}

/// What happens when the agent of a registration asks for permission.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Approvals {
    /// A person is asked; where there is none, it is refused.
    #[default]
    Ask,
    /// It is refused.
    Refuse,
    /// It is allowed automatically: the high-trust policy of the first implementation.
    Legacy,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Grant {
    command: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    pass_env: Vec<String>,
    cwd: Option<PathBuf>,
}

impl Config {
    /// Reads the file at `path`; `required` says that it must exist.
    pub(crate) fn load(path: &Path, required: bool) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => String::new(),
            Err(error) => return Err(ConfigError::Unreadable { path: path.to_owned(), error }),
        };
        let bundled = parse(Path::new("(bundled)"), bundled::REGISTRATIONS)?;
        let file = parse(path, &text)?;
        let mut registrations = bundled.registrations;
        registrations.extend(file.registrations);
        for (name, registration) in &registrations {
            registration.check(name, path)?;
        }
        Ok(Self {
            path: path.to_owned(),
            default_adapter: file.default_adapter,
            workers_max: workers_max(file.workers_max),
            cancel_grace_ms: file.cancel_grace_ms.unwrap_or(CANCEL_GRACE_MS_DEFAULT),
            registrations,
        })
    }

    /// The registration with this name.
    pub(crate) fn registration(&self, name: &str) -> Result<&RegistrationConfig, ConfigError> {
        self.registrations.get(name).ok_or_else(|| {
            let names: Vec<String> = self.registrations.keys().map(|name| format!("`{name}`")).collect();
            ConfigError::UnknownRegistration {
                name: name.to_owned(),
                known: names.join(", "),
                path: self.path.display().to_string(),
            }
        })
    }
}

/// The environment wins over the file, as SPEC §12 has it; what is no number is ignored.
fn workers_max(configured: Option<usize>) -> usize {
    let environment = std::env::var("OMI_AGENT_MAX_WORKERS").ok().and_then(|text| text.parse().ok());
    environment.or(configured).filter(|count| *count >= 1).unwrap_or(WORKERS_MAX_DEFAULT)
}

fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or(""));
        ConfigError::Invalid {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            reason: error.message().replace('\n', "; "),
        }
    })
}

impl RegistrationConfig {
    fn check(&self, name: &str, path: &Path) -> Result<(), ConfigError> {
        let empty = self.grants.iter().find(|(_, grant)| grant.command.is_empty());
        match empty {
            Some((grant, _)) => Err(ConfigError::Invalid {
                path: path.to_owned(),
                line: 1,
                reason: format!(
                    "`registrations.{name}.grants.{grant}.command` is empty; hint: name the program to start"
                ),
            }),
            None => Ok(()),
        }
    }

    /// A bundled component, with nothing behind its grants.
    pub(crate) fn bundled(component: &str) -> Self {
        Self {
            component: component.to_owned(),
            approvals: Approvals::default(),
            grants: BTreeMap::new(),
            config: toml::Table::new(),
        }
    }

    /// The program of each grant.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.grants.iter().filter_map(|(name, grant)| Some((name.as_str(), grant.command.first()?.as_str())))
    }

    /// Puts another program behind the grant `agent`.
    pub(crate) fn with_agent(mut self, command: Vec<String>) -> Self {
        let grant = Grant { command, env: BTreeMap::new(), pass_env: Vec::new(), cwd: None };
        self.grants.insert("agent".to_owned(), grant);
        self
    }

    /// The registration as the engine takes it.
    pub(crate) fn bind(&self, name: &str) -> Registration {
        let bound = |grant: &Grant| {
            Bound::Process(BoundProcess {
                argv: grant.command.clone(),
                set_env: grant.env.clone(),
                pass_env: grant.pass_env.clone(),
                cwd: grant.cwd.clone(),
            })
        };
        Registration {
            name: name.to_owned(),
            config: serde_json::to_value(&self.config).unwrap_or_default(),
            grants: self.grants.iter().map(|(name, grant)| (name.clone(), bound(grant))).collect(),
        }
    }

    /// How a request for permission is decided, given whether there is a person to ask.
    pub(crate) fn policy(&self, person: bool) -> ApprovalPolicy {
        match self.approvals {
            Approvals::Legacy => ApprovalPolicy::Legacy,
            Approvals::Ask if person => ApprovalPolicy::Ask,
            Approvals::Ask | Approvals::Refuse => ApprovalPolicy::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path, true)
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error =
            load("workers-max = 2\n\n[registrations.x]\ncomponent = 'acp'\ncolour = 1\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("config.toml:5:") && text.contains("colour"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn a_registration_takes_the_place_of_a_bundled_one() {
        let config =
            load("[registrations.gemini]\ncomponent = 'acp'\ngrants.agent.command = ['mine']\n").unwrap();
        let programs: Vec<_> = config.registrations["gemini"].programs().collect();
        assert_eq!(programs, [("agent", "mine")]);
        assert!(config.registrations.contains_key("echo"));
    }

    #[test]
    fn no_bundled_registration_opts_in_to_the_legacy_policy() {
        let config = Config::load(Path::new("/nonexistent/config.toml"), false).unwrap();
        for registration in config.registrations.values() {
            assert_eq!(registration.policy(true), ApprovalPolicy::Ask);
            assert_eq!(registration.policy(false), ApprovalPolicy::Refuse);
        }
    }

    #[test]
    fn an_empty_command_is_refused() {
        let error = load("[registrations.x]\ncomponent = 'acp'\ngrants.agent.command = []\n").unwrap_err();
        assert!(error.to_string().contains("registrations.x.grants.agent.command"), "{error}");
    }
}
