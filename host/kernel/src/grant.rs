//! The one decision about what an adapter may touch (ARCHITECTURE §5). Pure; the engine calls it in one place, and the
//! kernel when it records what came of it.
//!
//! Something is allowed if the component declares it, the registration binds it, a live grant covers it and none
//! denies it. A deny wins wherever it stands; of what allows, the narrowest is used: the run's before the session's,
//! the session's before the component's, that before the registration's policy. The default is no.

mod access;
mod denial;
mod pattern;
mod row;
#[cfg(test)]
mod tests;

use crate::id::{RunId, Timestamp};

pub use access::{Access, AccessScope, Asked, Policy, Terms};
pub use denial::Denial;
pub(crate) use denial::{one_line, shown, what};
pub use pattern::{literal, matches};
pub use row::{Component, ComponentGrant, GateDecision, Grant, GrantEffect, GrantSource, GrantedTo, OnlyOp};

/// On whose behalf something is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'s> {
    /// The worker's: no session is known. Only what holds for a component and the policy count.
    Worker,
    /// A session's.
    Session,
    /// A run's.
    Run(&'s RunId),
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'g> {
    /// It may be done.
    Allow(Allowed<'g>),
    /// A person is to be asked.
    Ask,
    /// It may not be done.
    Deny(Denial),
}

/// What allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed<'g> {
    /// A grant.
    Grant(&'g Grant),
    /// The policy of the registration, which nothing in the session takes back.
    Policy,
}

/// Decides about one access. `grants` are those of its session and of its component, of any state.
pub fn authorize<'g>(
    access: &Access,
    scope: Scope<'_>,
    terms: &Terms,
    grants: &'g [Grant],
    now: Timestamp,
) -> Verdict<'g> {
    if let Some(denial) = terms.excludes(access) {
        return Verdict::Deny(denial);
    }
    let covers = |grant: &&Grant| grant.reaches(scope) && grant.covers(access, terms);
    // What stands for a policy holds while the registration has that policy.
    let stands = |grant: &&Grant| match grant.source {
        GrantSource::Policy => terms.policy == Policy::Allow,
        GrantSource::LegacyDefault => terms.policy == Policy::Legacy,
        GrantSource::User | GrantSource::System => true,
    };
    let live = || grants.iter().filter(covers).filter(stands).filter(|grant| grant.is_live(now));
    let deny = live().find(|grant| grant.effect == GrantEffect::Deny);
    if let Some(grant) = deny {
        return Verdict::Deny(Denial::denied_by(access, terms, &grant.id));
    }
    let allow =
        live().filter(|grant| grant.effect == GrantEffect::Allow).max_by_key(|grant| grant.narrowness());
    if let Some(grant) = allow {
        return Verdict::Allow(Allowed::Grant(grant));
    }
    let taken_back = || {
        let is_dead = |grant: &&Grant| grant.source == GrantSource::Policy && grant.revoked_at.is_some();
        grants.iter().filter(covers).find(is_dead)
    };
    match terms.policy {
        Policy::Allow => match taken_back() {
            Some(grant) => Verdict::Deny(Denial::revoked(access, terms, &grant.id)),
            None => Verdict::Allow(Allowed::Policy),
        },
        Policy::Ask => Verdict::Ask,
        // Without a session there is no run that could have the grant; the registration opted in all the same.
        Policy::Legacy if scope == Scope::Worker => Verdict::Allow(Allowed::Policy),
        Policy::Legacy => Verdict::Deny(Denial::no_legacy_grant(access, terms)),
        Policy::Deny => Verdict::Deny(Denial::policy(access, terms)),
    }
}
