//! How the stories read a decision: its events, rows and effects in a few words each.

use crate::decision::{Decision, Reply};
use crate::effect::{Effect, Wait};
use crate::grant::{GrantEffect, GrantSource};
use crate::new::{NewAttempt, NewBinding};
use crate::row::{Attempt, Run};
use crate::write::{AttemptChange, RunChange, Write};

/// The words of the events of a decision.
pub(super) fn events(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|event| event.kind.as_str()).collect()
}

/// The one event of this kind.
pub(super) fn payload<'d>(decision: &'d Decision, kind: &str) -> &'d serde_json::Value {
    let mut found = decision.events.iter().filter(|event| event.kind.as_str() == kind);
    let event = found.next().unwrap_or_else(|| panic!("no {kind} in {:?}", events(decision)));
    assert!(found.next().is_none(), "more than one {kind}");
    &event.payload
}

/// The rows that a decision writes, in a few words each.
pub(super) fn rows(decision: &Decision) -> Vec<String> {
    decision.writes.iter().map(row).collect()
}

fn row(write: &Write) -> String {
    match write {
        Write::InsertSession(_) => "session".into(),
        Write::TouchSession(_) => "session used".into(),
        Write::UpdateSession { from, change, .. } => match change.status {
            Some(to) => format!("session {from} > {to}"),
            None => format!("session {from} changed"),
        },
        Write::InsertRun(_) => "run".into(),
        Write::MoveRun { from, to, .. } => format!("run {from} > {to}"),
        Write::InsertAttempt(attempt) => format!("attempt {}", attempt.number),
        Write::MoveAttempt { from, to, .. } => format!("attempt {from} > {to}"),
        Write::RecordCancelDispatch { .. } => "cancel dispatch".into(),
        Write::RecordUsage { .. } => "usage".into(),
        Write::RecordLease { .. } => "lease".into(),
        Write::CountLate { count, .. } => format!("late {count}"),
        Write::InsertBinding(binding) => format!("binding {}", binding.generation),
        Write::ResumeBinding { .. } => "binding resumed".into(),
        Write::BackfillBinding { .. } => "binding backfilled".into(),
        Write::ReleaseBindings { .. } => "bindings released".into(),
        Write::MoveBinding { from, to, .. } => format!("binding {} > {}", from.as_str(), to.as_str()),
        Write::InsertGrant(grant) => match grant.source {
            GrantSource::LegacyDefault => "legacy grant".into(),
            GrantSource::Policy => "grant by policy".into(),
            GrantSource::User | GrantSource::System => match (grant.effect, &grant.only, &grant.origin) {
                (GrantEffect::Deny, ..) => "denial".into(),
                (GrantEffect::Allow, Some(_), _) => "grant once".into(),
                (GrantEffect::Allow, None, Some(_)) => "copied grant".into(),
                (GrantEffect::Allow, None, None) => "grant".into(),
            },
        },
        Write::InsertComponentGrant(_) => "component grant".into(),
        Write::RevokeGrant(_) => "revocation".into(),
        Write::RecordGateDecision(decision) => format!("gate {} {}", decision.kind, decision.decision),
        Write::PutComponent(_) => "component".into(),
        Write::RemoveComponent { .. } => "component removed".into(),
        Write::CompactMessage { message, .. } => format!("compact {message}"),
        Write::InsertArtifact(_) => "artifact".into(),
        Write::MoveArtifact { from, to, .. } => format!("artifact {} > {}", from.as_str(), to.as_str()),
        Write::InsertDelegation(_) => "delegation".into(),
        Write::MoveDelegation { from, to, .. } => format!("delegation {} > {}", from.as_str(), to.as_str()),
        Write::PruneEvents { .. } => "prune".into(),
        Write::ForgetWorkers => "forget workers".into(),
    }
}

/// What is to be done after a decision, in a few words each.
pub(super) fn effects(decision: &Decision) -> Vec<&'static str> {
    decision.effects.iter().map(effect).collect()
}

