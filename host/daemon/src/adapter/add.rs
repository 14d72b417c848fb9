//! `omi-agentd adapter add`: registers an agent, by lines at the end of the configuration file. Nothing else in it changes.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use omi_kernel::descriptor::{Capability, GrantRequest};

use super::import::Imported;
use super::stanza::{key, quoted};
use crate::catalogue::Agent;
use crate::cli::Add;
use crate::component::{ComponentFile, load_bundled};
use crate::config::{Config, ConfigFile};
use crate::inspect;
use crate::state::StateDir;
use crate::terminal;

/// The component of what is started by a command.
const COMPONENT_DEFAULT: &str = "acp";

/// The methods of a server's grant: those with which models and agents are talked to.
const METHODS: &str = r#"["GET", "POST"]"#;

pub(super) fn add(
    args: &Add,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let imported = args.from.as_deref().map(Imported::read).transpose()?;
    let lines = match known(args) {
        Some(lines) => lines?,
        None => written(args, imported.as_ref(), state, file, tokio)?,
    };
    let before = read(&file.path)?;
    let config = Config::read(&file.path, &before)?;
    if config.own.contains(&args.name) {
        bail!(
            "`{}` is registered in `{}` already; hint: change `[registrations.{}]` there, or choose another name",
            args.name,
            file.path.display(),
            args.name
        );
    }
    let after = appended(&before, &lines);
    Config::read(&file.path, &after).context("these lines cannot be added")?;
    if args.print {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&lines);
    } else {
        replace(&file.path, &after)?;
        terminal::note(&format!("registered `{}` in {}", args.name, file.path.display()));
    }
    imported.iter().flat_map(Imported::notes).for_each(|note| terminal::note(&note));
    if !args.print {
        terminal::note(&format!("hint: omi-agentd run --adapter {} \"…\"", args.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines of a known agent with another command; none if it is not known, or more is to be different.
fn known(args: &Add) -> Option<anyhow::Result<String>> {
    let command = args.command.as_deref()?;
    if args.component.is_some() || !args.secret_env.is_empty() || !args.set.is_empty() {
        return None;
    }
    let lines = Agent::lines(&args.name, &array(&words(command)))?;
    Some(if words(command).is_empty() { Err(no_program()) } else { Ok(lines) })
}

fn no_program() -> anyhow::Error {
    anyhow!("--command names no program; hint: --command \"my-agent --acp\"")
}

/// The lines for what the arguments say.
fn written(
    args: &Add,
    imported: Option<&Imported>,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<String> {
    let component = args.component.as_deref().unwrap_or(COMPONENT_DEFAULT);
    let declared = declared(component, state, file, tokio)?;
    let bound = match (imported, &args.command, &args.origin) {
        (Some(imported), _, _) => Some((Capability::Process, imported.bound())),
        (None, Some(command), _) if words(command).is_empty() => return Err(no_program()),
        (None, Some(command), _) => {
            Some((Capability::Process, vec![format!("command = {}", array(&words(command)))]))
        }
        (None, None, Some(origin)) => Some((Capability::Http, remote(origin)?)),
        (None, None, None) if declared.iter().all(|grant| grant.optional) => None,
        (None, None, None) => bail!(
            "the component `{component}` needs something to work with; hint: name it with --command, --origin or --from"
        ),
    };
    let mut lines =
        vec![format!("[registrations.{}]", key(&args.name)), format!("component = {}", quoted(component))];
    if let Some((capability, mut bound)) = bound {
        let grant = grant(&declared, &capability, component)?;
        bound.extend(secrets(&args.secret_env, &capability));
        lines.push(format!("grants.{} = {{ {} }}", key(grant), bound.join(", ")));
    } else if !args.secret_env.is_empty() {
        bail!("--secret-env is for a program or a server; hint: name it with --command or --origin");
    }
    lines
        .extend(args.set.iter().map(|(name, value)| format!("config.{} = {}", key(name), toml_value(value))));
    Ok(lines.join("\n") + "\n")
}

/// What a component asks for.
fn declared(
    component: &str,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<Vec<GrantRequest>> {
    let engine = crate::daemon::engine(state, Vec::new(), tokio)?;
    if let Some(bundled) = load_bundled(&engine, component) {
        let adapter = bundled.map_err(|failure| anyhow!(failure.message))?;
        return Ok(adapter.descriptor().grants.clone());
    }
    let config = Config::read(&file.path, &read(&file.path)?)?;
    let found = ComponentFile::named(&config, component).map_err(|failure| {
        anyhow!("{}; hint: `omi-agentd adapter list` lists those that there are", failure.message)
    })?;
    let installed = inspect::reader(state)?.map_or(Ok(None), |reader| reader.component(found.path()))?;
    match installed {
        Some(installed) => Ok(installed.grants),
        None => bail!(
            "the component `{component}` is not installed; hint: omi-agentd adapter install {}",
            terminal::quoted(found.path())
        ),
    }
}

/// The name of the grant that is for this: the first that it cannot work without, else the first.
fn grant<'d>(
    declared: &'d [GrantRequest],
    capability: &Capability,
    component: &str,
) -> anyhow::Result<&'d str> {
    let mut fitting: Vec<&GrantRequest> =
        declared.iter().filter(|grant| grant.capability == *capability).collect();
    fitting.sort_by_key(|grant| grant.optional);
    fitting.first().map(|grant| grant.name.as_str()).ok_or_else(|| {
        let kind = capability.as_str();
        anyhow!(
            "the component `{component}` asks for nothing of the kind `{kind}`; \
             hint: `omi-agentd adapter info {component}` shows what it asks for"
        )
    })
}

/// A server, which may be on this machine or in a private network where its address says so.
fn remote(origin: &str) -> anyhow::Result<Vec<String>> {
    let url = url::Url::parse(origin)
        .map_err(|error| anyhow!("`{origin}` is no address: {error}; hint: --origin https://host"))?;
    let is_private = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    };
    let mut bound = vec![format!("origin = {}", quoted(origin))];
    bound.push(format!("methods = {METHODS}"));
    bound.extend(is_private.then(|| "private = true".to_owned()));
    Ok(bound)
}

fn secrets(pairs: &[(String, String)], capability: &Capability) -> Option<String> {
    let one = |(name, variable): &(String, String)| {
        let is_token = *capability == Capability::Http && name.eq_ignore_ascii_case("authorization");
        let prefix = if is_token { ", prefix = \"Bearer \"" } else { "" };
        format!("{} = {{ env = {}{prefix} }}", key(name), quoted(variable))
    };
    let all: Vec<String> = pairs.iter().map(one).collect();
    (!all.is_empty()).then(|| format!("secrets = {{ {} }}", all.join(", ")))
}

/// A value as it is, where TOML understands it; else it is a text.
fn toml_value(text: &str) -> String {
    let line = format!("value = {text}");
    match toml::from_str::<toml::Table>(&line) {
        Ok(table) if table.len() == 1 && !text.contains('\n') => text.to_owned(),
        Ok(_) | Err(_) => quoted(text),
    }
}

fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

/// A list of texts as TOML has it.
pub(super) fn array(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

fn appended(before: &str, lines: &str) -> String {
    let end = match before {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{before}{end}{lines}")
}

fn read(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(anyhow!("cannot read the configuration `{}`: {error}", path.display())),
    }
}

/// Puts a new text in the place of a file, whole or not at all. What a link leads to is replaced, not the link.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = |error: std::io::Error| {
        anyhow!(
            "cannot write the configuration `{}`: {error}; hint: name another one with --config",
            path.display()
        )
    };
    let real: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    if let Ok(old) = std::fs::metadata(&real) {
        file.as_file().set_permissions(old.permissions()).map_err(cannot)?;
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
    file.persist(&real).map_err(|error| cannot(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_toml_or_a_text() {
        assert_eq!(
            ["5", "true", "[1]", "plan", "a = 1", "\"x\""].map(toml_value),
            ["5", "true", "[1]", "\"plan\"", "\"a = 1\"", "\"x\""]
        );
        assert_eq!(toml_value("1\nworkers-max = 2"), r#""1\nworkers-max = 2""#, "one value");
    }

    #[test]
    fn the_lines_of_a_known_agent_keep_what_is_known_about_it() {
        for (name, agent) in Agent::all() {
            let lines = Agent::lines(name, r#"["other", "--acp"]"#).unwrap();
            let config = Config::read(Path::new("/x/config.toml"), &lines)
                .unwrap_or_else(|error| panic!("{error}\n{lines}"));
            let own = config.registration(name).unwrap();
            assert!(config.own.contains(name));
            if agent.registration.programs().next().is_some() || own.programs().next().is_some() {
                assert_eq!(own.programs().next(), Some(("agent", "other")), "{name}");
            }
            let config = |registration: &crate::config::RegistrationConfig| {
                registration.bind(name, String::new()).config
            };
            assert_eq!(config(own), config(&agent.registration), "{name}");
            assert_eq!(
                (own.recovers, own.no_progress_ms),
                (agent.registration.recovers, agent.registration.no_progress_ms)
            );
        }
        assert_eq!(Agent::lines("nobody", "[]"), None);
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_link_to_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
        replace(&real, "one").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "two");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn lines_are_added_after_an_empty_line() {
        assert_eq!(appended("", "x\n"), "x\n");
        assert_eq!(appended("a\n", "x\n"), "a\n\nx\n");
        assert_eq!(appended("a", "x\n"), "a\n\nx\n");
    }
}
