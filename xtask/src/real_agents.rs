//! Installs the published agents of `tests/real-agents/agents.toml` into the cache: an agent lies in
//! `<cache>/agents/<name>/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// What the normal suite may take of a developer's disk and network.
const TOTAL_BYTES_MAX: u64 = 500_000_000;

const MEGABYTE: u64 = 1_000_000;

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
}

impl Agent {
    fn packages(&self) -> Packages<'_> {
        Packages { kind: self.kind, names: &self.packages, program: &self.command[0] }
    }
}

/// Installs what is missing and gives the folder of all agents.
pub(crate) fn install() -> Result<PathBuf> {
    let list = place::root().join("tests/real-agents/agents.toml");
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let agents = parse(&text).with_context(|| format!("cannot use {}", list.display()))?;
    let base = place::cache()?.join("agents");
    let mut total = 0;
    for agent in &agents {
        let folder = base.join(&agent.name);
        agent.packages().install(&folder).map_err(|error| {
            anyhow!(
                "cannot install the agent `{}`: {error:#}
hint: `--quick` leaves the published agents out",
                agent.name
            )
        })?;
        let size = size(&folder)?;
        total += size;
        step::say(format_args!(
            "agent {} ({} MB): {}",
            agent.name,
            size / MEGABYTE,
            agent.packages.join(" ")
        ));
    }
    if total > TOTAL_BYTES_MAX {
        bail!(
            "the published agents take {} MB, more than {} MB",
            total / MEGABYTE,
            TOTAL_BYTES_MAX / MEGABYTE
        );
    }
    Ok(base)
}

/// Reads the list and refuses what would not be the same on every machine, or would leave the cache.
fn parse(text: &str) -> Result<Vec<Agent>> {
    let agents: Agents = toml::from_str(text)?;
    for agent in &agents.agent {
        let Agent { name, packages, command, kind: _ } = agent;
        if name.is_empty()
            || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
        {
            bail!("`{name}` is no name for an agent: letters, digits and `-` only");
        }
        if packages.is_empty() || command.is_empty() {
            bail!("the agent `{name}` needs at least one package and a command");
        }
        agent.packages().check().with_context(|| format!("the agent `{name}`"))?;
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
        assert!(parse(&text).unwrap().len() >= 2);
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
    }

    #[test]
    fn names_stay_inside_the_cache() {
        for name in ["", "..", "a/b", "a b"] {
            assert!(parse(&list(name, "npm", "a@1.2.3")).is_err(), "{name}");
        }
    }
}