fn effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::Schedule { .. } => "schedule",
        Effect::BeginElsewhere { .. } => "begin elsewhere",
        Effect::BeginAgain { .. } => "begin again",
        Effect::Bind { resume: None, .. } => "open",
        Effect::Bind { resume: Some(_), .. } => "resume",
        Effect::Execute { .. } => "execute",
        Effect::DispatchCancel { executing: true, .. } => "tell to cancel",
        Effect::DispatchCancel { executing: false, .. } => "count the grace",
        Effect::Authenticate { .. } => "log in",
        Effect::Park { why: Wait::Person, .. } => "park for a person",
        Effect::Park { why: Wait::Child, .. } => "park for a child",
        Effect::Unpark { why: Wait::Person, .. } => "unpark from a person",
        Effect::Unpark { why: Wait::Child, .. } => "unpark from a child",
        Effect::Dequeue { .. } => "dequeue",
        Effect::Answer { .. } => "answer",
        Effect::ProvideInput { .. } => "provide",
        Effect::Perform { .. } => "perform",
        Effect::Refuse { .. } => "refuse",
        Effect::Revoke { .. } => "revoke",
        Effect::UseComponent { digest: Some(_), .. } => "use",
        Effect::UseComponent { digest: None, .. } => "use no more",
        Effect::CloseBinding { .. } => "close binding",
        Effect::StopWorker { .. } => "stop worker",
        Effect::Reap { .. } => "reap",
        Effect::KillWorker { .. } => "kill",
        Effect::Release { .. } => "release",
    }
}

/// What changes with the last move of a run.
pub(super) fn run_change(decision: &Decision) -> RunChange {
    let change = |write: &Write| match write {
        Write::MoveRun { change, .. } => Some(change.clone()),
        _ => None,
    };
    decision.writes.iter().filter_map(change).next_back().unwrap()
}

/// What changes with the last move of an attempt.
pub(super) fn attempt_change(decision: &Decision) -> AttemptChange {
    let change = |write: &Write| match write {
        Write::MoveAttempt { change, .. } => Some(change.clone()),
        _ => None,
    };
    decision.writes.iter().filter_map(change).next_back().unwrap()
}

/// The attempt that is made.
pub(super) fn new_attempt(decision: &Decision) -> &NewAttempt {
    let mut new = decision.writes.iter().filter_map(|write| match write {
        Write::InsertAttempt(new) => Some(&**new),
        _ => None,
    });
    new.next().unwrap()
}

/// The binding that is made.
pub(super) fn new_binding(decision: &Decision) -> &NewBinding {
    let mut new = decision.writes.iter().filter_map(|write| match write {
        Write::InsertBinding(new) => Some(&**new),
        _ => None,
    });
    new.next().unwrap()
}

/// The run and the attempt as they are once a decision about them is recorded.
pub(super) fn after(decision: &Decision, run: &Run, attempt: &Attempt) -> (Run, Attempt) {
    let (mut run, mut attempt) = (run.clone(), attempt.clone());
    for write in &decision.writes {
        match write {
            Write::MoveRun { id, from, to, change } if *id == run.id => {
                assert_eq!(run.status, *from, "a write names the state it moves from");
                run.status = *to;
                run.retry.clone_from(&change.retry);
            }
            Write::MoveAttempt { id, from, to, change } if *id == attempt.id => {
                assert_eq!(attempt.status, *from, "a write names the state it moves from");
                attempt.status = *to;
                attempt.retry_reason = change.retry_reason.clone().or(attempt.retry_reason);
                attempt.binding = change.binding.clone().or(attempt.binding);
            }
            _ => {}
        }
    }
    (run, attempt)
}

/// Nothing is written, recorded or done.
pub(super) fn assert_nothing(decision: &Decision) {
    assert!(decision.writes.is_empty(), "{:?}", rows(decision));
    assert!(decision.events.is_empty(), "{:?}", events(decision));
    assert!(decision.effects.is_empty(), "{:?}", effects(decision));
}

/// A decision that came too late: it changes nothing.
pub(super) fn assert_late(decision: &Decision) {
    assert_eq!(decision.reply, Reply::Late);
    assert!(decision.writes.is_empty() && decision.events.is_empty(), "{decision:?}");
}

/// What an adapter said about an attempt that is over: it changes nothing, and is counted.
pub(super) fn assert_counted(decision: &Decision) {
    assert_eq!(decision.reply, Reply::Late);
    assert_eq!(rows(decision), ["late 1"]);
    assert!(decision.events.is_empty() && decision.effects.is_empty(), "{decision:?}");
}
