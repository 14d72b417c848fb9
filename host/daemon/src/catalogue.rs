//! The agents that are known without any configuration. Each is one file `adapters/*/agents/NAME.toml`: how it is
//! registered, how one sees that it is on this machine and that somebody is logged in, and what is known to be wrong
//! with it.

mod known;

use serde::Deserialize;

use crate::config::RegistrationConfig;
pub(crate) use known::{Known, version};

/// The files: the name of each agent, and its text.
pub(crate) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/agents.rs"));

/// An agent as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    /// Its name for people.
    pub(crate) title: String,
    /// The registration that is there under its name.
    pub(crate) registration: RegistrationConfig,
    /// How one sees that it is on this machine.
    pub(crate) detect: Detect,
    /// What is known to be wrong with it.
    #[serde(default)]
    pub(crate) known: Vec<Known>,
}

/// How one sees that an agent is on this machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Detect {
    /// The packages that have the program, as `npm:NAME` or `pip:NAME`: what is installed says its version without being
    /// run.
    packages: Vec<String>,
    /// What makes the program print its version and end, where no package is found. Without it, it is not run.
    #[serde(default)]
    version_args: Vec<String>,
    /// Commands that can stand for that of the registration, each the program with its arguments.
    #[serde(default)]
    pub(crate) alternatives: Vec<Vec<String>>,
    /// The one command that installs it.
    pub(crate) install: String,
    /// Other programs that it starts.
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
    /// How one sees that somebody is logged in.
    pub(crate) login: Login,
}

/// Where the version of a program is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The packages that have it, as `npm:NAME` or `pip:NAME`.
    pub(crate) packages: &'a [String],
    /// What makes it print its version and end; none if it is not to be run.
    pub(crate) version_args: &'a [String],
}

/// Another program that an agent starts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Need {
    /// Its name on PATH.
    pub(crate) program: String,
    /// The packages that have it.
    packages: Vec<String>,
    /// What makes it print its version and end.
    #[serde(default)]
    version_args: Vec<String>,
    /// The one command that installs it.
    pub(crate) install: String,
}

/// How one sees that somebody is logged in: never by reading a secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Variables that hold a key.
    #[serde(default)]
    pub(crate) env: Vec<String>,
    /// Files that are there once somebody is logged in: below `~/`, or below a folder that a variable names (`$NAME/`).
    #[serde(default)]
    pub(crate) files: Vec<String>,
    /// Where else a log-in may be that is not looked at: then nothing found means that nobody knows.
    pub(crate) elsewhere: Option<String>,
    /// The command with which a person logs in.
    pub(crate) command: String,
}

impl Detect {
    /// Where the version of the agent's program is read.
    pub(crate) fn source(&self) -> Source<'_> {
        Source { packages: &self.packages, version_args: &self.version_args }
    }
}

impl Need {
    /// Where its version is read.
    pub(crate) fn source(&self) -> Source<'_> {
        Source { packages: &self.packages, version_args: &self.version_args }
    }
}

impl Agent {
    /// Reads the file of an agent.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The registration of a known agent as its file has it; none if there is no such agent.
    pub(crate) fn registration_table(name: &str) -> Option<toml::Table> {
        let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
        match toml::from_str::<toml::Table>(text).ok()?.remove("registration")? {
            toml::Value::Table(registration) => Some(registration),
            _ => None,
        }
    }

    /// Every agent with its name. A file that cannot be read is left out: the configuration names it.
    pub(crate) fn all() -> Vec<(&'static str, Self)> {
        FILES.iter().filter_map(|(name, text)| Some((*name, Self::parse(text).ok()?))).collect()
    }
}

#[cfg(test)]
mod tests;
