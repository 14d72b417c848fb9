//! Grants, components and the decisions of the gate: how they are read and written.

use omi_kernel::grant::{Component, ComponentGrant, GateDecision, Grant};
use omi_kernel::id::{AdapterId, GrantId, SessionId, Timestamp};

use super::Record;
use crate::row::{ComponentGrantRow, ComponentRow, GateDecisionRow, GrantRow};
use crate::{Fault, ensure};

/// Decisions of the gate that are kept, the newest.
const GATE_DECISIONS_MAX: usize = 10_000;

impl Record {
    /// The grants of a session for a registration or any, the oldest first.
    pub(super) fn grants_of(&self, session: Option<&SessionId>, registration: &AdapterId) -> Vec<Grant> {
        let is_about = |grant: &&Grant| {
            session.is_some()
                && grant.session.as_ref() == session
                && grant.registration.as_ref().is_none_or(|of| of == registration)
        };
        self.grants.rows().iter().map(|row| &row.grant).filter(is_about).cloned().collect()
    }

    pub(super) fn component_grants_of(
        &self,
        component: &str,
        registration: &AdapterId,
    ) -> Vec<ComponentGrant> {
        let is_about =
            |grant: &&ComponentGrant| grant.to.component == component && grant.registration == *registration;
        self.component_grants.iter().map(|row| &row.grant).filter(is_about).cloned().collect()
    }

    /// A grant of a session or of a component.
    pub fn grant(&self, id: &GrantId) -> Option<Grant> {
        let of_component = || self.component_grants.iter().find(|row| row.grant.id == *id);
        let of_session = self.grants.get(id).map(|row| row.grant.clone());
        of_session.or_else(|| of_component().map(|row| row.grant.grant()))
    }

    pub(super) fn insert_grant(&mut self, grant: &Grant, now: Timestamp) -> Result<(), Fault> {
        let id = &grant.id;
        let session = grant.session.as_ref().ok_or_else(|| format!("{id} is of no session"))?;
        ensure(self.sessions.get(session).is_some(), || format!("{id} is of {session}, not there"))?;
        if let Some(run) = &grant.run {
            let of = self.runs.get(run).map(|row| &row.run.session);
            ensure(of == Some(session), || format!("{id} is of {run} in {session}, which is of {of:?}"))?;
        }
        ensure(grant.revoked_at.is_none(), || format!("{id} is made and revoked"))?;
        ensure(!self.is_of_component(id), || format!("{id} is made twice"))?;
        self.grants.insert(id, GrantRow { grant: grant.clone(), created_at: now })
    }

    pub(super) fn insert_component_grant(
        &mut self,
        grant: &ComponentGrant,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let id = &grant.id;
        ensure(self.grant(id).is_none(), || format!("{id} is made twice"))?;
        self.component_grants.push(ComponentGrantRow { grant: grant.clone(), created_at: now });
        Ok(())
    }

    fn is_of_component(&self, id: &GrantId) -> bool {
        self.component_grants.iter().any(|row| row.grant.id == *id)
    }

    /// A grant, and what was copied from it.
    pub(super) fn revoke(&mut self, id: &GrantId, now: Timestamp) -> Result<(), Fault> {
        let mut revoked = 0;
        for row in self.grants.rows_mut() {
            let is_meant = row.grant.id == *id || row.grant.origin.as_ref() == Some(id);
            if is_meant && row.grant.revoked_at.is_none() {
                (row.grant.revoked_at, revoked) = (Some(now), revoked + 1);
            }
        }
        for row in self.component_grants.iter_mut().filter(|row| row.grant.id == *id) {
            if row.grant.revoked_at.is_none() {
                (row.grant.revoked_at, revoked) = (Some(now), revoked + 1);
            }
        }
        ensure(revoked > 0, || format!("{id} is revoked, and there is nothing to revoke"))
    }

    pub(super) fn record_gate_decision(&mut self, decision: &GateDecision, now: Timestamp) {
        self.last_gate_decision += 1;
        let number = self.last_gate_decision;
        self.gate_decisions.push(GateDecisionRow { number, decision: decision.clone(), at: now });
    }

    /// Only the newest decisions of the gate are kept.
    pub(super) fn prune_gate_decisions(&mut self) {
        let excess = self.gate_decisions.len().saturating_sub(GATE_DECISIONS_MAX);
        self.gate_decisions.drain(..excess);
    }

    pub(super) fn put_component(&mut self, component: &Component, now: Timestamp) {
        let row = ComponentRow { component: component.clone(), installed_at: now };
        self.components.insert(component.path.clone(), row);
    }

    /// What was granted to it for good is forgotten.
    pub(super) fn remove_component(&mut self, path: &str, now: Timestamp) -> Result<(), Fault> {
        let removed = self.components.remove(path);
        ensure(removed.is_some(), || format!("`{path}` is removed and not installed"))?;
        let of_it = self.component_grants.iter().filter(|row| row.grant.to.component == path);
        let gone: Vec<GrantId> = of_it.map(|row| row.grant.id.clone()).collect();
        for row in self.grants.rows_mut() {
            let copied = row.grant.origin.as_ref().is_some_and(|origin| gone.contains(origin));
            if copied && row.grant.revoked_at.is_none() {
                row.grant.revoked_at = Some(now);
            }
        }
        self.component_grants.retain(|row| row.grant.to.component != path);
        Ok(())
    }
}
