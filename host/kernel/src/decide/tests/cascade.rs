//! What a run delegated is to stop with it.

use super::reading::*;
use super::story::*;
use crate::decision::{Decision, Reply};
use crate::delegation::{Delegation, DelegationMode, DelegationStatus};
use crate::effect::Effect;
use crate::facts::Descendant;
use crate::id::RunId;
use crate::row::{Attempt, OpenRequest, Run};
use crate::status::Status;
use crate::write::Write;

/// A run below the one of the story, with the attempt that such a run has.
fn below(status: Status, of: DelegationStatus, open_requests: Vec<OpenRequest>) -> Descendant {
    let run = Run { id: child_run_id(), session: child_session_id(), parent: Some(run_id()), ..run(status) };
    let attempt = (status != Status::Queued).then(|| Attempt {
        id: child_attempt_id(),
        run: child_run_id(),
        ..attempt(status)
    });
    let delegation = Delegation {
        parent_session: session_id(),
        parent_run: run_id(),
        child_session: child_session_id(),
        child_run: child_run_id(),
        ..delegation(DelegationMode::Call, of)
    };
    Descendant { run, attempt, open_requests, delegation: Some(delegation) }
}

fn cancelled_above(descendants: Vec<Descendant>) -> Decision {
    let mut story = Story::at(Status::Running);
    story.facts.awaits_child = true;
    story.facts.descendants = descendants;
    story.then(&cancel())
}

/// How a run moves.
fn moves(decision: &Decision, run: &RunId) -> Vec<(Status, Status)> {
    let of = |write: &Write| match write {
        Write::MoveRun { id, from, to, .. } if id == run => Some((*from, *to)),
        _ => None,
    };
    decision.writes.iter().filter_map(of).collect()
}

/// What is recorded about a run, in order.
fn told(decision: &Decision, run: &RunId) -> Vec<&'static str> {
    let about = decision.events.iter().filter(|event| event.about.run.as_ref() == Some(run));
    about.map(|event| event.kind.as_str()).collect()
}

#[test]
fn a_child_that_waits_for_a_worker_ends_at_once() {
    let decision = cancelled_above(vec![below(Status::Queued, DelegationStatus::Pending, vec![])]);
    let id = child_run_id();
    assert_eq!(
        moves(&decision, &id),
        [(Status::Queued, Status::Cancelling), (Status::Cancelling, Status::Cancelled)]
    );
    assert_eq!(told(&decision, &id), ["run.cancellation_requested", "run.cancelling", "run.cancelled"]);
    assert_eq!(
        told(&decision, &run_id()),
        ["run.cancellation_requested", "run.cancelling", "delegation.completed"]
    );
    assert_eq!(payload(&decision, "delegation.completed")["status"], "cancelled");
    assert!(rows(&decision).contains(&"delegation pending > cancelled".to_owned()));
    assert_eq!(effects(&decision), ["tell to cancel", "dequeue", "unpark from a child", "release"]);
}

#[test]
fn a_child_that_is_executed_is_told_and_its_delegation_ends_with_it() {
    for status in [Status::Running, Status::Starting] {
        let decision = cancelled_above(vec![below(status, DelegationStatus::Running, vec![])]);
        let id = child_run_id();
        assert_eq!(moves(&decision, &id), [(status, Status::Cancelling)]);
        assert_eq!(told(&decision, &id), ["run.cancellation_requested", "run.cancelling"]);
        assert!(!rows(&decision).iter().any(|row| row.starts_with("delegation")), "it has not stopped yet");
        let told = |effect: &Effect| {
            matches!(effect, Effect::DispatchCancel { run, attempt, executing, .. }
                if *run == id && *attempt == child_attempt_id() && *executing == (status == Status::Running))
        };
        assert_eq!(decision.effects.iter().filter(|effect| told(effect)).count(), 1);
    }
}

#[test]
fn what_a_child_asked_is_closed_and_answered() {
    for status in [Status::WaitingApproval, Status::WaitingInput] {
        let asked = vec![approval(1), information(2)];
        let decision = cancelled_above(vec![below(status, DelegationStatus::Running, asked)]);
        let expected =
            ["run.cancellation_requested", "run.cancelling", "approval.resolved", "input.provided"];
        assert_eq!(told(&decision, &child_run_id()), expected);
        assert_eq!(effects(&decision), ["tell to cancel", "answer", "provide", "tell to cancel"]);
    }
}

#[test]
fn a_child_that_waits_for_a_log_in_ends_at_once() {
    let logging_in = below(Status::WaitingInput, DelegationStatus::Running, vec![log_in()]);
    let decision = cancelled_above(vec![logging_in]);
    assert_eq!(told(&decision, &child_run_id()).last(), Some(&"run.cancelled"));
    assert!(rows(&decision).contains(&"delegation running > cancelled".to_owned()));
}

#[test]
fn a_child_that_is_stopping_is_not_asked_again() {
    let decision = cancelled_above(vec![below(Status::Cancelling, DelegationStatus::Running, vec![])]);
    assert!(moves(&decision, &child_run_id()).is_empty());
    assert!(told(&decision, &child_run_id()).is_empty());
    assert_eq!(effects(&decision), ["tell to cancel"]);
}

#[test]
fn everything_below_is_stopped_the_nearest_first() {
    let far = RunId::new(&mut crate::id::Ids::new(&mut || 0x77));
    let mut grandchild = below(Status::Queued, DelegationStatus::Pending, vec![]);
    grandchild.run = Run { id: far.clone(), parent: Some(child_run_id()), ..grandchild.run };
    let near = below(Status::Running, DelegationStatus::Running, vec![]);
    let decision = cancelled_above(vec![near, grandchild]);
    let asked: Vec<_> = decision
        .events
        .iter()
        .filter(|event| event.kind.as_str() == "run.cancellation_requested")
        .map(|event| event.about.run.clone().unwrap())
        .collect();
    assert_eq!(asked, [run_id(), child_run_id(), far]);
}

#[test]
fn the_reply_is_about_the_run_that_was_named() {
    let decision = cancelled_above(vec![below(Status::Queued, DelegationStatus::Pending, vec![])]);
    let Reply::Cancelling { accepted: true, attempt, dispatching: true, status, .. } = decision.reply else {
        panic!()
    };
    assert_eq!((attempt, status), (Some(attempt_id()), Status::Cancelling));
}

#[test]
fn a_run_that_is_over_stops_nothing_below() {
    for status in terminal() {
        let mut story = Story::at(status);
        story.facts.descendants = vec![below(Status::Running, DelegationStatus::Running, vec![])];
        assert_nothing(&story.then(&cancel()));
    }
}
