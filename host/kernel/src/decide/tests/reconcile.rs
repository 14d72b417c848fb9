//! The daemon starts.

use super::reading::*;
use super::story::*;
use crate::delegation::{Delegation, DelegationMode, DelegationStatus};
use crate::descriptor::Fidelity;
use crate::effect::Effect;
use crate::event::Visibility;
use crate::facts::{Facts, Unfinished};
use crate::input::Input;
use crate::report::Lease;
use crate::row::{Binding, RetryNote, Run};
use crate::status::Status;

fn found(facts: Facts) -> Story {
    Story { facts }
}

/// A run without an attempt.
fn queued(run: Run) -> Unfinished {
    Unfinished { run, attempt: None, delegation: None }
}

/// The run of the story with its attempt.
fn active(status: Status) -> Unfinished {
    Unfinished { run: run(status), attempt: Some(attempt(status)), delegation: None }
}

/// A run that works for the one of the story.
fn child(status: Status, mode: DelegationMode, of: DelegationStatus) -> Unfinished {
    let run = Run { id: child_run_id(), session: child_session_id(), parent: Some(run_id()), ..run(status) };
    let delegation = Delegation {
        parent_session: session_id(),
        parent_run: run_id(),
        child_session: child_session_id(),
        child_run: child_run_id(),
        ..delegation(mode, of)
    };
    Unfinished { run, attempt: None, delegation: Some(delegation) }
}

/// The effects about one run.
fn about_run(effects: &[Effect], run: &crate::id::RunId) -> Vec<Effect> {
    let of = |effect: &&Effect| match effect {
        Effect::Schedule { run: of, .. } | Effect::Dequeue { run: of } | Effect::Release { run: of } => {
            of == run
        }
        _ => false,
    };
    effects.iter().filter(of).cloned().collect()
}

#[test]
fn a_queued_run_stays_queued_and_is_scheduled() {
    let unfinished = vec![queued(run(Status::Queued))];
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["forget workers"]);
    assert!(decision.events.is_empty());
    let schedule = Effect::Schedule { run: run_id(), session: session_id(), adapter: "echo".into() };
    assert_eq!(decision.effects, [schedule]);
}

#[test]
fn whatever_ran_is_orphaned() {
    let alive = [
        Status::Starting,
        Status::Running,
        Status::WaitingInput,
        Status::WaitingApproval,
        Status::Cancelling,
    ];
    for status in alive {
        let unfinished = vec![active(status)];
        let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
        assert_eq!(
            rows(&decision),
            [
                format!("attempt {status} > orphaned"),
                format!("run {status} > orphaned"),
                "forget workers".into()
            ]
        );
        assert_eq!(events(&decision), ["attempt.orphaned", "run.orphaned"]);
        assert_eq!(payload(&decision, "run.orphaned")["reason"], "daemon_startup_reconciliation");
        assert_eq!(payload(&decision, "run.orphaned")["was"], status.as_str());
        assert!(decision.events.iter().all(|event| event.visibility == Visibility::Ui));
        assert_eq!(effects(&decision), ["release"], "it is not tried again by itself");
    }
}

#[test]
fn a_run_between_two_attempts_is_orphaned_too() {
    let unfinished = vec![queued(run(Status::Starting))];
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["run starting > orphaned", "forget workers"]);
    assert_eq!(events(&decision), ["run.orphaned"]);
}

