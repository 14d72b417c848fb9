//! What is wrong with a registration: its component, its grants, and what they need on this machine.

use std::path::Path;

use omi_engine::{Binding, Bound, Folder, ProcessFolder, Secret, SecretSource};
use omi_kernel::descriptor::GrantRequest;
use omi_store::ComponentView;

use super::Look;
use super::finding::Findings;
use crate::component::{ComponentFile, FileState, load_bundled};
use crate::config::RegistrationConfig;

/// Looks at a registration. Whether the program of a known agent is there is looked at elsewhere.
pub(super) fn look(
    look: &Look<'_>,
    name: &str,
    registration: &RegistrationConfig,
    is_known: bool,
    findings: &mut Findings,
) {
    if let Some(declared) = declared(look, name, registration, findings) {
        grants(name, &declared, registration, findings);
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

/// What the component of a registration asks for, if it can be used.
fn declared(
    look: &Look<'_>,
    name: &str,
    registration: &RegistrationConfig,
    findings: &mut Findings,
) -> Option<Vec<GrantRequest>> {
    let component = registration.component.as_str();
    if let Some(bundled) = load_bundled(look.engine, component) {
        let loaded = bundled.map_err(|failure| findings.error(name, &failure.message)).ok()?;
        return Some(loaded.descriptor().grants.clone());
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
        FileState::Installed => findings.fine(name, format!("its component `{}` is installed", file.path())),
        FileState::Changed => {
            let why = format!("its component `{}` has changed since it was installed", file.path());
            findings.wrong(name, why, install);
        }
        FileState::Missing => {
            let why = format!("its component `{}` cannot be read", file.path());
            findings.wrong(name, why, install);
        }
    }
    Some(installed.grants.clone())
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
