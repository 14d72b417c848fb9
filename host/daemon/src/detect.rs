//! What of the known agents is on this machine: which program, which version, whether somebody is logged in, what is
//! known to be wrong with exactly that, and the one command that comes next. No agent is started.

mod login;
mod node;
mod package;
mod said;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::catalogue::{Agent, Known, Source};
use crate::config::{Config, RegistrationConfig};
use crate::terminal::quoted;
pub(crate) use login::LoginState;
use node::Node;
use package::Package;
pub(crate) use package::programs_of;

/// A known agent, and what of it is here.
#[derive(Debug)]
pub(crate) struct Detected {
    /// The name of its registration.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) title: String,
    /// The program that its registration starts.
    pub(crate) program: String,
    /// Where that is, or another program that can stand for it; none if it is not on this machine.
    pub(crate) found: Option<Found>,
    /// The other programs that it starts.
    pub(crate) needs: Vec<Needed>,
    /// Whether somebody is logged in.
    pub(crate) login: LoginState,
    /// The command with which a person logs in.
    pub(crate) login_command: String,
    /// What is known to be wrong with what is here.
    pub(crate) known: Vec<Known>,
    install: String,
}

/// A program that is on this machine.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where.
    pub(crate) path: PathBuf,
    /// The command that can stand for that of the registration, where its own program is not here.
    pub(crate) instead: Option<Vec<String>>,
    /// Its version.
    pub(crate) version: ProgramVersion,
}

/// The version of a program, and how it is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ProgramVersion {
    /// The version; none if nobody knows.
    pub(crate) text: Option<String>,
    /// The package that it was read from; none if the program said it.
    pub(crate) package: Option<String>,
    /// The versions of Node that the package needs, if it says so.
    pub(crate) node: Option<String>,
}

/// Another program that an agent starts.
#[derive(Debug)]
pub(crate) struct Needed {
    /// Its name.
    pub(crate) program: String,
    /// Where it is, if it is here, and its version.
    pub(crate) found: Option<(PathBuf, ProgramVersion)>,
    /// The command that installs it.
    pub(crate) install: String,
}

