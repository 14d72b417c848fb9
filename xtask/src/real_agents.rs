//! Installs the published agents of `tests/real-agents/agents.toml` into the cache: an agent lies in
//! `<cache>/agents/<name>/`, a Node that some of them need in `<cache>/agents/node-<version>/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// What the normal suite may take of a developer's disk and network.
const TOTAL_BYTES_MAX: u64 = 1_000_000_000;

const MEGABYTE: u64 = 1_000_000;

/// Saying its version takes a Python milliseconds.
const PYTHON_LIMIT: Duration = Duration::from_secs(20);

/// The program that the npm package `node` brings, relative to its folder.
const NODE: &str = "node_modules/.bin/node";

/// What is there to be driven.
pub(crate) struct Installed {
    /// The folder of all agents.
    pub(crate) folder: PathBuf,
    /// The names of the agents of the normal suite.
    pub(crate) normal: Vec<String>,
    /// The names of the agents that only the long tests drive.
    pub(crate) long: Vec<String>,
    /// What has to be left out, and why.
    pub(crate) left_out: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agents {
    agent: Vec<Agent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agent {
    name: String,
    kind: Kind,
    packages: Vec<String>,
    /// The program relative to the folder, with its arguments.
    command: Vec<String>,
    /// Only the long tests drive it.
    #[serde(default)]
    long: bool,
    /// The Node it needs, as a version of the npm package `node`.
    node: Option<String>,
    /// The Python it needs, such as `3.11`.
    python: Option<String>,
}

impl Agent {
    fn packages<'a>(&'a self, interpreter: Option<&'a Path>) -> Packages<'a> {
        Packages { kind: self.kind, names: &self.packages, program: &self.command[0], interpreter }
    }

    /// The interpreter that it needs beyond the machine's own, and is installed here; or why it cannot be had.
    fn interpreter(&self, base: &Path) -> Result<std::result::Result<Option<PathBuf>, String>> {
        let installer = match self.kind {
            Kind::Npm | Kind::NpmPack => "npm",
            Kind::Pip => "python3",
        };
        if !step::is_on_path(installer) {
            return Ok(Err(format!("no {installer}")));
        }
        if let Some(version) = &self.node {
            let folder = base.join(format!("node-{version}"));
            let names = [format!("node@{version}")];
            Packages { kind: Kind::Npm, names: &names, program: NODE, interpreter: None }.install(&folder)?;
            return Ok(Ok(Some(folder.join(NODE))));
        }
        Ok(match &self.python {
            None => Ok(None),
            Some(version) => {
                python(version).map(|program| Some(program.into())).ok_or(format!("no Python {version}"))
            }
        })
    }
}

/// Installs what is missing: the agents of the normal suite, and with `long` all of them.
pub(crate) fn install(long: bool) -> Result<Installed> {
    let list = place::root().join("tests/real-agents/agents.toml");
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let agents = parse(&text).with_context(|| format!("cannot use {}", list.display()))?;
    let base = place::cache()?.join("agents");
    let mut installed =
        Installed { folder: base.clone(), normal: Vec::new(), long: Vec::new(), left_out: Vec::new() };
    let mut total = 0;
    for agent in agents.iter().filter(|agent| long || !agent.long) {
        match install_one(agent, &base)? {
            Err(why) if agent.long => {
                step::say(format_args!("left out: {} ({why})", agent.name));
                installed.left_out.push(format!("{} ({why})", agent.name));
            }
            Err(why) => bail!(
                "cannot install the agent `{}`: {why}
hint: `--quick` leaves the published agents out",
                agent.name
            ),
            Ok(_) if agent.long => installed.long.push(agent.name.clone()),
            Ok(size) => {
                installed.normal.push(agent.name.clone());
                total += size;
            }
        }
    }
    if total > TOTAL_BYTES_MAX {
        bail!(
            "the published agents take {} MB, more than {} MB",
            total / MEGABYTE,
            TOTAL_BYTES_MAX / MEGABYTE
        );
    }
    Ok(installed)
}

/// Installs an agent and gives its size, or why this machine cannot have it.
fn install_one(agent: &Agent, base: &Path) -> Result<std::result::Result<u64, String>> {
    let explain = |error: anyhow::Error| {
        anyhow!(
            "cannot install the agent `{}`: {error:#}
hint: `--quick` leaves the published agents out",
            agent.name
        )
    };
    let interpreter = match agent.interpreter(base).map_err(explain)? {
        Ok(interpreter) => interpreter,
        Err(why) => return Ok(Err(why)),
    };
    let folder = base.join(&agent.name);
    agent.packages(interpreter.as_deref()).install(&folder).map_err(explain)?;
    let size = size(&folder)?;
    step::say(format_args!("agent {} ({} MB): {}", agent.name, size / MEGABYTE, agent.packages.join(" ")));
    Ok(Ok(size))
}

/// A Python of exactly this version, by whichever name the machine has it.
fn python(version: &str) -> Option<String> {
    const SAYS: &str = "import sys; print('%d.%d' % sys.version_info[:2])";
    [format!("python{version}"), "python3".to_owned()].into_iter().find(|program| {
        step::output(Command::new(program).args(["-c", SAYS]), PYTHON_LIMIT)
            .is_ok_and(|said| said.trim() == version)
    })
}

/// Reads the list and refuses what would not be the same on every machine, or would leave the cache.
fn parse(text: &str) -> Result<Vec<Agent>> {
    let agents: Agents = toml::from_str(text)?;
    for agent in &agents.agent {
        let Agent { name, packages, command, node, python, .. } = agent;
        if name.is_empty()
            || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
        {
            bail!("`{name}` is no name for an agent: letters, digits and `-` only");
        }
        if packages.is_empty() || command.is_empty() {
            bail!("the agent `{name}` needs at least one package and a command");
        }
        let digits = |text: &String| text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
        if !node.iter().chain(python).all(digits) {
            bail!("the agent `{name}` needs a Node or Python of an exact version");
        }
        agent.packages(None).check().with_context(|| format!("the agent `{name}`"))?;
    }
    Ok(agents.agent)
}

fn size(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, kind: &str, package: &str) -> String {
        format!(
            "[[agent]]\nname = \"{name}\"\nkind = \"{kind}\"\npackages = [\"{package}\"]\ncommand = [\"bin/a\"]\n"
        )
    }

    #[test]
    fn the_projects_own_list_is_accepted() {
        let text = fs::read_to_string(place::root().join("tests/real-agents/agents.toml")).unwrap();
        let agents = parse(&text).unwrap();
        assert!(agents.iter().filter(|agent| !agent.long).count() >= 3);
        assert!(agents.iter().filter(|agent| agent.long).count() >= 6);
    }

    #[test]
    fn only_exact_versions_are_accepted() {
        for (kind, package) in [("npm", "@scope/a@1.2.3"), ("npm", "a@1.2.3"), ("pip", "a==1.2")] {
            parse(&list("a", kind, package)).unwrap();
        }
        let loose =
            [("npm", "@scope/a"), ("npm", "a@^1.2"), ("npm", "a@latest"), ("pip", "a>=1"), ("pip", "a@1")];
        for (kind, package) in loose {
            let error = format!("{:#}", parse(&list("a", kind, package)).unwrap_err());
            assert!(error.contains("no exact version"), "{package}: {error}");
        }
        let error = parse(&format!("{}node = \"latest\"\n", list("a", "npm", "a@1.2.3"))).unwrap_err();
        assert!(error.to_string().contains("exact version"), "{error}");
    }

    #[test]
    fn names_stay_inside_the_cache() {
        for name in ["", "..", "a/b", "a b"] {
            assert!(parse(&list(name, "npm", "a@1.2.3")).is_err(), "{name}");
        }
    }

    #[test]
    fn a_python_that_is_not_there_is_not_found() {
        assert_eq!(python("2.0"), None);
    }
}
