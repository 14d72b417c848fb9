//! Installs the published agents of `tests/real-agents/agents.toml` into the cache.
//!
//! The rule that the tests rely on: an agent lies in `<cache>/agents/<name>/`, and its file `.packages` holds the
//! list of packages, one a line. That file is written last, so a folder without it, or with another list, is
//! installed anew.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::{place, step};

/// The file that says what a folder holds.
const MARKER: &str = ".packages";

/// An agent is up to 230 MB: ten minutes are enough on a line of 400 kB/s.
const INSTALL_LIMIT: Duration = Duration::from_mins(10);

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

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Npm,
    Pip,
}

/// Installs what is missing and gives the folder of all agents.
pub(crate) fn install() -> Result<PathBuf> {
    let list = place::root().join("tests/real-agents/agents.toml");
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let agents = parse(&text).with_context(|| format!("cannot use {}", list.display()))?;
    let cache = place::cache()?;
    let base = cache.join("agents");
    let mut total = 0;
    for agent in &agents {
        let folder = base.join(&agent.name);
        if !is_installed(agent, &folder) {
            let _lock = place::lock_cache(&cache)?;
            install_one(agent, &folder).map_err(|error| {
                anyhow!(
                    "cannot install the agent `{}`: {error:#}
hint: `--quick` leaves the published agents out",
                    agent.name
                )
            })?;
        }
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
    for Agent { name, kind, packages, command } in &agents.agent {
        if name.is_empty()
            || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
        {
            bail!("`{name}` is no name for an agent: letters, digits and `-` only");
        }
        if packages.is_empty() || command.is_empty() {
            bail!("the agent `{name}` needs at least one package and a command");
        }
        if let Some(package) = packages.iter().find(|package| !is_pinned(package, *kind)) {
            bail!("the agent `{name}` names no exact version of `{package}`");
        }
    }
    Ok(agents.agent)
}

fn is_pinned(package: &str, kind: Kind) -> bool {
    let version = match kind {
        Kind::Npm => package.rsplit_once('@').filter(|(name, _)| !name.is_empty()),
        Kind::Pip => package.split_once("=="),
    };
    version.is_some_and(|(_, version)| version.starts_with(|character: char| character.is_ascii_digit()))
}

fn is_installed(agent: &Agent, folder: &Path) -> bool {
    fs::read_to_string(folder.join(MARKER)).is_ok_and(|text| text.trim_end() == agent.packages.join("\n"))
}

fn install_one(agent: &Agent, folder: &Path) -> Result<()> {
    // Another set-up may have done it while this one waited for the lock.
    if is_installed(agent, folder) {
        return Ok(());
    }
    step::say(format_args!("installing the agent {}: {} …", agent.name, agent.packages.join(" ")));
    if folder.is_dir() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    match agent.kind {
        Kind::Npm => npm(&agent.packages, folder)?,
        Kind::Pip => pip(&agent.packages, folder)?,
    }
    let program = folder.join(&agent.command[0]);
    if !program.is_file() {
        bail!("its packages hold no program {}", program.display());
    }
    let marker = folder.join(MARKER);
    fs::write(&marker, agent.packages.join("\n"))
        .with_context(|| format!("cannot write {}", marker.display()))
}

fn npm(packages: &[String], folder: &Path) -> Result<()> {
    let quiet = ["--no-fund", "--no-audit", "--no-progress", "--no-update-notifier", "--loglevel=error"];
    let mut npm = Command::new("npm");
    npm.arg("install").arg("--prefix").arg(folder).args(quiet).args(packages);
    step::output(npm.current_dir(folder), INSTALL_LIMIT).map(drop)
}

fn pip(packages: &[String], folder: &Path) -> Result<()> {
    let environment = folder.join("venv");
    let arguments = [OsStr::new("-m"), OsStr::new("venv"), environment.as_os_str()];
    step::output(Command::new("python3").args(arguments), INSTALL_LIMIT)?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(packages);
    step::output(&mut pip, INSTALL_LIMIT).map(drop)
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
            let error = parse(&list("a", kind, package)).unwrap_err().to_string();
            assert!(error.contains("no exact version"), "{package}: {error}");
        }
    }

    #[test]
    fn names_stay_inside_the_cache() {
        for name in ["", "..", "a/b", "a b"] {
            assert!(parse(&list(name, "npm", "a@1.2.3")).is_err(), "{name}");
        }
    }

    #[test]
    fn another_list_of_packages_is_not_what_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let agent = parse(&list("a", "npm", "a@1.2.3")).unwrap().remove(0);
        assert!(!is_installed(&agent, folder.path()));
        fs::write(folder.path().join(MARKER), "a@1.2.4").unwrap();
        assert!(!is_installed(&agent, folder.path()));
        fs::write(folder.path().join(MARKER), "a@1.2.3\n").unwrap();
        assert!(is_installed(&agent, folder.path()));
    }
}
