//! Judges what adapters may open, by the rows alone: whatever `authorize` says, nothing is opened that no live grant
//! and no policy covers, and nothing without a record.

use omi_kernel::command::NotPerformed;
use omi_kernel::decision::Decision;
use omi_kernel::descriptor::GrantRequest;
use omi_kernel::effect::Effect;
use omi_kernel::event::EventKind;
use omi_kernel::grant::{
    Access, AccessScope, Asked, ComponentGrant, Grant, GrantEffect, GrantSource, Policy, Terms,
};
use omi_kernel::id::{GrantId, RunId, WorkerId};
use omi_kernel::input::{AccessAsked, Input};
use omi_kernel::row::Attempt;
use omi_kernel::status::Status;
use omi_kernel::write::Write;

use super::Record;
use super::glob::covers;
use crate::{Fault, ensure};

/// What must become of an access when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Perform,
    Ask,
    Refuse,
}

impl Due {
    /// The decision does exactly that.
    pub(super) fn judge(self, decision: &Decision) -> Result<(), Fault> {
        let asks = decision.events.iter().filter(|event| event.kind == EventKind::ApprovalRequested).count();
        let is = |due: fn(&Effect) -> bool| decision.effects.iter().filter(|effect| due(effect)).count();
        let performs = is(|effect| matches!(effect, Effect::Perform { .. }));
        let refuses = is(|effect| matches!(effect, Effect::Refuse { .. }));
        let should = match self {
            Self::Perform => (1, 0, 0),
            Self::Ask => (0, 1, 0),
            Self::Refuse => (0, 0, 1),
        };
        ensure((performs, asks, refuses) == should, || {
            format!("an access is due to {self:?}; performed, asked, refused: {performs}, {asks}, {refuses}")
        })
    }
}

impl Record {
    /// Remembers an access that is asked for. Answers what must become of it.
    pub(super) fn note_access(&mut self, input: &Input) -> Option<Due> {
        let Input::AccessAsked(asked) = input else { return None };
        let access = &asked.asked.access;
        self.asked.insert((access.worker.clone(), access.op), (**asked).clone());
        Some(self.due(asked))
    }

    fn due(&self, asked: &AccessAsked) -> Due {
        let Asked { scope, access, terms } = &asked.asked;
        let attempt = asked.attempt.as_ref().and_then(|id| self.attempts.get(id)).map(|row| &row.attempt);
        let over = attempt.is_none_or(|attempt| attempt.status.is_terminal());
        if (*scope == AccessScope::Attempt && over) || !is_offered(access, terms) {
            return Due::Refuse;
        }
        let is_about = |grant: &&Grant| self.is_about(grant, asked) || self.is_against(grant, asked);
        let rows = || self.grants.rows().iter().map(|row| &row.grant).filter(is_about);
        let live = |effect| rows().any(|grant| is_live(grant, asked) && grant.effect == effect);
        if live(GrantEffect::Deny) {
            return Due::Refuse;
        }
        let always = self.component_grants.iter().any(|row| self.always(&row.grant, asked));
        if live(GrantEffect::Allow) || always {
            return Due::Perform;
        }
        let taken_back =
            rows().any(|grant| grant.source == GrantSource::Policy && grant.revoked_at.is_some());
        match terms.policy {
            Policy::Allow if !taken_back => Due::Perform,
            Policy::Legacy if asked.session.is_none() => Due::Perform,
            Policy::Ask if asked.person && attempt.is_some_and(|attempt| self.may_ask(attempt, asked)) => {
                Due::Ask
            }
            Policy::Allow | Policy::Legacy | Policy::Ask | Policy::Deny => Due::Refuse,
        }
    }

    /// A person is asked in the name of an attempt that goes on, and only about its own session.
    fn may_ask(&self, attempt: &Attempt, asked: &AccessAsked) -> bool {
        let goes_on = !attempt.status.is_terminal() && attempt.status != Status::Cancelling;
        let own = self.runs.get(&attempt.run).map(|row| &row.run.session);
        goes_on && asked.session.as_ref().is_none_or(|session| Some(session) == own)
    }

    /// The run on whose behalf something is opened: that of the attempt, in its own session.
    fn run_of(&self, asked: &AccessAsked) -> Option<&RunId> {
        let attempt = asked.attempt.as_ref().and_then(|id| self.attempts.get(id))?;
        let run = &self.runs.get(&attempt.attempt.run)?.run;
        (Some(&run.session) == asked.session.as_ref()).then_some(&run.id)
    }

