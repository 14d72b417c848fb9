//! What is wrong with a registration: its component, its grants, and what they need on this machine.

use std::path::Path;

use omi_engine::{Adapter, Binding, Bound, Folder, ProcessFolder, Secret, SecretSource};
use omi_kernel::descriptor::GrantRequest;
use omi_store::ComponentView;
use serde_json::Value;

use super::Look;
use super::finding::Findings;
use crate::component::{ComponentFile, FileState, load_bundled};
use crate::config::RegistrationConfig;
use crate::schema;

/// Looks at a registration. Whether the program of a known agent is there is looked at elsewhere.
pub(super) fn look(
    look: &Look<'_>,
    name: &str,
    registration: &RegistrationConfig,
    is_known: bool,
    findings: &mut Findings,
) {
    if let Some(component) = component(look, name, registration, findings) {
        grants(name, &component.grants, registration, findings);
        settings(name, &component, registration, findings);
    }
    if look.config.own.contains(name) && !is_known {
        for (_, program) in registration.programs() {
            match which::which(program) {
                Ok(path) => findings.fine(name, format!("its program is `{}`", path.display())),
                Err(_) => findings.wrong(
                    name,
                    format!("its program `{program}` is not on PATH"),
                    "install it, or name its path in `command`",
                ),
            }
        }
    }
    for (grant, binding) in registration.grants() {
        bound(name, grant, binding, look.is_relied_on(name), findings);
    }
}

/// What is looked at of a component.
struct Component {
    grants: Vec<GrantRequest>,
    /// The schema of its configuration; none if the component cannot be loaded as it is.
    schema: Option<Value>,
}

impl Component {
    fn of(adapter: &Adapter) -> Self {
        let descriptor = adapter.descriptor();
        Self { grants: descriptor.grants.clone(), schema: Some(schema::read(&descriptor.config_schema)) }
    }
}

/// The component of a registration, if it can be used.
fn component(
    look: &Look<'_>,
    name: &str,
    registration: &RegistrationConfig,
    findings: &mut Findings,
) -> Option<Component> {
    let component = registration.component.as_str();
    if let Some(bundled) = load_bundled(look.engine, component) {
        let loaded = bundled.map_err(|failure| findings.error(name, &failure.message)).ok()?;
        return Some(Component::of(&loaded));
    }
    let file = ComponentFile::named(look.config, component)
        .map_err(|failure| {
            findings.wrong(
                name,
                failure.message,
                "name a component of `omi-agentd adapter list`, or a `.wasm` file",
            );
        })
        .ok()?;
    let install = format!("omi-agentd adapter install {}", file.path());
    let installed: Option<&ComponentView> = look.components.iter().find(|one| one.path == file.path());
    let Some(installed) = installed else {
        findings.wrong(name, format!("its component `{}` is not installed", file.path()), install);
        return None;
    };
    match FileState::of(installed) {
        FileState::Installed => {
            findings.fine(name, format!("its component `{}` is installed", file.path()));
            let bytes = file.read().ok().filter(|bytes| bytes.digest == installed.digest);
            match bytes.map(|bytes| file.load_bytes(look.engine, &bytes)) {
                Some(Ok(adapter)) => return Some(Component::of(&adapter)),
                Some(Err(failure)) => findings.error(name, &failure.message),
                // It has changed at this very moment.
                None => {}
            }
        }
        FileState::Changed => {
            let why = format!("its component `{}` has changed since it was installed", file.path());
            findings.wrong(name, why, install);
        }
        FileState::Missing => {
            let why = format!("its component `{}` cannot be read", file.path());
            findings.wrong(name, why, install);
        }
    }
    Some(Component { grants: installed.grants.clone(), schema: None })
}

/// The settings are such as the component takes.
fn settings(name: &str, component: &Component, registration: &RegistrationConfig, findings: &mut Findings) {
    let Some(schema) = &component.schema else { return };
    let config = registration.settings();
    match schema::wrong(&config, schema) {
        Some(why) => {
            let (why, hint) = match why.split_once("; hint: ") {
                Some((why, hint)) => (why.to_owned(), hint.to_owned()),
                None => (why, format!("change `[registrations.{name}.config]`")),
            };
            findings.wrong(name, format!("its `config`: {why}"), hint);
        }
        None => findings.fine(name, format!("its settings are such as `{}` takes", registration.component)),
    }
}

