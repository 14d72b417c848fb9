//! The daemon starts.

use super::story::*;
use crate::decision::{Effect, Facts};
use crate::descriptor::Fidelity;
use crate::event::Visibility;
use crate::input::Input;
use crate::row::{Binding, Run};
use crate::status::Status;

fn found(facts: Facts) -> Story {
    Story { facts }
}

#[test]
fn a_queued_run_stays_queued_and_is_scheduled() {
    let unfinished = vec![(run(Status::Queued), None)];
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["forget workers"]);
    assert!(decision.events.is_empty());
    let schedule = Effect::Schedule { run: run_id(), session: session_id(), adapter: "echo".into() };
    assert_eq!(decision.effects, [schedule]);
}

#[test]
fn whatever_ran_is_orphaned() {
    let active = [
        Status::Starting,
        Status::Running,
        Status::WaitingInput,
        Status::WaitingApproval,
        Status::Cancelling,
    ];
    for status in active {
        let unfinished = vec![(run(status), Some(attempt(status)))];
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
        assert!(decision.effects.is_empty(), "it is not tried again by itself");
    }
}

#[test]
fn a_run_between_two_attempts_is_orphaned_too() {
    let unfinished = vec![(run(Status::Starting), None)];
    let decision = found(Facts { unfinished, ..Facts::default() }).then(&Input::Reconcile);
    assert_eq!(rows(&decision), ["run starting > orphaned", "forget workers"]);
    assert_eq!(events(&decision), ["run.orphaned"]);
}

#[test]
fn a_binding_that_lived_in_its_worker_is_stale() {
    let lost_bindings = vec![Binding { fidelity: Fidelity::None, ..binding() }];
    let unfinished = vec![(run(Status::Running), Some(attempt(Status::Running)))];
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
    let unfinished = runs.into_iter().map(|run| (run, None)).collect();
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
