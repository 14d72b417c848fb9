//! An `agent.json` of the ACP registry as a registration. Nothing is downloaded and no package runner is put on the way
//! of a start: it names the installed program, and says what installs it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::add::array;
use super::stanza::{key, quoted};
use crate::detect::programs_of;
use crate::terminal;

/// The file of an agent, as far as it is used here.
#[derive(Debug, Deserialize)]
struct AgentFile {
    distribution: Distribution,
}

#[derive(Debug, Deserialize)]
struct Distribution {
    npx: Option<Package>,
    uvx: Option<Package>,
    #[serde(default)]
    binary: BTreeMap<String, Archive>,
}

/// A package of npm or of Python.
#[derive(Debug, Deserialize)]
struct Package {
    #[serde(rename = "package")]
    name: String,
    cmd: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// A program in an archive.
#[derive(Debug, Deserialize)]
struct Archive {
    #[serde(rename = "archive")]
    url: String,
    cmd: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// What is to be registered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Imported {
    /// The program with its arguments.
    command: Vec<String>,
    env: BTreeMap<String, String>,
    /// The program is on PATH.
    is_here: bool,
    /// What gets it, in a sentence.
    install: String,
    /// The file does not say how the program is called.
    is_guessed: bool,
}

impl Imported {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| anyhow!("cannot read `{shown}`: {error}"))?;
        let is_here = |program: &str| which::which(program).is_ok();
        let installed = |package: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            programs_of(package, &path).into_iter().next()
        };
        Self::of(&text, is_here, installed)
            .with_context(|| format!("`{shown}` is no agent.json that can be used here"))
    }

    fn of(
        text: &str,
        is_here: impl Fn(&str) -> bool,
        installed: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let AgentFile { distribution: Distribution { npx, uvx, mut binary } } = serde_json::from_str(text)?;
        let platform = platform();
        let mut choices = Vec::new();
        choices.extend(npx.map(|package| from_npm(package, &installed)));
        choices.extend(uvx.map(from_python));
        choices.extend(binary.remove(&platform).map(from_archive));
        for choice in &mut choices {
            choice.is_here = choice.command.first().is_some_and(|program| is_here(program));
        }
        // What is here is used; else what is easiest to get.
        choices.sort_by_key(|choice| !choice.is_here);
        let Some(chosen) = choices.into_iter().next() else {
            bail!("it has no `npx`, no `uvx`, and no `binary` for {platform}");
        };
        let words = chosen.command.iter().chain(chosen.env.keys()).chain(chosen.env.values());
        if chosen.command.first().is_none_or(String::is_empty)
            || words.clone().any(|word| word.contains('\0'))
        {
            bail!("it names no program");
        }
        Ok(chosen)
    }

    /// What is behind the grant of the program.
    pub(super) fn bound(&self) -> Vec<String> {
        let mut bound = vec![format!("command = {}", array(&self.command))];
        let env: Vec<String> =
            self.env.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
        bound.extend((!env.is_empty()).then(|| format!("env = {{ {} }}", env.join(", "))));
        bound
    }

    /// What a person has to know.
    pub(super) fn notes(&self) -> Vec<String> {
        let program = self.command.first().map(String::as_str).unwrap_or_default();
        let mut notes = Vec::new();
        if !self.is_here {
            notes.push(format!("its program `{program}` is not on PATH; hint: {}", self.install));
        }
        if self.is_guessed {
            notes.push(format!(
                "the file does not say what the program is called: `{program}` is a guess; \
                 hint: change `command` once it is installed"
            ));
        }
        notes.iter().map(|note| terminal::plain(note)).collect()
    }
}

/// The name of a platform in the registry.
fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    format!("{system}-{}", std::env::consts::ARCH)
}