    /// A grant of a session is about an access.
    fn is_about(&self, grant: &Grant, asked: &AccessAsked) -> bool {
        let Asked { access, terms, .. } = &asked.asked;
        let of_run = grant.run.as_ref().is_none_or(|run| Some(run) == self.run_of(asked));
        let only = grant.only.as_ref();
        let to_it = grant.to.as_ref().is_none_or(|to| {
            to.component == terms.component
                && (to.digest == terms.digest
                    || terms.declared.as_ref().is_some_and(|now| is_same(now, &to.declared)))
        });
        to_it
            && grant.session == asked.session
            && of_run
            && grant.registration.as_ref().is_none_or(|of| *of == terms.registration)
            && grant.name.as_ref().is_none_or(|name| *name == access.grant)
            && grant.capability.as_ref().is_none_or(|capability| *capability == access.capability)
            && ["*", access.operation.as_str()].contains(&grant.operation.as_str())
            && covers(&grant.pattern, &access.resource)
            && only.is_none_or(|only| only.worker == access.worker && only.op == access.op)
    }

    /// A worker asks for itself, and the session that it works for denies that or has taken it back.
    fn is_against(&self, grant: &Grant, asked: &AccessAsked) -> bool {
        let attempt = asked.attempt.as_ref().and_then(|id| self.attempts.get(id));
        let run = attempt.and_then(|row| self.runs.get(&row.attempt.run)).map(|row| &row.run);
        let Some(run) = run.filter(|_| asked.session.is_none()) else { return false };
        let held = grant.effect == GrantEffect::Deny || grant.revoked_at.is_some();
        let of_it =
            grant.session.as_ref() == Some(&run.session) && grant.run.as_ref().is_none_or(|of| *of == run.id);
        let as_its_own = Grant { session: None, run: None, ..grant.clone() };
        held && of_it && self.is_about(&as_its_own, asked)
    }

    /// A person's `always` is about an access, and was not copied into its session: from then on the copy counts.
    fn always(&self, grant: &ComponentGrant, asked: &AccessAsked) -> bool {
        let Asked { access, terms, .. } = &asked.asked;
        let is_copy = |copy: &Grant| copy.origin.as_ref() == Some(&grant.id) && copy.session == asked.session;
        let taken_back = |copy: &Grant| copy.origin.as_ref() == Some(&grant.id) && copy.revoked_at.is_some();
        let works_for = |copy: &Grant| {
            let attempt = asked.attempt.as_ref().and_then(|id| self.attempts.get(id));
            let run = attempt.and_then(|row| self.runs.get(&row.attempt.run)).map(|row| &row.run);
            run.is_some_and(|run| copy.session.as_ref() == Some(&run.session))
        };
        let copied = self.grants.rows().iter().any(|row| match asked.session {
            Some(_) => is_copy(&row.grant),
            None => taken_back(&row.grant) && works_for(&row.grant),
        });
        let declared = terms.declared.as_ref().is_some_and(|now| is_same(now, &grant.to.declared));
        let same = grant.to.component == terms.component && grant.registration == terms.registration;
        let what =
            grant.to.declared.name == access.grant && grant.to.declared.capability == access.capability;
        let holds = grant.revoked_at.is_none() && (grant.to.digest == terms.digest || declared);
        let operation = ["*", access.operation.as_str()].contains(&grant.operation.as_str());
        same && what && holds && operation && covers(&grant.pattern, &access.resource) && !copied
    }

    pub(super) fn judge_perform(
        &mut self,
        parked: Option<&RunId>,
        worker: &WorkerId,
        op: u32,
        grant: Option<&Grant>,
        decision: &Decision,
    ) -> Result<(), Fault> {
        let asked = self.told(worker, op)?;
        let Asked { access, terms, .. } = &asked.asked;
        let what = || format!("{op} of {worker} is performed");
        // What a worker may do once has a grant that is in no table, and is not named.
        let kept = grant.filter(|grant| grant.session.is_some() || grant.only.is_none());
        ensure(is_recorded(access, "allow", kept.map(|grant| &grant.id), decision), || {
            format!("{} and nothing says so", what())
        })?;
        ensure(is_offered(access, terms), || format!("{} against its terms: {terms:?}", what()))?;
        let answer = answer(&asked, decision);
        ensure(parked.is_some() == answer.is_some(), || format!("{} with {parked:?}", what()))?;
        let Some(grant) = grant else {
            let policy = matches!(terms.policy, Policy::Allow | Policy::Legacy);
            return ensure(asked.session.is_none() && policy, || format!("{} without a grant", what()));
        };
        let fits =
            grant.effect == GrantEffect::Allow && is_live(grant, &asked) && self.is_about(grant, &asked);
        ensure(fits, || format!("{} by {grant:?}", what()))?;
        let once = grant.only.is_some() && answer == Some("once");
        let is_there = self.grant(&grant.id).is_some_and(|row| row == *grant);
        ensure(is_there || (once && asked.session.is_none()), || format!("{} by no row: {grant:?}", what()))?;
        let copied = grant.origin.as_ref().and_then(|origin| self.grant(origin));
        ensure(copied.is_none_or(|origin| origin.revoked_at.is_none()), || {
            format!("{} by a copy of what was revoked", what())
        })?;
        // A person's answer is about this one access, whatever was denied before.
        let denies = |row: &Grant| row.effect == GrantEffect::Deny && is_live(row, &asked);
        let denied =
            self.grants.rows().iter().any(|row| denies(&row.grant) && self.is_about(&row.grant, &asked));
        ensure(answer.is_some() || !denied, || format!("{} although it is denied", what()))
    }

