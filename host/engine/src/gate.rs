//! The one gate: every privileged effect of every worker passes here, when it is asked for and again when it is
//! performed, and nothing else asks the kernel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use omi_kernel::descriptor::{Capability, Descriptor, GrantRequest};
use omi_kernel::grant::{
    Access, AccessScope, Allowed, Asked, Denial, Grant, Policy, Scope, Terms, Verdict, authorize, matches,
};
use omi_kernel::id::{AdapterId, AttemptId, RunId, SessionId, Timestamp};

use crate::registration::{Binding, Bound, Registration};

/// On whose behalf something is opened.
#[derive(Debug, Clone)]
pub(crate) struct Behalf {
    /// As the adapter said.
    pub(crate) scope: AccessScope,
    /// The session; none for the worker itself.
    pub(crate) session: Option<SessionId>,
    /// The attempt, if it is one's.
    pub(crate) attempt: Option<AttemptId>,
    /// Its run.
    pub(crate) run: Option<RunId>,
}

impl Behalf {
    /// The worker's own.
    pub(crate) fn worker() -> Self {
        Self { scope: AccessScope::Worker, session: None, attempt: None, run: None }
    }

    fn scope(&self) -> Scope<'_> {
        match (&self.session, &self.run) {
            (None, _) => Scope::Worker,
            (Some(_), Some(run)) => Scope::Run(run),
            (Some(_), None) => Scope::Session,
        }
    }
}

/// What one worker may touch.
pub(crate) struct Gate {
    registration: Arc<Registration>,
    digest: String,
    declared: BTreeMap<String, GrantRequest>,
}

impl Gate {
    /// The gate of a worker of `registration`, whose component has this digest and declares what `descriptor` says.
    pub(crate) fn new(descriptor: &Descriptor, digest: &str, registration: Arc<Registration>) -> Self {
        let declared = descriptor.grants.iter().map(|grant| (grant.name.clone(), grant.clone())).collect();
        Self { registration, digest: digest.to_owned(), declared }
    }

    /// What the component declares under a name.
    pub(crate) fn declared(&self, grant: &str) -> Option<&GrantRequest> {
        self.declared.get(grant)
    }

    /// What the registration binds to a name, where the component declares this capability under it and what is bound
    /// is of it.
    pub(crate) fn bound(&self, grant: &str, capability: &Capability) -> Option<&Bound> {
        let declared = &self.declared(grant)?.capability;
        let bound = &self.binding(grant)?.bound;
        (declared == capability && bound.capability() == *capability).then_some(bound)
    }

    /// What is asked for where nothing is bound that could put it into the words of a grant: as it was asked for; or what
    /// the component declares, where that would read as if it had not declared it.
    pub(crate) fn unbound(&self, grant: &str, capability: &Capability, asked: String) -> String {
        match self.declared(grant) {
            Some(declared) if declared.capability == *capability && !matches(&declared.pattern, &asked) => {
                declared.pattern.clone()
            }
            Some(_) | None => asked,
        }
    }

    /// The names of the declared grants that may be used, at least after somebody was asked.
    pub(crate) fn usable(&self) -> Vec<String> {
        let usable = |(name, declared): &(&String, &GrantRequest)| {
            self.bound(name, &declared.capability).is_some() && self.terms(name).policy != Policy::Deny
        };
        self.declared.iter().filter(usable).map(|(name, _)| name.clone()).collect()
    }

    /// The origins behind those of them that are for requests. An origin is no secret: what an agent says about where it
    /// is can be compared with it.
    pub(crate) fn origins(&self) -> BTreeMap<String, String> {
        let origin = |name: String| match self.bound(&name, &Capability::Http) {
            Some(Bound::Http(http)) => Some((name, http.origin.clone())),
            Some(Bound::Process(_) | Bound::Terminal(_) | Bound::Files(_)) | None => None,
        };
        self.usable().into_iter().filter_map(origin).collect()
    }

