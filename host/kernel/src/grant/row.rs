//! Grants as they are recorded, and what else is recorded about what components may do.

use serde::{Deserialize, Serialize};

use super::{Access, Scope, Terms, matches};
use crate::descriptor::{Capability, GrantRequest};
use crate::id::{AdapterId, GrantId, RunId, SessionId, Timestamp, WorkerId};

/// What a grant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantEffect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// Where a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantSource {
    /// The broad authority of a run under the legacy policy (seed §17.1).
    LegacyDefault,
    /// The policy of a registration.
    Policy,
    /// A person's answer.
    User,
    /// The daemon itself.
    System,
}

/// A grant that covers one access only: that of a worker with this number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlyOp {
    /// The worker.
    pub worker: WorkerId,
    /// Its number of the effect.
    pub op: u32,
}

/// The component that a person granted something to: it holds for that one, or for another version of it that asks for
/// the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantedTo {
    /// The component, as the registration names it.
    pub component: String,
    /// Its digest.
    pub digest: String,
    /// What it declared when it was decided.
    pub declared: GrantRequest,
}

impl GrantedTo {
    /// It is the component of these terms: the version that was decided about, or another one that asks for the same.
    /// What a new version asks for anew is asked about anew.
    pub(super) fn is(&self, terms: &Terms) -> bool {
        let was = &self.declared;
        let same = |now: &GrantRequest| {
            now.name == was.name
                && now.capability == was.capability
                && now.operation == was.operation
                && now.pattern == was.pattern
        };
        self.component == terms.component
            && (self.digest == terms.digest || terms.declared.as_ref().is_some_and(same))
    }
}

/// A decision that was recorded and holds until it expires or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its identifier.
    pub id: GrantId,
    /// Its session; none for what holds for a component.
    pub session: Option<SessionId>,
    /// Its run, where it holds for one only.
    pub run: Option<RunId>,
    /// The registration; none means any.
    pub registration: Option<AdapterId>,
    /// The name under which the component asks; none means any.
    pub name: Option<String>,
    /// The kind of thing; none means any.
    pub capability: Option<Capability>,
    /// What is done; `*` means anything.
    pub operation: String,
    /// What it is done to, as a pattern.
    pub pattern: String,
    /// What it does.
    pub effect: GrantEffect,
    /// Where it comes from.
    pub source: GrantSource,
    /// The one access that it covers, if it covers one only.
    pub only: Option<OnlyOp>,
    /// The component that it was given to, where a person gave it.
    pub to: Option<GrantedTo>,
    /// The grant of a component that it was copied from.
    pub origin: Option<GrantId>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// The broad authority of a run under the legacy policy: anything, for this run (seed §17.1).
    pub fn legacy_default(id: GrantId, session: SessionId, run: RunId) -> Self {
        Self {
            id,
            session: Some(session),
            run: Some(run),
            registration: None,
            name: None,
            capability: None,
            operation: "*".to_owned(),
            pattern: "*".to_owned(),
            effect: GrantEffect::Allow,
            source: GrantSource::LegacyDefault,
            only: None,
            to: None,
            origin: None,
            expires_at: None,
            revoked_at: None,
        }
    }

    /// It holds at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }

    /// It is about what is done on this behalf.
    pub(super) fn reaches(&self, scope: Scope<'_>) -> bool {
        match (scope, &self.run) {
            (Scope::Worker, _) => self.session.is_none(),
            (Scope::Session, Some(_)) => false,
            (Scope::Run(run), Some(of)) => of == run,
            (Scope::Session | Scope::Run(_), None) => true,
        }
    }

    /// It is about this access.
    pub(super) fn covers(&self, access: &Access, terms: &Terms) -> bool {
        let is_only = |only: &OnlyOp| only.worker == access.worker && only.op == access.op;
        self.registration.as_ref().is_none_or(|of| *of == terms.registration)
            && self.to.as_ref().is_none_or(|to| to.is(terms))
            && self.name.as_ref().is_none_or(|name| *name == access.grant)
            && self.capability.as_ref().is_none_or(|capability| *capability == access.capability)
            && (self.operation == "*" || self.operation == access.operation)
            && matches(&self.pattern, &access.resource)
            && self.only.as_ref().is_none_or(is_only)
    }

    /// The higher, the less it covers.
    pub(super) fn narrowness(&self) -> (bool, bool, bool) {
        (self.only.is_some(), self.run.is_some(), self.session.is_some())
    }
}

/// A person's `always`: what a component may do in every session of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentGrant {
    /// Its identifier.
    pub id: GrantId,
    /// The component that it was given to.
    pub to: GrantedTo,
    /// The registration.
    pub registration: AdapterId,
    /// What is done.
    pub operation: String,
    /// What it is done to, as a pattern.
    pub pattern: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ComponentGrant {
    /// The decision as a grant without a session.
    pub fn grant(&self) -> Grant {
        Grant {
            id: self.id.clone(),
            session: None,
            run: None,
            registration: Some(self.registration.clone()),
            name: Some(self.to.declared.name.clone()),
            capability: Some(self.to.declared.capability.clone()),
            operation: self.operation.clone(),
            pattern: self.pattern.clone(),
            effect: GrantEffect::Allow,
            source: GrantSource::User,
            only: None,
            to: Some(self.to.clone()),
            origin: None,
            expires_at: None,
            revoked_at: self.revoked_at,
        }
    }
}

/// A decision of the gate outside of any session, or about a component: kept beside the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateDecision {
    /// `access`, `install`, `remove`, `revoke`.
    pub kind: &'static str,
    /// `allow`, `deny`, `installed`, `removed`, `revoked`.
    pub decision: &'static str,
    /// The grant, where one was used or is meant.
    pub grant: Option<GrantId>,
    /// The component, as a registration names it, or its path.
    pub component: String,
    /// Its digest.
    pub digest: String,
    /// The registration, where it is about one.
    pub registration: Option<AdapterId>,
    /// What was to be opened, where it is about that.
    pub access: Option<Access>,
    /// Who decided, or why not: `policy`, `user`, `legacy_default`, or a sentence.
    pub reason: String,
}

/// A component that a person installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its file, absolute: what registrations name.
    pub path: String,
    /// Its name for people: that of its file.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// What it calls itself.
    pub adapter_id: String,
    /// Its version.
    pub version: String,
    /// What it asks for.
    pub grants: Vec<GrantRequest>,
    /// What it imports.
    pub imports: Vec<String>,
}
