//! What is wrong with a known agent that is registered or on this machine.

use super::finding::Findings;
use crate::detect::{Detected, LoginState};

/// Looks at an agent. What nobody relies on is only worth knowing.
pub(super) fn look(agent: &Detected, relied_on: bool, findings: &mut Findings) {
    let name = &agent.name;
    let Some(found) = &agent.found else {
        let why = format!("its program `{}` is not on PATH", agent.program);
        return findings.wrong_if(relied_on, name, why, agent.next());
    };
    if found.instead.is_some() {
        let why = format!("`{}` is not on PATH, but `{}` is", agent.program, found.path.display());
        findings.wrong_if(relied_on, name, why, agent.next());
    }
    let version = found.version.text.as_deref().unwrap_or("(version unknown)");
    findings.fine(name, format!("{} {version} is `{}`", agent.title, found.path.display()));
    for need in &agent.needs {
        match &need.found {
            Some((path, version)) => {
                let version = version.text.as_deref().unwrap_or("(version unknown)");
                findings.fine(
                    name,
                    format!("{} {version}, which it starts, is `{}`", need.program, path.display()),
                );
            }
            None => {
                let why = format!("it starts `{}`, which is not on PATH", need.program);
                findings.wrong_if(relied_on, name, why, need.install.clone());
            }
        }
    }
    match &agent.login {
        LoginState::In { by } => findings.fine(name, format!("somebody is logged in, it seems: {by}")),
        LoginState::Out { looked_for } => {
            let why = format!("nobody is logged in: no {looked_for}");
            findings.wrong_if(relied_on, name, why, agent.login_command.clone());
        }
        LoginState::Unknown { .. } => {
            findings.note(name, format!("log-in {}", agent.login.text(&agent.login_command)));
        }
    }
    for known in &agent.known {
        match &known.hint {
            Some(hint) if known.broken => findings.wrong_if(relied_on, name, &known.wrong, hint),
            Some(_) | None => findings.note(name, format!("known: {}", known.text())),
        }
    }
}