    pub(super) fn judge_refuse(
        &mut self,
        worker: &WorkerId,
        op: u32,
        why: &NotPerformed,
        decision: &Decision,
    ) -> Result<(), Fault> {
        let asked = self.told(worker, op)?;
        let recorded = match why {
            NotPerformed::Denied(_) | NotPerformed::Expired => {
                is_recorded(&asked.asked.access, "deny", None, decision)
            }
            NotPerformed::Cancelled => true,
        };
        ensure(recorded, || format!("{op} of {worker} is refused and nothing says so"))
    }

    /// What is asked for ends exactly once.
    fn told(&mut self, worker: &WorkerId, op: u32) -> Result<AccessAsked, Fault> {
        let key = (worker.clone(), op);
        let asked = self.asked.get(&key).cloned();
        let first = self.once.told.insert(key);
        ensure(first, || format!("{op} of {worker} is told twice"))?;
        asked.ok_or_else(|| format!("{op} of {worker} is told and was never asked for"))
    }
}

fn is_live(grant: &Grant, asked: &AccessAsked) -> bool {
    let stands = match grant.source {
        GrantSource::Policy => asked.asked.terms.policy == Policy::Allow,
        GrantSource::LegacyDefault => asked.asked.terms.policy == Policy::Legacy,
        GrantSource::User | GrantSource::System => true,
    };
    stands && grant.revoked_at.is_none() && grant.expires_at.is_none_or(|at| asked.at < at)
}

/// A component declares the same, in whatever words for people.
fn is_same(now: &GrantRequest, before: &GrantRequest) -> bool {
    let told =
        |request: &GrantRequest| (request.name.clone(), request.operation.clone(), request.pattern.clone());
    now.capability == before.capability && told(now) == told(before)
}

/// The component declares it, and the registration binds it and leaves it in.
fn is_offered(access: &Access, terms: &Terms) -> bool {
    let declared = terms.declared.as_ref().is_some_and(|declared| {
        declared.capability == access.capability
            && ["*", access.operation.as_str()].contains(&declared.operation.as_str())
            && covers(&declared.pattern, &access.resource)
    });
    let (operations, resources) = (&terms.operations, &terms.resources);
    declared
        && terms.bound.as_ref() == Some(&access.capability)
        && (operations.is_empty() || operations.contains(&access.operation))
        && (resources.is_empty() || resources.iter().any(|pattern| covers(pattern, &access.resource)))
        && terms.policy != Policy::Deny
}

/// What a person selected about this access, if one did.
fn answer<'d>(asked: &AccessAsked, decision: &'d Decision) -> Option<&'d str> {
    let about = |event: &&omi_kernel::event::NewEvent| {
        event.kind == EventKind::ApprovalResolved
            && event.payload["request"] == asked.request
            && event.about.attempt == asked.attempt
    };
    decision.events.iter().find(about).and_then(|event| event.payload["optionId"].as_str())
}

/// The decision is recorded together with what it decides: the effects follow the commit.
fn is_recorded(access: &Access, word: &str, grant: Option<&GrantId>, decision: &Decision) -> bool {
    let event = |event: &omi_kernel::event::NewEvent| {
        let payload = &event.payload;
        event.kind == EventKind::GrantDecided
            && payload["decision"] == word
            && payload["op"] == access.op
            && payload["grantId"].as_str() == grant.map(GrantId::as_str)
    };
    let row = |write: &Write| {
        let Write::RecordGateDecision(row) = write else { return false };
        let of = row.access.as_ref().map(|access| (&access.worker, access.op));
        row.kind == "access"
            && row.decision == word
            && row.grant.as_ref() == grant
            && of == Some((&access.worker, access.op))
    };
    decision.events.iter().any(event) || decision.writes.iter().any(row)
}