    /// The terms of an access under a name.
    pub(crate) fn terms(&self, grant: &str) -> Terms {
        let binding = self.binding(grant);
        Terms {
            registration: AdapterId::from(self.registration.name.as_str()),
            component: self.registration.component.clone(),
            digest: self.digest.clone(),
            declared: self.declared(grant).cloned(),
            bound: binding.map(|binding| binding.bound.capability()),
            policy: binding.map_or(Policy::Deny, |binding| binding.policy),
            operations: binding.map_or_else(Vec::new, |binding| binding.operations.clone()),
            resources: binding.map_or_else(Vec::new, |binding| binding.resources.clone()),
        }
    }

    /// Refuses what no grant could allow. Everything else is for the kernel to decide, which knows the grants.
    pub(crate) fn could_open(asked: &Asked) -> Result<(), Denial> {
        // As the worker's own: the one scope in which no policy is held against a session that is not looked at here.
        match decide(&asked.access, Scope::Worker, &asked.terms, &[]) {
            Verdict::Allow(_) | Verdict::Ask => Ok(()),
            Verdict::Deny(denial) => Err(denial),
        }
    }

    fn binding(&self, grant: &str) -> Option<&Binding> {
        self.registration.grants.get(grant)
    }
}

/// What the kernel allowed, and by which grant. It is judged anew whenever something is opened with it.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    asked: Asked,
    behalf: Behalf,
    /// None where the policy of the registration allows it.
    grant: Option<Grant>,
}

impl Permit {
    /// For what was asked on this behalf.
    pub(crate) fn new(asked: Asked, mut behalf: Behalf, grant: Option<Grant>) -> Self {
        // Who opens something for a binding may do so in the name of the run that was asked, which only the kernel knows.
        if let Some(grant) = &grant
            && behalf.scope == AccessScope::Binding
        {
            behalf.run.clone_from(&grant.run);
        }
        Self { asked, behalf, grant }
    }

    /// Whether it holds now.
    pub(crate) fn check(&self) -> Result<(), Denial> {
        self.covers(&self.asked.access)
    }

    /// Whether it holds now for another resource: where a redirect leads.
    pub(crate) fn check_resource(&self, resource: String) -> Result<(), Denial> {
        self.covers(&Access { resource, ..self.asked.access.clone() })
    }

    /// The kind of thing it is for.
    pub(crate) fn capability(&self) -> &Capability {
        &self.asked.access.capability
    }

    /// Whether it is for some resources only.
    pub(crate) fn is_narrowed(&self) -> bool {
        let Self { asked, behalf: _, grant } = self;
        let declared = asked.terms.declared.as_ref().map(|declared| declared.pattern.as_str());
        let granted = grant.as_ref().map(|grant| grant.pattern.as_str());
        let narrow = |pattern: &str| pattern != "*" && pattern != "**";
        !asked.terms.resources.is_empty() || [declared, granted].into_iter().flatten().any(narrow)
    }

    fn covers(&self, access: &Access) -> Result<(), Denial> {
        let Self { asked, behalf, grant } = self;
        let grants = grant.as_slice();
        let of_session = |grant: &Grant| grant.session == behalf.session;
        match decide(access, behalf.scope(), &asked.terms, grants) {
            Verdict::Allow(Allowed::Grant(grant)) if of_session(grant) => Ok(()),
            Verdict::Allow(Allowed::Policy) if grants.is_empty() => Ok(()),
            Verdict::Allow(Allowed::Grant(_) | Allowed::Policy) | Verdict::Ask => {
                Err(Denial::gone(access, &asked.terms))
            }
            Verdict::Deny(denial) => Err(denial),
        }
    }
}

/// The one call.
fn decide<'g>(access: &Access, scope: Scope<'_>, terms: &Terms, grants: &'g [Grant]) -> Verdict<'g> {
    authorize(access, scope, terms, grants, now())
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