fn from_npm(package: Package, installed: impl Fn(&str) -> Option<String>) -> Imported {
    let Package { name: package, cmd, args, env } = package;
    // The first character may be that of a scope.
    let name = match package.rfind('@') {
        Some(at) if at > 0 => &package[..at],
        Some(_) | None => package.as_str(),
    };
    let found = cmd.or_else(|| installed(name));
    let guess = || name.rsplit('/').next().unwrap_or(name).to_owned();
    Imported {
        is_guessed: found.is_none(),
        command: command(found.unwrap_or_else(guess), args),
        env,
        is_here: false,
        install: format!("npm install -g {}", terminal::quoted(&package)),
    }
}

fn from_python(package: Package) -> Imported {
    let Package { name: package, cmd, args, env } = package;
    // `name[extra]==1.2`, or `name@1.2` as the package runner has it, too.
    let (name, pinned) = match package.split_once("==").or_else(|| package.split_once('@')) {
        Some((name, version)) => (name.to_owned(), format!("{name}=={version}")),
        None => (package.clone(), package),
    };
    let program = name.split('[').next().unwrap_or(&name).to_owned();
    Imported {
        is_guessed: false,
        command: command(cmd.unwrap_or(program), args),
        env,
        is_here: false,
        install: format!("uv tool install {}", terminal::quoted(&pinned)),
    }
}

fn from_archive(archive: Archive) -> Imported {
    let Archive { url, cmd, args, env } = archive;
    let program =
        Path::new(&cmd).file_name().map_or_else(|| cmd.clone(), |name| name.to_string_lossy().into_owned());
    Imported {
        is_guessed: false,
        command: command(program, args),
        env,
        is_here: false,
        install: format!("download {url}, unpack it, and put `{cmd}` of it on PATH"),
    }
}

fn command(program: String, args: Vec<String>) -> Vec<String> {
    [program].into_iter().chain(args).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(text: &str, here: &[&str], installed: Option<&str>) -> anyhow::Result<Imported> {
        let is_here = |program: &str| here.contains(&program);
        Imported::of(text, is_here, |_| installed.map(str::to_owned))
    }

    const ALL: &str = r#"{ "id": "x", "new": [1], "distribution": {
        "npx": { "package": "@a/x@1.2.3", "args": ["--acp"], "env": { "A B": "\"1\"" } },
        "uvx": { "package": "x-py[acp]@3", "cmd": "x-acp" },
        "binary": { "linux-x86_64": { "archive": "https://h/x.tgz", "cmd": "./x-bin", "args": ["serve"] },
                    "linux-aarch64": { "archive": "https://h/x.tgz", "cmd": "./x-bin", "args": ["serve"] } } } }"#;

    #[test]
    fn what_is_here_is_used_and_nothing_else_is_fetched() {
        let npm = imported(ALL, &["x-real"], Some("x-real")).unwrap();
        assert_eq!(npm.bound(), [r#"command = ["x-real", "--acp"]"#, r#"env = { "A B" = "\"1\"" }"#]);
        assert_eq!(npm.notes(), Vec::<String>::new());
        let python = imported(ALL, &["x-acp"], None).unwrap();
        assert_eq!((python.bound().join(""), python.is_here), (r#"command = ["x-acp"]"#.to_owned(), true));
        assert!(python.install.contains("uv tool install 'x-py[acp]==3'"), "{python:?}");
        let binary = imported(ALL, &["x-bin"], None).unwrap();
        assert_eq!(binary.bound(), [r#"command = ["x-bin", "serve"]"#]);
    }

    #[test]
    fn what_is_not_here_is_said_with_the_command_that_gets_it() {
        let npm = imported(ALL, &[], None).unwrap();
        assert_eq!(npm.bound()[0], r#"command = ["x", "--acp"]"#);
        let notes = npm.notes().join("\n");
        assert!(notes.contains("hint: npm install -g ") && notes.contains("@a/x@1.2.3"), "{notes}");
        assert!(notes.contains("is a guess"), "{notes}");
    }

    #[test]
    fn a_bad_file_is_one_line() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"distribution": {}}"#,
            r#"{"distribution": {"npx": {"package": ""}}}"#,
            r#"{"distribution": {"binary": {"plan9-mips": {"archive": "x", "cmd": "y"}}}}"#,
        ] {
            let error = format!("{:#}", imported(text, &[], None).unwrap_err());
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
