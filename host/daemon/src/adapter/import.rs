//! An `agent.json` of the ACP registry as a registration. Nothing is downloaded and no package runner is put on the way
//! of a start: it names the installed program, and says what installs it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use crate::detect::programs_of;
use crate::terminal;

/// Variables by which a program, or one that it starts, is made to run other code or to be another user's.
const DECIDE_CODE: [&str; 13] = [
    "PATH",
    "HOME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "BASH_ENV",
    "ENV",
    "SHELL",
    "IFS",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
];

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
    pub(super) command: Vec<String>,
    /// What it finds set.
    pub(super) env: BTreeMap<String, String>,
    /// Variables of the file that are not set for it.
    left_out: Vec<String>,
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
        for package in npx.iter().chain(&uvx) {
            check_package(&package.name)?;
        }
        let mut choices = Vec::new();
        choices.extend(npx.map(|package| from_npm(package, &installed)));
        choices.extend(uvx.map(from_python));
        choices.extend(binary.remove(&platform).map(from_archive));
        for choice in &mut choices {
            choice.is_here = choice.command.first().is_some_and(|program| is_here(program));
        }
        // What is here is used; else what is easiest to get.
        choices.sort_by_key(|choice| !choice.is_here);
        let Some(mut chosen) = choices.into_iter().next() else {
            bail!("it has no `npx`, no `uvx`, and no `binary` for {platform}");
        };
        chosen.left_out = chosen.env.keys().filter(|name| decides_code(name)).cloned().collect();
        chosen.env.retain(|name, _| !decides_code(name));
        let words = chosen.command.iter().chain(chosen.env.keys()).chain(chosen.env.values());
        if !chosen.command.first().is_some_and(|program| is_program(program))
            || words.clone().any(|word| word.contains('\0'))
        {
            bail!("it names no program");
        }
        Ok(chosen)
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
        if !self.left_out.is_empty() {
            notes.push(format!(
                "left out what the file wants to set, as it decides which code runs: {}",
                self.left_out.join(", ")
            ));
        }
        notes.iter().map(|note| terminal::plain(note)).collect()
    }
}

/// The name of a program that is looked for on PATH.
fn is_program(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !text.contains(['/', '\\'])
}

/// A package is named, with a scope and a version if need be, and not the place of one.
fn check_package(text: &str) -> anyhow::Result<()> {
    let scoped = text.strip_prefix('@').map_or(Some(text), |rest| {
        let (scope, name) = rest.split_once('/')?;
        is_program(scope).then_some(name)
    });
    let is_of_versions = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | ':' | '\\');
    if scoped.is_some_and(|name| is_program(name) && name.chars().all(is_of_versions)) {
        return Ok(());
    }
    bail!("`{}` is no name of a package", terminal::plain(text))
}

/// A variable that decides which code a program runs: it is not for a file from elsewhere to set.
fn decides_code(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["LD_", "DYLD_", "PYTHON", "NPM_CONFIG_", "GIT_", "BASH_FUNC_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || DECIDE_CODE.contains(&name.as_str())
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
        left_out: Vec::new(),
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
        left_out: Vec::new(),
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
        left_out: Vec::new(),
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
        assert_eq!((npm.command.join(" ").as_str(), npm.env["A B"].as_str()), ("x-real --acp", "\"1\""));
        assert_eq!(npm.notes(), Vec::<String>::new());
        let python = imported(ALL, &["x-acp"], None).unwrap();
        assert_eq!((python.command.as_slice(), python.is_here), (["x-acp".to_owned()].as_slice(), true));
        assert!(python.install.contains("uv tool install 'x-py[acp]==3'"), "{python:?}");
        let binary = imported(ALL, &["x-bin"], None).unwrap();
        assert_eq!(binary.command, ["x-bin", "serve"]);
    }

    #[test]
    fn what_is_not_here_is_said_with_the_command_that_gets_it() {
        let npm = imported(ALL, &[], None).unwrap();
        assert_eq!(npm.command, ["x", "--acp"]);
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
            r#"{"distribution": {"npx": {"package": "@"}}}"#,
            r#"{"distribution": {"npx": {"package": "@a/"}}}"#,
            r#"{"distribution": {"npx": {"package": "/etc/x"}}}"#,
            r#"{"distribution": {"npx": {"package": "../x"}}}"#,
            r#"{"distribution": {"npx": {"package": "@a/../x"}}}"#,
            r#"{"distribution": {"uvx": {"package": "--index-url=x"}}}"#,
            r#"{"distribution": {"uvx": {"package": "https://h/x.tgz"}}}"#,
            r#"{"distribution": {"uvx": {"package": "x", "cmd": "/bin/x"}}}"#,
            r#"{"distribution": {"binary": {"plan9-mips": {"archive": "x", "cmd": "y"}}}}"#,
        ] {
            let error = format!("{:#}", imported(text, &[], None).unwrap_err());
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
    #[test]
    fn what_decides_which_code_runs_is_not_for_the_file_to_set() {
        let text = r#"{"distribution": {"npx": {"package": "x", "env":
            {"LD_PRELOAD": "/x.so", "PATH": "/x", "node_options": "-r x", "MODE": "quiet"}}}}"#;
        let found = imported(text, &["x"], Some("x")).unwrap();
        assert_eq!(found.env.keys().collect::<Vec<_>>(), ["MODE"]);
        let notes = found.notes().join("\n");
        assert!(["LD_PRELOAD", "PATH", "node_options"].iter().all(|name| notes.contains(name)), "{notes}");
    }
}
