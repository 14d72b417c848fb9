//! `omi-agentd adapter add`: registers an agent, by lines at the end of the configuration file. Nothing else in it changes.

mod draft;
mod file;
mod remote;
mod secret;

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use omi_engine::Adapter;
use omi_kernel::descriptor::{Capability, GrantRequest};
use serde_json::Value;
use toml::Table;

use super::import::Imported;
use crate::catalogue::Agent;
use crate::cli::Add;
use crate::component::{ComponentFile, load_bundled};
use crate::config::{Config, ConfigFile, RegistrationConfig};
use crate::engine::LateEngine;
use crate::state::StateDir;
use crate::{inspect, schema, terminal, words};
use draft::Draft;
use file::{appended, read, replace};
use remote::Remote;
use secret::SecretEnv;

/// The component of what is started by a command.
const COMPONENT_DEFAULT: &str = "acp";
/// The methods of a server's grant: those with which models and agents are talked to.
const METHODS: [&str; 2] = ["GET", "POST"];
/// The setting of a component that talks to an API below a path.
const BASE_PATH: &str = "basePath";

pub(super) fn add(
    args: &Add,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let imported = args.from.as_deref().map(Imported::read).transpose()?;
    let secrets: Vec<SecretEnv> =
        args.secret_env.iter().map(|text| SecretEnv::read(text, is_set)).collect::<anyhow::Result<_>>()?;
    let lines = lines(args, imported.as_ref(), &secrets, state, file, tokio)?;
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
    let config = Config::read(&file.path, &after).context("these lines cannot be added")?;
    if args.print {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&lines);
    } else {
        replace(&file.path, &after)?;
        terminal::note(&format!("registered `{}` in {}", args.name, file.path.display()));
    }
    match &imported {
        Some(imported) => imported.notes().iter().for_each(|note| terminal::note(note)),
        None => note_missing(config.registration(&args.name)?),
    }
    for SecretEnv { name, variable } in secrets.iter().filter(|secret| !is_set(&secret.variable)) {
        terminal::note(&format!(
            "the variable `{variable}` of the secret `{name}` is not set now; hint: set it where omi-agentd is started"
        ));
    }
    if !args.print {
        terminal::note(&format!("hint: omi-agentd run --adapter {} \"…\"", args.name));
    }
    Ok(ExitCode::SUCCESS)
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Says which programs are not on this machine.
fn note_missing(registration: &RegistrationConfig) {
    for (_, program) in registration.programs().filter(|(_, program)| which::which(program).is_err()) {
        let note = format!("its program `{program}` is not on PATH; hint: install it, or name its path");
        terminal::note(&terminal::plain(&note));
    }
}

