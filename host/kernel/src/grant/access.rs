//! What an adapter wants to open, and the terms under which its registration lets it.

use serde::{Deserialize, Serialize};

use super::{Denial, matches};
use crate::descriptor::{Capability, GrantRequest};
use crate::id::{AdapterId, WorkerId};

/// What an adapter wants to open: a program, a file, a request. Using what is open is checked by who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// The worker that asks.
    pub worker: WorkerId,
    /// The worker's number of the effect: with the worker it names the access.
    pub op: u32,
    /// The grant it names.
    pub grant: String,
    /// The kind of thing.
    pub capability: Capability,
    /// `spawn`, `read`, `write`, `request`.
    pub operation: String,
    /// What it is done to: the program (with its arguments, for a terminal), the path below the granted folder, or
    /// method and path of a request.
    pub resource: String,
    /// What a lasting answer covers: a pattern.
    pub covers: String,
}

/// On whose behalf something is opened, as the adapter said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessScope {
    /// The worker's.
    Worker,
    /// A binding's: its session.
    Binding,
    /// An attempt's: its run.
    Attempt,
}

/// What a registration decides about a grant where no grant of a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// It is refused.
    Deny,
    /// A person is asked.
    Ask,
    /// It is allowed.
    Allow,
    /// It is allowed by the run's `legacy_default` grant (seed §17).
    Legacy,
}

/// The terms of one access: what the component declares and the registration binds under the grant's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The registration.
    pub registration: AdapterId,
    /// The component, as the registration names it.
    pub component: String,
    /// Its digest.
    pub digest: String,
    /// What the component declares under the name, if anything.
    pub declared: Option<GrantRequest>,
    /// What the registration binds to the name, if anything.
    pub bound: Option<Capability>,
    /// What it decides.
    pub policy: Policy,
    /// The operations it is narrowed to; none means all that are declared.
    pub operations: Vec<String>,
    /// The patterns it is narrowed to; none means all that is declared.
    pub resources: Vec<String>,
}

/// A question to a person whether something may be opened, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// On whose behalf.
    pub scope: AccessScope,
    /// What.
    pub access: Access,
    /// Under which terms.
    pub terms: Terms,
}

impl Terms {
    /// Why no grant could allow this access: it is not declared, not bound, outside of what the registration is
    /// narrowed to, or denied by policy.
    pub(super) fn excludes(&self, access: &Access) -> Option<Denial> {
        let declares = |request: &GrantRequest| {
            request.capability == access.capability
                && (request.operation == "*" || request.operation == access.operation)
                && matches(&request.pattern, &access.resource)
        };
        if !self.declared.as_ref().is_some_and(declares) {
            return Some(Denial::not_declared(access, self));
        }
        if self.bound.as_ref() != Some(&access.capability) {
            return Some(Denial::not_bound(access, self));
        }
        if !self.operations.is_empty() && !self.operations.contains(&access.operation) {
            return Some(Denial::narrowed(access, self, "operations"));
        }
        if !self.resources.is_empty()
            && !self.resources.iter().any(|allowed| matches(allowed, &access.resource))
        {
            return Some(Denial::narrowed(access, self, "resources"));
        }
        (self.policy == Policy::Deny).then(|| Denial::policy(access, self))
    }
}
