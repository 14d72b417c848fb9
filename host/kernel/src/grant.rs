//! The one decision about what an adapter may touch (ARCHITECTURE §5). Pure; the engine calls it in one place.
//!
//! This version knows one rule: an effect is allowed if the component declares the grant, with this capability and
//! operation, *and* the registration binds it to something real. Everything else is refused.

use std::collections::BTreeMap;

use crate::descriptor::{Capability, GrantRequest};

/// What an adapter wants to do, in the terms of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect<'a> {
    /// The grant it names.
    pub grant: &'a str,
    /// The kind of thing.
    pub capability: Capability,
    /// `spawn`, `read`, `write`, `request`.
    pub operation: &'a str,
}

/// What has been granted to one registration of one component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// The name of the registration, for the text of a refusal.
    pub registration: String,
    /// What the component declares, by the name of the grant.
    pub declared: BTreeMap<String, GrantRequest>,
    /// What the registration binds: the name of the grant and the capability it is bound as.
    pub bound: BTreeMap<String, Capability>,
}

/// Why an effect is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The component uses a grant that `describe` does not list. No configuration allows this.
    #[error("the component does not declare the grant `{grant}` for {operation}")]
    NotDeclared {
        /// The grant it named.
        grant: String,
        /// What it wanted.
        operation: String,
    },
    /// The registration binds nothing to the grant.
    #[error(
        "`{registration}` has no grant `{grant}` for {operation}; \
         hint: add `[registrations.{registration}.grants.{grant}]` to the configuration"
    )]
    NotBound {
        /// The registration.
        registration: String,
        /// The grant it named.
        grant: String,
        /// What it wanted.
        operation: String,
    },
}

/// Decides about one effect. Default is no.
pub fn authorize(effect: &Effect<'_>, granted: &Granted) -> Result<(), Denial> {
    let covers = |request: &GrantRequest| {
        request.capability == effect.capability
            && (request.operation == "*" || request.operation == effect.operation)
    };
    if !granted.declared.get(effect.grant).is_some_and(covers) {
        return Err(Denial::NotDeclared {
            grant: effect.grant.to_owned(),
            operation: effect.operation.to_owned(),
        });
    }
    if granted.bound.get(effect.grant) != Some(&effect.capability) {
        return Err(Denial::NotBound {
            registration: granted.registration.clone(),
            grant: effect.grant.to_owned(),
            operation: effect.operation.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(capability: Capability, operation: &str) -> GrantRequest {
        GrantRequest {
            name: "agent".into(),
            capability,
            operation: operation.into(),
            pattern: "*".into(),
            reason: String::new(),
            optional: false,
        }
    }

    fn spawn_agent() -> Effect<'static> {
        Effect { grant: "agent", capability: Capability::Process, operation: "spawn" }
    }

    fn granted(declared: Option<GrantRequest>, bound: Option<Capability>) -> Granted {
        Granted {
            registration: "claude".into(),
            declared: declared.into_iter().map(|request| ("agent".to_owned(), request)).collect(),
            bound: bound.into_iter().map(|capability| ("agent".to_owned(), capability)).collect(),
        }
    }

    #[test]
    fn declared_and_bound_is_allowed() {
        let granted = granted(Some(request(Capability::Process, "spawn")), Some(Capability::Process));
        assert_eq!(authorize(&spawn_agent(), &granted), Ok(()));
    }

    #[test]
    fn nothing_else_is() {
        let process = || Some(request(Capability::Process, "spawn"));
        let undeclared = granted(None, Some(Capability::Process));
        assert!(matches!(authorize(&spawn_agent(), &undeclared), Err(Denial::NotDeclared { .. })));
        let other_kind = granted(Some(request(Capability::Files, "*")), Some(Capability::Process));
        assert!(matches!(authorize(&spawn_agent(), &other_kind), Err(Denial::NotDeclared { .. })));
        let other_operation = granted(Some(request(Capability::Process, "read")), Some(Capability::Process));
        assert!(matches!(authorize(&spawn_agent(), &other_operation), Err(Denial::NotDeclared { .. })));
        let unbound = granted(process(), None);
        assert!(matches!(authorize(&spawn_agent(), &unbound), Err(Denial::NotBound { .. })));
        let bound_as_another = granted(process(), Some(Capability::Http));
        assert!(matches!(authorize(&spawn_agent(), &bound_as_another), Err(Denial::NotBound { .. })));
    }

    #[test]
    fn a_refusal_names_the_line_that_would_allow_it() {
        let unbound = granted(Some(request(Capability::Process, "*")), None);
        let denial = authorize(&spawn_agent(), &unbound).unwrap_err();
        assert!(denial.to_string().contains("[registrations.claude.grants.agent]"));
    }
}