#[test]
fn a_binding_that_lived_in_its_worker_is_stale() {
    let lost_bindings = vec![Binding { fidelity: Fidelity::None, ..binding() }];
    let unfinished = vec![active(Status::Running)];
    let decision = found(Facts { unfinished, lost_bindings, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(events(&decision), ["attempt.orphaned", "run.orphaned", "binding.stale"]);
    assert_eq!(payload(&decision, "binding.stale")["reason"], "non_resumable_binding_after_restart");
    let visible: Vec<_> = decision.events.iter().map(|event| event.visibility).collect();
    assert_eq!(visible, [Visibility::Ui, Visibility::Ui, Visibility::Internal], "SPEC §3.3 and its head");
}

#[test]
fn with_nothing_to_do_nothing_is_recorded() {
    let decision = found(Facts::default()).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["forget workers"]);
    assert!(decision.events.is_empty() && decision.effects.is_empty());
}

#[test]
fn queued_runs_are_scheduled_in_the_order_they_came() {
    let second = crate::id::RunId::new(&mut crate::id::Ids::new(&mut || 1));
    let runs = [run(Status::Queued), Run { id: second.clone(), ..run(Status::Queued) }];
    let unfinished = runs.into_iter().map(queued).collect();
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    let order: Vec<_> = decision
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Schedule { run, .. } => run.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, [run_id(), second]);
}

#[test]
fn what_the_last_daemon_left_running_is_ended_first() {
    let lease = |pid| Lease { pid, start_ticks: 5, boot_id: "b1".into() };
    let unfinished = vec![queued(run(Status::Queued)), active(Status::Running)];
    let facts = Facts { unfinished, leases: vec![lease(7), lease(8)], ..Facts::default() };
    let decision = found(facts).then(&Input::Reconcile);
    assert_eq!(decision.effects[..2], [Effect::Reap { lease: lease(7) }, Effect::Reap { lease: lease(8) }]);
    assert_eq!(effects(&decision)[2..], ["schedule", "release"]);
}

#[test]
fn a_run_that_is_to_be_tried_again_stays_queued() {
    let retry = Some(RetryNote { reason: "retry".into(), checkpoint: None });
    let unfinished = vec![queued(Run { retry, ..run(Status::Queued) })];
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["forget workers"]);
    assert_eq!(effects(&decision), ["schedule"]);
}

#[test]
fn the_delegation_of_an_orphan_has_failed() {
    for mode in [DelegationMode::Call, DelegationMode::Spawn] {
        let orphan = child(Status::Running, mode, DelegationStatus::Running);
        let decision = found(Facts { unfinished: vec![orphan], ..Facts::default() }).then(&Input::Reconcile);
        assert_eq!(
            rows(&decision),
            ["run running > orphaned", "delegation running > failed", "forget workers"]
        );
        assert_eq!(events(&decision), ["run.orphaned", "delegation.completed"]);
        assert_eq!(payload(&decision, "delegation.completed")["status"], "failed");
    }
}

#[test]
fn nobody_works_for_a_caller_that_is_gone() {
    for mode in [DelegationMode::Call, DelegationMode::Continue] {
        let waiting = child(Status::Queued, mode, DelegationStatus::Pending);
        for unfinished in
            [vec![active(Status::Running), waiting.clone()], vec![waiting.clone(), active(Status::Running)]]
        {
            let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
            let child: Vec<_> = rows(&decision).into_iter().filter(|row| row.contains("cancel")).collect();
            assert_eq!(
                child,
                ["run queued > cancelling", "run cancelling > cancelled", "delegation pending > cancelled"]
            );
            assert!(events(&decision).contains(&"run.cancelled"));
            let id = child_run_id();
            let ended = [Effect::Dequeue { run: id.clone() }, Effect::Release { run: id.clone() }];
            assert_eq!(about_run(&decision.effects, &id), ended);
        }
    }
}

#[test]
fn who_works_beside_its_caller_or_for_one_that_is_queued_is_scheduled() {
    let beside = child(Status::Queued, DelegationMode::Spawn, DelegationStatus::Pending);
    let below = child(Status::Queued, DelegationMode::Call, DelegationStatus::Pending);
    for unfinished in [vec![active(Status::Running), beside], vec![queued(run(Status::Queued)), below]] {
        let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
        assert!(matches!(about_run(&decision.effects, &child_run_id())[..], [Effect::Schedule { .. }]));
    }
}