/// What the component asks for is bound, and to what it asks for.
fn grants(name: &str, declared: &[GrantRequest], registration: &RegistrationConfig, findings: &mut Findings) {
    for grant in declared {
        let info = format!("omi-agentd adapter info {} says what for", registration.component);
        match registration.grants().get(&grant.name) {
            None if grant.optional => {}
            None => {
                let why = format!("it cannot work without `grants.{}`, which is not bound", grant.name);
                findings.wrong(name, why, info);
            }
            Some(binding) if binding.bound.capability() != grant.capability => {
                let (bound, asked) = (binding.bound.capability(), &grant.capability);
                let why = format!(
                    "`grants.{}` is bound to {}, and its component asks for {}",
                    grant.name,
                    bound.as_str(),
                    asked.as_str()
                );
                findings.wrong(name, why, info);
            }
            Some(_) => {}
        }
    }
    let is_declared = |grant: &&String| declared.iter().any(|declared| declared.name == **grant);
    for grant in registration.grants().keys().filter(|grant| !is_declared(grant)) {
        findings.note(name, format!("`grants.{grant}` is bound, and its component does not ask for it"));
    }
}

/// What a grant needs is there.
fn bound(name: &str, grant: &str, binding: &Binding, relied_on: bool, findings: &mut Findings) {
    match &binding.bound {
        Bound::Process(process) => {
            for (variable, secret) in &process.setting.secrets {
                self::secret(name, variable, secret, Unset::log_in(relied_on), findings);
            }
            if let ProcessFolder::At(cwd) = &process.cwd {
                folder(name, grant, cwd, findings);
            }
        }
        Bound::Terminal(terminal) => {
            for (variable, secret) in &terminal.setting.secrets {
                self::secret(name, variable, secret, Unset::log_in(relied_on), findings);
            }
            if let Some(path) = at(&terminal.folder) {
                folder(name, grant, path, findings);
            }
        }
        Bound::Files(files) => {
            if let Some(path) = at(&files.folder) {
                folder(name, grant, path, findings);
            }
        }
        Bound::Http(http) => {
            for (header, secret) in &http.secrets {
                let unset = if relied_on { Unset::Wrong } else { Unset::Silent };
                self::secret(name, header, secret, unset, findings);
            }
        }
    }
}

fn at(folder: &Folder) -> Option<&Path> {
    match folder {
        Folder::Session => None,
        Folder::At(path) => Some(path),
    }
}

fn folder(name: &str, grant: &str, path: &Path, findings: &mut Findings) {
    if !path.is_dir() {
        let why = format!("the folder `{}` of `grants.{grant}` is not there", path.display());
        findings.wrong(name, why, "make it, or name another one");
    }
}

/// What a secret matters whose variable is not set.
#[derive(Clone, Copy)]
enum Unset {
    /// Nothing: nobody relies on it.
    Silent,
    /// It is worth knowing: whoever logged in otherwise needs no key.
    Note,
    /// Nothing else logs in.
    Wrong,
}

impl Unset {
    /// That of a program, with which a person may be logged in.
    fn log_in(relied_on: bool) -> Self {
        if relied_on { Self::Note } else { Self::Silent }
    }
}

/// A secret is where it is said to be. What it is is not looked at.
fn secret(name: &str, used_as: &str, secret: &Secret, unset: Unset, findings: &mut Findings) {
    match &secret.source {
        SecretSource::Env(variable) if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) => {
            findings.fine(name, format!("the variable `{variable}` of its secret `{used_as}` is set"));
        }
        SecretSource::Env(variable) => {
            let why = format!("the variable `{variable}` of its secret `{used_as}` is not set");
            match unset {
                Unset::Silent => {}
                Unset::Note => findings.note(name, why),
                Unset::Wrong => {
                    findings.wrong(name, why, format!("set {variable} where omi-agentd is started"));
                }
            }
        }
        SecretSource::File(path) => match std::fs::metadata(path) {
            Ok(_) => findings
                .fine(name, format!("the file `{}` of its secret `{used_as}` is there", path.display())),
            Err(error) => {
                let why = format!(
                    "the file `{}` of its secret `{used_as}` cannot be read: {error}",
                    path.display()
                );
                findings.wrong(name, why, "write the secret into it, or name another file");
            }
        },
    }
}
