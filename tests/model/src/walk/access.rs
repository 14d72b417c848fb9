//! Wild accesses: asked for by whatever worker, in the name of whatever attempt.

use omi_kernel::command::Answer;
use omi_kernel::grant::{AccessScope, Grant, GrantEffect};
use omi_kernel::id::{AttemptId, GrantId, Ids, RunId, SessionId, Timestamp};
use omi_kernel::input::{AccessAsked, By, Input};
use omi_kernel::row::{HOST_REQUESTS, RequestKind};

use super::{Walk, known, owner};
use crate::record::Record;
use crate::script::Dice;
use crate::story;

/// How far back the walk looks for what a person has denied.
const LOOKED_AT: usize = 30;

/// A person has denied that to a run that goes on.
fn is_denied(record: &Record, access: &AccessAsked) -> bool {
    let goes_on = |run: &RunId| record.executing(run).is_some() && record.executing(run) == access.attempt;
    let denies = |grant: &Grant| {
        grant.effect == GrantEffect::Deny
            && grant.revoked_at.is_none()
            && grant.pattern == access.asked.access.resource
            && grant.run.as_ref().is_some_and(goes_on)
    };
    record.grants.rows().iter().rev().take(LOOKED_AT).any(|row| denies(&row.grant))
}

/// Whoever is asked about an access answers, or its worker gives it up.
pub(super) fn answer_access(record: &Record, dice: &mut Dice) -> Option<Input> {
    let attempts = record.live().filter_map(|row| Some((row, record.executing(&row.run.id)?)));
    let open = attempts.flat_map(|(row, attempt)| {
        let open = record.open_of(&attempt).into_iter().filter(|(_, kind)| *kind == RequestKind::Access);
        let session = row.run.session.clone();
        open.map(move |(request, _)| (session.clone(), attempt.clone(), request)).collect::<Vec<_>>()
    });
    let open: Vec<(SessionId, AttemptId, u32)> = open.collect();
    let (session, attempt, request) = dice.recent(&open)?.clone();
    let by = By::Person(record.sessions.get(&session)?.session.owner.clone());
    if dice.once_in(6) {
        let (answer, by) = (Answer::Cancelled, By::Runtime);
        return Some(Input::ApprovalAnswered { attempt, request, answer, by });
    }
    let option = dice.of(&["once", "deny", "session", "deny", "always"]);
    let answer = Answer::Selected { option_id: option.to_owned() };
    Some(Input::ApprovalAnswered { attempt, request, answer, by })
}

impl Walk {
    pub(super) fn access(&mut self, record: &Record, now: Timestamp, dice: &mut Dice) -> Input {
        let denied: Vec<AccessAsked> = self
            .accesses
            .iter()
            .rev()
            .take(LOOKED_AT)
            .filter(|access| is_denied(record, access))
            .cloned()
            .collect();
        let among = if denied.is_empty() { &self.accesses } else { &denied };
        let before = dice.recent(among).filter(|_| dice.once_in(2)).cloned();
        if let Some(before) = before {
            return self.again(before, now);
        }
        let attempt = self.attempt(record, dice);
        let of_attempt = record.attempts.get(&attempt).map(|row| &row.attempt);
        let worker = of_attempt.and_then(|attempt| attempt.worker.clone()).filter(|_| !dice.once_in(10));
        let worker = worker.unwrap_or_else(|| self.worker(record, dice));
        let scope = dice.of(&[
            AccessScope::Attempt,
            AccessScope::Attempt,
            AccessScope::Worker,
            AccessScope::Worker,
            AccessScope::Binding,
        ]);
        let run = of_attempt.and_then(|attempt| record.runs.get(&attempt.run));
        let own = run.map(|row| row.run.session.clone());
        let any = dice.recent(&known(record)).cloned();
        let session: Option<SessionId> = match scope {
            AccessScope::Worker => None,
            AccessScope::Attempt => own,
            AccessScope::Binding => own.filter(|_| !dice.once_in(4)).or(any),
        };
        // A session that nobody has made is nobody's: no driver knows of one.
        let scope = if session.is_none() { AccessScope::Worker } else { scope };
        let named = scope == AccessScope::Attempt || !dice.once_in(4);
        self.last_op += 1;
        let registration = dice.of(&story::REGISTRATIONS);
        let asked = story::access(registration, worker, self.last_op, scope, dice);
        let access = AccessAsked {
            at: now,
            request: HOST_REQUESTS + self.last_op,
            session,
            attempt: named.then_some(attempt),
            asked,
            person: !dice.once_in(8),
        };
        self.accesses.push(access.clone());
        Input::AccessAsked(Box::new(access))
    }

    /// The same once more, under another number.
    fn again(&mut self, mut access: AccessAsked, now: Timestamp) -> Input {
        self.last_op += 1;
        (access.at, access.request) = (now, HOST_REQUESTS + self.last_op);
        access.asked.access.op = self.last_op;
        Input::AccessAsked(Box::new(access))
    }

    pub(super) fn about_components(&mut self, record: &Record, dice: &mut Dice) -> Input {
        let of = dice.of(&story::REGISTRATIONS);
        let path = story::component_path(of);
        match dice.below(8) {
            0 => Input::InstallComponent(Box::new(story::component(of, dice))),
            1 => Input::RemoveComponent { path },
            _ => {
                let of_sessions = record.grants.rows().iter().map(|row| row.grant.id.clone());
                let of_components = record.component_grants.iter().map(|row| row.grant.id.clone());
                let all: [Vec<GrantId>; 2] = [of_sessions.collect(), of_components.collect()];
                let among = usize::from(dice.once_in(3));
                let grant = dice.recent(&all[among]).cloned();
                let grant = grant.unwrap_or_else(|| GrantId::new(&mut Ids::new(&mut || self.id())));
                Input::RevokeGrant { owner: owner(dice), grant }
            }
        }
    }
}