/// Looks for the known agents that are wanted, for all of them at the same time: those on this machine come first.
pub(crate) fn detect(config: &Config, is_wanted: impl Fn(&str) -> bool) -> Vec<Detected> {
    let agents = Agent::all().into_iter().filter(|(name, _)| is_wanted(name));
    let node = Node::default();
    let node = &node;
    let mut detected: Vec<Detected> = std::thread::scope(|scope| {
        let threads: Vec<_> = agents
            .map(|(name, agent)| scope.spawn(move || look(name, agent, config.registrations.get(name), node)))
            .collect();
        // A thread that panicked has said so, and the others are worth showing.
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    detected.sort_by_key(|agent| agent.found.is_none());
    detected
}

/// The names of the known agents whose program is on this machine, as far as that can be seen without a look at them.
pub(crate) fn on_path(config: &Config) -> Vec<String> {
    let is_here = |registration: &RegistrationConfig| {
        registration.programs().next().is_some()
            && registration.programs().all(|(_, program)| which::which(program).is_ok())
    };
    let known = config.registrations.iter().filter(|(_, registration)| is_here(registration));
    known.map(|(name, _)| name.clone()).collect()
}

fn look(name: &str, agent: Agent, registration: Option<&RegistrationConfig>, node: &Node) -> Detected {
    let Agent { title, registration: bundled, detect, known } = agent;
    let own = registration.unwrap_or(&bundled);
    let program = own.programs().next().map_or_else(|| name.to_owned(), |(_, program)| program.to_owned());
    let found = find(&program, &detect.alternatives).map(|(path, instead)| {
        let version = version(&path, detect.source());
        Found { path, instead, version }
    });
    let need = |need: &crate::catalogue::Need| Needed {
        program: need.program.clone(),
        found: which::which(&need.program).ok().map(|path| {
            let version = version(&path, need.source());
            (path, version)
        }),
        install: need.install.clone(),
    };
    let needs: Vec<Needed> = match &found {
        Some(_) => detect.needs.iter().map(need).collect(),
        None => Vec::new(),
    };
    let own = found.as_ref().map(|found| (program.as_str(), &found.version));
    let others = needs.iter().filter_map(|need| Some((need.program.as_str(), &need.found.as_ref()?.1)));
    let faults = own.into_iter().chain(others);
    let faults = faults.filter_map(|(program, version)| node.fault(program, version.node.as_deref()?));
    let applying = known.into_iter().filter(|known| applies(known, found.as_ref(), &needs));
    let known = faults.chain(applying).collect();
    Detected {
        name: name.to_owned(),
        title,
        program,
        found,
        needs,
        login: LoginState::of(&detect.login),
        login_command: detect.login.command,
        known,
        install: detect.install,
    }
}

fn find(program: &str, alternatives: &[Vec<String>]) -> Option<(PathBuf, Option<Vec<String>>)> {
    if let Ok(path) = which::which(program) {
        return Some((path, None));
    }
    alternatives.iter().find_map(|command| {
        let path = which::which(command.first()?).ok()?;
        Some((path, Some(command.clone())))
    })
}

fn version(program: &Path, source: Source<'_>) -> ProgramVersion {
    if let Some(package) = package::of_program(program, source.packages) {
        let Package { name, version, node } = package;
        return ProgramVersion { text: Some(version), package: Some(name), node };
    }
    let said = (!source.version_args.is_empty()).then(|| said::version(program, source.version_args));
    ProgramVersion { text: said.flatten(), ..ProgramVersion::default() }
}

fn applies(known: &Known, found: Option<&Found>, needs: &[Needed]) -> bool {
    let version = match &known.of {
        None => found.map(|found| &found.version),
        Some(of) => needs
            .iter()
            .find(|need| need.program == *of)
            .and_then(|need| need.found.as_ref().map(|(_, version)| version)),
    };
    version.is_some_and(|version| known.is_about(version.text.as_deref(), version.package.as_deref()))
}

impl Detected {
    /// The one command that comes next: what gets it, what registers it, or what uses it.
    pub(crate) fn next(&self) -> String {
        let Some(found) = &self.found else { return self.install.clone() };
        if let Some(missing) = self.needs.iter().find(|need| need.found.is_none()) {
            return missing.install.clone();
        }
        match &found.instead {
            Some(command) => {
                let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
                format!("omi-agentd adapter add {} --command {}", self.name, quoted(&command.join(" ")))
            }
            None => format!("omi-agentd run --adapter {} \"…\"", self.name),
        }
    }

    /// As a JSON value.
    pub(crate) fn json(&self) -> Value {
        let path = |path: &Path| path.display().to_string();
        let needs: Vec<Value> = self
            .needs
            .iter()
            .map(|need| {
                let found = need.found.as_ref();
                json!({ "program": need.program, "path": found.map(|(at, _)| path(at)),
                    "version": found.and_then(|(_, version)| version.text.clone()),
                    "package": found.and_then(|(_, version)| version.package.clone()) })
            })
            .collect();
        let known: Vec<Value> = self
            .known
            .iter()
            .map(|known| json!({ "wrong": known.wrong, "omi": known.omi, "hint": known.hint, "broken": known.broken }))
            .collect();
        let version = self.found.as_ref().map(|found| &found.version);
        json!({
            "agent": self.name, "title": self.title, "program": self.program,
            "path": self.found.as_ref().map(|found| path(&found.path)),
            "version": version.and_then(|version| version.text.clone()),
            "package": version.and_then(|version| version.package.clone()),
            "instead": self.found.as_ref().and_then(|found| found.instead.clone()),
            "needs": needs, "login": self.login.json(&self.login_command), "known": known, "next": self.next(),
        })
    }

    /// As lines for a person.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Some(found) = &self.found else {
            return vec![format!("{:12} not on this machine; get it: {}", self.name, self.install)];
        };
        let version = found.version.text.as_deref().unwrap_or("(version unknown)");
        let mut lines = vec![format!("{:12} {} {version}  {}", self.name, self.title, found.path.display())];
        lines.extend(self.needs.iter().map(|need| match &need.found {
            Some((path, version)) => {
                let version = version.text.as_deref().unwrap_or("(version unknown)");
                format!("  needs      {} {version}  {}", need.program, path.display())
            }
            None => format!("  needs      {}, which is not on PATH", need.program),
        }));
        lines.push(format!("  log-in     {}", self.login.text(&self.login_command)));
        lines.extend(self.known.iter().map(|known| format!("  known      {}", known.text())));
        lines.push(format!("  next       {}", self.next()));
        lines
    }
}
