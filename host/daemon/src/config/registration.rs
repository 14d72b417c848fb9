//! A registration: a component under a name, its configuration, its limits, and what it may touch.

use std::collections::BTreeMap;

use omi_engine::{Binding, Bound, Registration};
use omi_kernel::command::McpServer;
use omi_kernel::descriptor::Recovery;
use omi_kernel::grant::Policy;
use omi_kernel::model::Models;
use omi_kernel::permission::ApprovalPolicy;
use serde::Deserialize;
use serde_json::Value;

use super::grant::{self, Grant};
use super::place::Place;
use super::{mcp, not_zero};
use crate::bundled_files::{self, BundledFileError};

/// A component under a name, its configuration, and what it may touch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RegistrationConfig {
    /// The name of a bundled component, or the path of one, relative to the configuration file.
    pub(crate) component: String,
    /// What happens when the agent asks for permission.
    #[serde(default)]
    pub(crate) approvals: Approvals,
    /// The model for each logical profile; a profile without one leaves it to the agent.
    #[serde(default)]
    pub(crate) models: Models,
    /// Workers of this registration at the same time, where it has a limit of its own.
    pub(crate) workers_max: Option<usize>,
    /// Milliseconds of running time that a run may take, where there is a limit.
    pub(crate) run_timeout_ms: Option<u64>,
    /// Milliseconds that an attempt may go without a sign of progress, where that is watched.
    pub(crate) no_progress_ms: Option<u64>,
    /// Who takes up a turn that was interrupted, where the component serves runtimes that differ in that.
    pub(crate) recovers: Option<Recovery>,
    /// The MCP servers that a native session is to have.
    #[serde(default, deserialize_with = "mcp::servers")]
    pub(crate) mcp_servers: Vec<McpServer>,
    /// Its agents are handed the control tools, as the MCP server `omi`: they see the sessions of their owner, and have
    /// other registrations work.
    #[serde(default)]
    pub(crate) tools: bool,
    #[serde(default, rename = "grants")]
    written: BTreeMap<String, Grant>,
    /// What is behind each grant, once it is known where the paths begin.
    #[serde(skip)]
    grants: BTreeMap<String, Binding>,
    #[serde(default)]
    config: toml::Table,
}

/// Lets confined programs read and start this one, which is the pipe to the control tools.
fn let_shim(registration: &mut Registration) {
    // Without a file of its own nothing could be started here at all.
    let Ok(program) = std::env::current_exe() else { return };
    for binding in registration.grants.values_mut() {
        let setting = match &mut binding.bound {
            Bound::Process(process) => &mut process.setting,
            Bound::Terminal(terminal) => &mut terminal.setting,
            Bound::Files(_) | Bound::Http(_) => continue,
        };
        if let Some(confine) = &mut setting.confine {
            confine.read.push(program.clone());
        }
    }
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

impl RegistrationConfig {
    /// Finds what is wrong that the types cannot say, and what is behind the grants. The error is a key, and what is
    /// wrong with its value.
    pub(super) fn settle(&mut self, name: &str, place: &Place) -> Result<(), (String, String)> {
        let key = |rest: &str| format!("registrations.{name}.{rest}");
        for (grant, written) in &self.written {
            let bound = written.bind(place, self.is_legacy_by_word()).map_err(|(below, reason)| {
                let dot = if below.is_empty() { "" } else { "." };
                (key(&format!("grants.{grant}{dot}{below}")), reason)
            })?;
            self.grants.insert(grant.clone(), bound);
        }
        if let Some((profile, _)) = self.models.iter().find(|(_, model)| model.trim().is_empty()) {
            return Err((key(&format!("models.{profile}")), "is empty; hint: name a model".to_owned()));
        }
        not_zero(&key("workers-max"), self.workers_max)?;
        not_zero(&key("run-timeout-ms"), self.run_timeout_ms)?;
        not_zero(&key("no-progress-ms"), self.no_progress_ms)?;
        mcp::check(&self.mcp_servers, self.tools).map_err(|reason| (key("mcp-servers"), reason))
    }

    /// A bundled component, with nothing behind its grants.
    pub(crate) fn bundled(component: &str) -> Self {
        Self { component: component.to_owned(), ..Self::default() }
    }

    /// The program of each grant.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.grants.iter().filter_map(|(name, binding)| match &binding.bound {
            Bound::Process(process) => Some((name.as_str(), process.argv.first()?.as_str())),
            Bound::Terminal(_) | Bound::Files(_) | Bound::Http(_) => None,
        })
    }

    /// The origin of each grant of a server.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&str, &str)> {
        self.grants.iter().filter_map(|(name, binding)| match &binding.bound {
            Bound::Http(http) => Some((name.as_str(), http.origin.as_str())),
            Bound::Process(_) | Bound::Terminal(_) | Bound::Files(_) => None,
        })
    }

    /// The grants and what is behind them.
    pub(crate) fn grants(&self) -> &BTreeMap<String, Binding> {
        &self.grants
    }

    /// Puts another program behind the grant `agent`: whoever names it allows it.
    pub(crate) fn with_agent(mut self, command: Vec<String>) -> Self {
        let program = grant::program(command, self.is_legacy_by_word());
        self.grants.insert("agent".to_owned(), program);
        self
    }

    /// What the component itself understands, as JSON.
    pub(crate) fn settings(&self) -> Value {
        serde_json::to_value(&self.config).unwrap_or_default()
    }

    /// The registration as the engine takes it, with the files that come with the program in their place. `component` is
    /// what the record calls its component.
    pub(crate) fn bind(&self, name: &str, component: String) -> Result<Registration, BundledFileError> {
        let (name, config, grants) = (name.to_owned(), self.settings(), self.grants.clone());
        let mut registration = Registration { name, component, config, grants };
        bundled_files::place(&mut registration)?;
        if self.tools {
            let_shim(&mut registration);
        }
        Ok(registration)
    }

    /// It opted in to the legacy permission policy, as a whole or for a grant.
    pub(crate) fn is_legacy(&self) -> bool {
        self.is_legacy_by_word() || self.grants.values().any(|binding| binding.policy == Policy::Legacy)
    }

    fn is_legacy_by_word(&self) -> bool {
        matches!(self.approvals, Approvals::Legacy)
    }

    /// How a request for permission is decided, given whether there is a person to ask.
    pub(crate) fn policy(&self, person: bool) -> ApprovalPolicy {
        match self.approvals {
            Approvals::Legacy => ApprovalPolicy::Legacy,
            Approvals::Ask if person => ApprovalPolicy::Ask,
            Approvals::Ask | Approvals::Refuse => ApprovalPolicy::Refuse,
        }
    }

    /// The stable part of the MCP configuration as a hash; none if there are no servers.
    pub(crate) fn mcp_hash(&self) -> Option<String> {
        mcp::hash(&self.mcp_servers, self.tools)
    }
}