/// The lines for what the arguments say, and for what is known about the agent besides.
fn lines(
    args: &Add,
    imported: Option<&Imported>,
    secrets: &[SecretEnv],
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<String> {
    let mut draft = begun(&args.name, args.component.as_deref());
    let asks = Asks::of(draft.component(), state, file, tokio)?;
    let settings = settings(&args.set)?;
    let grant = if let Some(imported) = imported {
        let grant = asks.grant(&Capability::Process)?;
        draft.put(grant, "command", imported.command.clone());
        let env = imported.env.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        draft.put_more(grant, "env", env.collect());
        Some(grant)
    } else if let Some(command) = &args.command {
        let command = words::split(command).map_err(|why| anyhow!("--command {why}"))?;
        if command.first().is_none_or(String::is_empty) {
            bail!("--command names no program; hint: --command \"my-agent --acp\"");
        }
        let grant = asks.grant(&Capability::Process)?;
        draft.put(grant, "command", command);
        Some(grant)
    } else if let Some(origin) = &args.origin {
        let remote = Remote::read(origin)?;
        let grant = asks.grant(&Capability::Http)?;
        asks.base_path(&remote, &settings, &mut draft)?;
        draft.put(grant, "origin", remote.origin);
        draft.put(grant, "methods", METHODS.map(toml::Value::from).to_vec());
        if remote.is_private {
            draft.put(grant, "private", true);
        }
        Some(grant)
    } else {
        asks.grants.iter().map(|grant| grant.name.as_str()).find(|grant| draft.has(grant))
    };
    if grant.is_none() && asks.grants.iter().any(|grant| !grant.optional) {
        bail!("the component `{}` needs something to work with; hint: {}", asks.component, asks.hint());
    }
    match grant {
        Some(grant) => draft.put_more(grant, "secrets", secret_table(secrets, args.origin.is_some())),
        None if secrets.is_empty() => {}
        None => bail!("--secret-env is for a program or a server; hint: {}", asks.hint()),
    }
    draft.config.extend(settings);
    let config = serde_json::to_value(&draft.config)?;
    if let Some(why) = schema::wrong(&config, &asks.schema) {
        let hint = if why.contains("a text") { "; hint: --set 'KEY=\"a text\"'" } else { "" };
        bail!("the component `{}` does not take this --set: {why}{hint}", asks.component);
    }
    Ok(draft.lines(&args.name))
}

/// What is known about an agent of this name, unless another component is to serve it.
fn begun(name: &str, component: Option<&str>) -> Draft {
    let known = Agent::registration_table(name).map(Draft::of);
    let known = known.filter(|known| component.is_none_or(|component| component == known.component()));
    known.unwrap_or_else(|| Draft::new(component.unwrap_or(COMPONENT_DEFAULT)))
}

/// What a component asks for, and what can be set.
struct Asks {
    component: String,
    grants: Vec<GrantRequest>,
    schema: Value,
}

impl Asks {
    fn of(
        component: &str,
        state: &StateDir,
        file: &ConfigFile,
        tokio: &tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let adapter = loaded(component, state, file, tokio)?;
        let descriptor = adapter.descriptor();
        Ok(Self {
            component: component.to_owned(),
            grants: descriptor.grants.clone(),
            schema: schema::read(&descriptor.config_schema),
        })
    }

    /// The name of the grant that is for this: the first that it cannot work without, else the first.
    fn grant(&self, capability: &Capability) -> anyhow::Result<&str> {
        let mut fitting: Vec<&GrantRequest> =
            self.grants.iter().filter(|grant| grant.capability == *capability).collect();
        fitting.sort_by_key(|grant| grant.optional);
        fitting.first().map(|grant| grant.name.as_str()).ok_or_else(|| {
            let (kind, component) = (capability.as_str(), &self.component);
            anyhow!(
                "the component `{component}` asks for nothing of the kind `{kind}`; hint: {}",
                self.hint()
            )
        })
    }

    /// What names what it works with.
    fn hint(&self) -> String {
        let asks = |capability| self.grants.iter().any(|grant| grant.capability == capability);
        let mut flags = Vec::new();
        flags.extend(asks(Capability::Process).then_some("--command"));
        // It names the component by itself.
        flags.extend((self.component == COMPONENT_DEFAULT).then_some("--from"));
        flags.extend(asks(Capability::Http).then_some("--origin"));
        match flags.as_slice() {
            [] => format!("`omi-agentd adapter info {}` shows what it asks for", self.component),
            flags => format!("name it with {}", flags.join(" or ")),
        }
    }

    /// The path of an address is where the API begins, if the component can be told that.
    fn base_path(&self, remote: &Remote, settings: &Table, draft: &mut Draft) -> anyhow::Result<()> {
        let Some(path) = &remote.path else { return Ok(()) };
        if self.schema["properties"][BASE_PATH].is_null() {
            let component = &self.component;
            bail!("--origin has the path `{path}`, which `{component}` cannot be told; hint: leave it out");
        }
        if settings.contains_key(BASE_PATH) {
            bail!(
                "--origin has the path `{path}`, and --set names `{BASE_PATH}`; hint: leave one of them out"
            );
        }
        draft.config.insert(BASE_PATH.to_owned(), path.as_str().into());
        Ok(())
    }
}

/// The component, bundled or installed.
fn loaded(
    component: &str,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<Adapter> {
    let engine = LateEngine::of(state, Vec::new(), tokio).get()?;
    let failed = |failure: omi_kernel::report::FailureDetail| anyhow!(failure.message);
    if let Some(bundled) = load_bundled(&engine, component) {
        return bundled.map_err(failed);
    }
    let config = Config::read(&file.path, &read(&file.path)?)?;
    let found = ComponentFile::named(&config, component).map_err(|failure| {
        anyhow!("{}; hint: `omi-agentd adapter list` lists those that there are", failure.message)
    })?;
    if inspect::reader(state)?.is_none() {
        let path = terminal::quoted(found.path());
        bail!("the component `{component}` is not installed; hint: omi-agentd adapter install {path}");
    }
    let bytes = found.read_installed(&state.database()).map_err(failed)?;
    found.load_bytes(&engine, &bytes).map_err(failed)
}

/// The secrets as TOML has them. A token that is sent to a server is announced as one.
fn secret_table(secrets: &[SecretEnv], is_remote: bool) -> Table {
    let one = |SecretEnv { name, variable }: &SecretEnv| {
        let mut secret = Table::from_iter([("env".to_owned(), variable.as_str().into())]);
        if is_remote && name.eq_ignore_ascii_case("authorization") {
            secret.insert("prefix".to_owned(), "Bearer ".into());
        }
        (name.clone(), secret.into())
    };
    secrets.iter().map(one).collect()
}

fn settings(pairs: &[(String, String)]) -> anyhow::Result<Table> {
    let mut settings = Table::new();
    for (name, value) in pairs {
        if settings.insert(name.clone(), toml_value(value)).is_some() {
            bail!("--set names `{name}` twice");
        }
    }
    Ok(settings)
}

/// A value as TOML understands it; else it is a text.
fn toml_value(text: &str) -> toml::Value {
    let read = toml::from_str::<Table>(&format!("value = {text}")).ok();
    let one = read.filter(|table| table.len() == 1 && !text.contains('\n'));
    one.and_then(|mut table| table.remove("value")).unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_value_is_toml_or_a_text() {
        let five: toml::Value = 5.into();
        assert_eq!(
            ["5", "true", "plan", "a = 1", "\"x\"", ""].map(toml_value),
            [five, true.into(), "plan".into(), "a = 1".into(), "x".into(), "".into()]
        );
        assert_eq!(toml_value("1\nworkers-max = 2"), "1\nworkers-max = 2".into(), "one value");
    }

    #[test]
    fn the_lines_of_a_known_agent_keep_what_is_known_about_it() {
        for (name, agent) in Agent::all() {
            let mut draft = begun(name, None);
            draft.put("agent", "command", vec!["other".to_owned()]);
            draft.put_more(
                "agent",
                "secrets",
                Table::from_iter([(
                    "MORE".to_owned(),
                    Table::from_iter([("env".to_owned(), "MORE".into())]).into(),
                )]),
            );
            let lines = draft.lines(name);
            let config = Config::read(Path::new("/x/config.toml"), &lines)
                .unwrap_or_else(|error| panic!("{error}\n{lines}"));
            let own = config.registration(name).unwrap();
            assert_eq!(own.programs().next(), Some(("agent", "other")), "{name}");
            let config = RegistrationConfig::settings;
            assert_eq!(config(own), config(&agent.registration), "{name}");
            assert_eq!(
                (own.recovers, own.no_progress_ms),
                (agent.registration.recovers, agent.registration.no_progress_ms)
            );
            let table = Agent::registration_table(name).unwrap();
            let known = table["grants"]["agent"].get("secrets").and_then(toml::Value::as_table);
            let mut known = known.into_iter().flat_map(Table::keys);
            assert!(known.all(|secret| lines.contains(&format!("{secret} = {{"))), "{lines}");
        }
        assert_eq!(begun("nobody", None).component(), COMPONENT_DEFAULT);
        assert!(!begun("openclaw", Some("a2a")).has("agent"), "another component knows nothing of it");
    }
}
