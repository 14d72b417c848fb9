//! `omi-agentd doctor`: the state folder, the configuration, and every agent that is registered or on this machine, with
//! what is wrong first. Nothing is changed, and no agent is started unless that is asked for.

mod agent;
mod finding;
mod machine;
mod probe;
mod registration;

use std::process::ExitCode;

use omi_engine::Engine;
use omi_store::{ComponentView, Reader};
use serde_json::json;

use crate::cli::Doctor;
use crate::config::{Config, ConfigFile};
use crate::detect::{Detected, detect};
use crate::engine::LateEngine;
use crate::state::StateDir;
use crate::terminal::{self, plain};
use finding::Findings;

/// Something is wrong.
const WRONG: u8 = 1;

pub(crate) fn doctor(
    args: &Doctor,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    machine::state(state, &mut findings);
    let reader = machine::record(state, &mut findings);
    machine::compiled(state, &mut findings);
    let mut agents = Vec::new();
    let mut probed = Vec::new();
    if let Some(config) = machine::configuration(file, &mut findings) {
        let private = vec![state.path().to_owned(), config.path.clone()];
        // Nothing is made that is not there.
        let compiled = state.path().exists().then(|| state.compiled());
        let late = LateEngine::new(compiled, private, tokio);
        let engine = late.get()?;
        let components = reader.map_or(Ok(Vec::new()), |reader: Reader| reader.components())?;
        let look = Look { args, config: &config, engine: &engine, components: &components };
        agents = look.agents(&mut findings);
        if args.probe {
            let names = look.here(&agents);
            probed = probe::all(&names, &config, state, late, &mut findings);
        }
    }
    show(args, &findings, &agents, &probed);
    Ok(if findings.is_well() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

/// What it takes to look at registrations and agents.
struct Look<'l> {
    args: &'l Doctor,
    config: &'l Config,
    engine: &'l Engine,
    components: &'l [ComponentView],
}

impl Look<'_> {
    /// It is looked at.
    fn is_asked(&self, name: &str) -> bool {
        self.args.names.is_empty() || self.args.names.iter().any(|asked| asked == name)
    }

    /// Somebody relies on it: they named it, or registered it. What is merely on this machine may be as it is.
    fn is_relied_on(&self, name: &str) -> bool {
        self.args.names.iter().any(|asked| asked == name)
            || self.config.own.contains(name)
            || self.config.default_adapter.as_deref() == Some(name)
    }

    /// Looks at each registration, and at each agent that is known.
    fn agents(&self, findings: &mut Findings) -> Vec<Detected> {
        let detected = detect(self.config, |name| self.is_asked(name));
        for name in self.args.names.iter().filter(|name| !self.config.registrations.contains_key(*name)) {
            let text = "there is no registration of this name";
            findings.wrong(name, text, "omi-agentd adapters lists them; omi-agentd adapter add makes one");
        }
        for (name, registration) in &self.config.registrations {
            let known = detected.iter().find(|agent| agent.name == *name);
            let is_here = known.is_none_or(|agent| agent.found.is_some());
            if self.is_asked(name) && (is_here || self.is_relied_on(name)) {
                registration::look(self, name, registration, known.is_some(), findings);
                if let Some(agent) = known {
                    agent::look(agent, self.is_relied_on(name), findings);
                }
            }
        }
        detected
    }

    /// The names of the registrations whose program is on this machine.
    fn here(&self, detected: &[Detected]) -> Vec<String> {
        let is_missing = |name: &String| {
            let found = detected.iter().find(|agent| agent.name == *name);
            found.is_some_and(|agent| agent.found.as_ref().is_none_or(|found| found.instead.is_some()))
        };
        let is_here = |name: &String| {
            let mut programs = self.config.registrations[name].programs();
            programs.all(|(_, program)| which::which(program).is_ok())
        };
        let asked = self.config.registrations.keys().filter(|name| self.is_asked(name));
        asked.filter(|name| !is_missing(name) && is_here(name)).cloned().collect()
    }
}

fn show(args: &Doctor, findings: &Findings, agents: &[Detected], probed: &[serde_json::Value]) {
    let text = if args.json {
        let agents: Vec<_> = agents.iter().map(Detected::json).collect();
        let all = json!({ "well": findings.is_well(), "findings": findings.json(), "agents": agents, "probed": probed });
        format!("{all:#}\n")
    } else {
        findings.lines().iter().map(|line| plain(line) + "\n").collect()
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
}
