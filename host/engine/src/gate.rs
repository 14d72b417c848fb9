//! The one gate: every privileged effect of every worker passes here, and nothing else asks the kernel.

use std::sync::Arc;

use omi_kernel::descriptor::{Capability, Descriptor};
use omi_kernel::grant::{Denial, Effect, Granted, authorize};

use crate::input::Why;
use crate::output::UnperformedKind;
use crate::registration::{Bound, BoundProcess, Registration};

/// What one worker may touch.
pub(crate) struct Gate {
    granted: Granted,
    registration: Arc<Registration>,
}

impl Gate {
    /// The gate of a worker of `registration`, whose component declares what `descriptor` says.
    pub(crate) fn new(descriptor: &Descriptor, registration: Arc<Registration>) -> Self {
        let declared = descriptor.grants.iter().map(|grant| (grant.name.clone(), grant.clone())).collect();
        let bound =
            registration.grants.iter().map(|(name, bound)| (name.clone(), bound.capability())).collect();
        let granted = Granted { registration: registration.name.clone(), declared, bound };
        Self { granted, registration }
    }

    /// The program behind a grant, if it may be started.
    pub(crate) fn spawn(&self, grant: &str) -> Result<&BoundProcess, Why> {
        let declared = self.granted.declared.get(grant).map(|request| &request.capability);
        let is_terminal = declared == Some(&Capability::Terminal);
        let capability = if is_terminal { Capability::Terminal } else { Capability::Process };
        self.authorize(grant, capability, "spawn")?;
        match self.registration.grants.get(grant) {
            Some(Bound::Process(process)) => Ok(process),
            None => Err(Why::Other(format!("the grant `{grant}` is bound to nothing"))),
        }
    }

    /// Decides about an effect that is not performed whatever the decision.
    pub(crate) fn unperformed(&self, grant: &str, kind: UnperformedKind) -> Why {
        let (capability, operation) = match kind {
            UnperformedKind::ReadFile => (Capability::Files, "read"),
            UnperformedKind::WriteFile => (Capability::Files, "write"),
            UnperformedKind::HttpRequest => (Capability::Http, "request"),
        };
        match self.authorize(grant, capability.clone(), operation) {
            Ok(()) => not_available(grant, &capability),
            Err(why) => why,
        }
    }

    fn authorize(&self, grant: &str, capability: Capability, operation: &str) -> Result<(), Why> {
        let effect = Effect { grant, capability: capability.clone(), operation };
        authorize(&effect, &self.granted).map_err(|denial| match (&denial, capability) {
            (Denial::NotDeclared { .. }, _) | (Denial::NotBound { .. }, Capability::Process) => {
                Why::Denied(denial.to_string())
            }
            // A hint to bind it would lead nowhere: no configuration of this version can.
            (Denial::NotBound { .. }, capability) => not_available(grant, &capability),
        })
    }
}

fn not_available(grant: &str, capability: &Capability) -> Why {
    let what = match capability {
        Capability::Process => "starting programs",
        Capability::Terminal => "starting programs of the runtime's choice",
        Capability::Files => "reading and writing files through the host",
        Capability::Http => "sending requests through the host",
        Capability::Other(_) => "this capability",
    };
    Why::Other(format!("{what} (grant `{grant}`) is not available in this version of the host"))
}

#[cfg(test)]
mod tests {
    use omi_kernel::descriptor::{Cancellation, Capabilities, Fidelity, GrantRequest, Recovery, Restart};

    use super::*;

    fn gate(declared: &[(&str, Capability)], bound: &[&str]) -> Gate {
        let grants = declared.iter().map(|(name, capability)| GrantRequest {
            name: (*name).to_owned(),
            capability: capability.clone(),
            operation: "*".to_owned(),
            pattern: "*".to_owned(),
            reason: String::new(),
            optional: false,
        });
        let descriptor = Descriptor {
            adapter_id: "test".into(),
            version: "0.1.0".into(),
            title: "Test".into(),
            protocol: "none".into(),
            capabilities: Capabilities {
                resume: Fidelity::None,
                cancellation: Cancellation::Unsupported,
                restart: Restart::BindingsLost,
                recovery: Recovery::Host,
                pinned_worker: true,
                bindings_per_worker: 1,
                attempts_per_worker: 1,
                model_switching: false,
                artifacts: false,
                tools: false,
            },
            grants: grants.collect(),
            config_schema: String::new(),
        };
        let process =
            || Bound::Process(BoundProcess { argv: vec!["agent".into()], ..BoundProcess::default() });
        let registration = Registration {
            name: "claude".into(),
            config: serde_json::Value::Null,
            grants: bound.iter().map(|name| ((*name).to_owned(), process())).collect(),
        };
        Gate::new(&descriptor, Arc::new(registration))
    }

    #[test]
    fn a_program_is_started_if_it_is_declared_and_bound() {
        let gate =
            gate(&[("agent", Capability::Process), ("other", Capability::Process)], &["agent", "secret"]);
        assert_eq!(gate.spawn("agent").map(|process| process.argv.clone()), Ok(vec!["agent".to_owned()]));
        assert!(matches!(gate.spawn("other"), Err(Why::Denied(text)) if text.contains("grants.other")));
        assert!(matches!(gate.spawn("secret"), Err(Why::Denied(text)) if text.contains("does not declare")));
    }

    #[test]
    fn what_this_version_cannot_do_is_said_so() {
        let gate = gate(&[("files", Capability::Files), ("shell", Capability::Terminal)], &["shell"]);
        let unavailable = |why| matches!(why, Why::Other(text) if text.contains("not available"));
        assert!(unavailable(gate.unperformed("files", UnperformedKind::ReadFile)));
        assert!(unavailable(gate.spawn("shell").unwrap_err()));
        assert!(matches!(gate.unperformed("web", UnperformedKind::HttpRequest), Why::Denied(_)));
    }
}
