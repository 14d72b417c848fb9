//! The canonical order of events (SPEC §3.3), and where the rows stand at the end of each story.

use omi_kernel::decision::Reply;
use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::input::Input;
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{Failure, FailureDetail, Outcome, Usage};
use omi_kernel::status::Status;
use omi_store::Rejected;

use crate::bench::*;

#[test]
fn success() {
    let mut bench = Bench::new();
    let accepted = bench.accept(asks("r1"));
    let begun = bench.begin(&accepted.run);
    bench.take(opened(&begun, "native-1", Fidelity::Native));
    bench.take(chunk(&begun.attempt, "m1", 0, "Hel"));
    bench.take(makes(&begun.attempt, "result", "file:///a"));
    let deltas = bench.events().iter().filter(|kind| *kind == "message.delta").count();
    assert_eq!(deltas, 1);
    bench.take(message_completed(&begun.attempt, "m1", "Hello"));
    let end = bench.take(finished(&begun.attempt, well(), "Hello", Some(Usage::default())));
    assert_eq!(end.effects, [Effect::Release { run: accepted.run.clone() }]);

    assert_eq!(
        bench.events(),
        [
            "session.created",
            "run.queued",
            "session.updated",
            "run.starting",
            "attempt.created",
            "binding.created",
            "attempt.started",
            "run.running",
            "artifact.created",
            "message.completed",
            "usage.updated",
            "run.succeeded",
        ]
    );
    assert_eq!(bench.statuses(&accepted.run), ["succeeded", "succeeded"]);
    assert_eq!(bench.column("SELECT final_text FROM runs"), ["Hello"]);
    assert_eq!(bench.column("SELECT result_json ->> 'stopReason' FROM runs"), ["end_turn"]);
    assert_eq!(bench.column("SELECT status FROM adapter_bindings"), ["active"]);
    let times = "SELECT created_at_ms < started_at_ms AND started_at_ms < completed_at_ms FROM runs";
    assert_eq!(bench.column(times), ["1"]);
}

#[test]
fn a_held_binding_needs_no_event_of_its_own() {
    let mut bench = Bench::new();
    let (first, begun) = bench.running("r1");
    bench.take(finished(&begun.attempt, well(), "one", None));
    let second = bench.accept(asks_in(&first.session, "r2"));
    let before = bench.events().len();
    let Input::Begin(mut begin) = leased(&second.run) else { panic!() };
    begin.held = vec![begun.binding.clone()];
    let committed = bench.take(Input::Begin(begin));
    assert!(matches!(&committed.effects[..], [Effect::Execute { .. }]));
    assert_eq!(
        bench.events()[before..],
        ["run.starting", "attempt.created", "attempt.started", "run.running"]
    );
    assert_eq!(bench.statuses(&second.run), ["running", "running"]);
}

#[test]
fn cancel() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    bench.take(chunk(&begun.attempt, "m1", 0, "Hel"));
    let reply = bench.take(crate::bench::cancel(&accepted.run)).reply;
    let Reply::Cancelling { accepted: true, dispatching: true, status: Status::Cancelling, .. } = reply
    else {
        panic!("{reply:?}")
    };
    assert_eq!(bench.statuses(&accepted.run), ["cancelling", "cancelling"]);
    bench.take(cancel_dispatched(&begun.attempt));
    bench.take(finished(&begun.attempt, Outcome::Cancelled, "Hel", Some(Usage::default())));

    assert_eq!(
        bench.events()[7..],
        [
            "run.running",
            "message.delta",
            "run.cancellation_requested",
            "run.cancelling",
            "attempt.cancel_dispatch",
            "attempt.cancelled",
            "run.cancelled",
        ]
    );
    assert_eq!(bench.statuses(&accepted.run), ["cancelled", "cancelled"]);
    assert_eq!(bench.column("SELECT final_text FROM runs"), ["Hel"], "partial text is kept");
    let times = "SELECT cancellation_requested_at_ms < cancellation_dispatched_at_ms FROM run_attempts";
    assert_eq!(bench.column(times), ["1"]);
    assert_eq!(bench.column("SELECT cancellation_acknowledged_at_ms FROM run_attempts"), ["null"]);
}

#[test]
fn success_after_a_cancel_is_cancelled() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    bench.take(crate::bench::cancel(&accepted.run));
    bench.take(finished(&begun.attempt, well(), "all of it", None));
    assert_eq!(bench.statuses(&accepted.run), ["cancelled", "cancelled"]);
    assert_eq!(
        bench.events()[8..],
        ["run.cancellation_requested", "run.cancelling", "attempt.cancelled", "run.cancelled"]
    );
}

#[test]
fn cancel_before_there_is_a_worker() {
    let mut bench = Bench::new();
    let accepted = bench.accept(asks("r1"));
    bench.take(crate::bench::cancel(&accepted.run));
    assert_eq!(bench.events()[3..], ["run.cancellation_requested", "run.cancelling", "run.cancelled"]);
    assert_eq!(bench.statuses(&accepted.run), ["cancelled"]);
    let late = bench.take(leased(&accepted.run));
    assert_eq!(late.effects, [Effect::Release { run: accepted.run.clone() }]);
    assert_eq!(bench.statuses(&accepted.run), ["cancelled"], "it gets no attempt");
}

#[test]
fn restart() {
    let mut bench = Bench::new();
    let accepted = bench.accept(asks("r1"));
    let begun = bench.begin(&accepted.run);
    bench.take(opened(&begun, "native-1", Fidelity::None));
    let queued = bench.accept(asks("r2"));
    let before = bench.events().len();

    let mut bench = bench.reopen();
    let committed = bench.take(Input::Reconcile);
    assert_eq!(bench.events()[before..], ["attempt.orphaned", "run.orphaned", "binding.stale"]);
    assert_eq!(bench.statuses(&accepted.run), ["orphaned", "orphaned"]);
    assert_eq!(bench.column("SELECT status FROM adapter_bindings"), ["stale"]);
    assert_eq!(bench.statuses(&queued.run), ["queued"], "it never had a worker: nothing is lost");
    let schedule =
        Effect::Schedule { run: queued.run.clone(), session: queued.session.clone(), adapter: "echo".into() };
    assert!(committed.effects.contains(&schedule), "{:?}", committed.effects);
}

#[test]
fn an_attempt_fails_before_its_run() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let failure = FailureDetail::new("worker_trapped", "it went over its memory limit");
    bench.take(Input::WorkerLost {
        attempt: begun.attempt.clone(),
        failure,
        text: "half".into(),
        retry: true,
    });
    assert_eq!(bench.events()[8..], ["attempt.failed", "run.failed"]);
    assert_eq!(bench.statuses(&accepted.run), ["failed", "failed"]);
    for table in ["runs", "run_attempts"] {
        let said = bench.column(&format!("SELECT error_code || ': ' || error_message FROM {table}"));
        assert_eq!(said, ["worker_trapped: it went over its memory limit"]);
    }
}

#[test]
fn a_stale_binding_leads_to_a_second_attempt_and_the_next_generation() {
    let mut bench = Bench::new();
    let (first, begun) = bench.running("r1");
    bench.take(finished(&begun.attempt, well(), "one", None));
    let second = bench.accept(asks_in(&first.session, "r2"));
    let before = bench.events().len();
    let resumed = bench.begin(&second.run);
    assert_eq!(resumed.binding, begun.binding);
    let failure = Failure::Stale(FailureDetail::new("no_such_session", "it is gone"));
    bench.take(Input::BindingFailed {
        attempt: resumed.attempt.clone(),
        binding: resumed.binding.clone(),
        failure,
        person: false,
    });
    assert_eq!(bench.statuses(&second.run), ["starting", "failed"]);
    let again = bench.begin(&second.run);
    bench.take(opened(&again, "native-2", Fidelity::Native));
    bench.take(finished(&again.attempt, well(), "two", None));

    assert_eq!(
        bench.events()[before..],
        [
            "run.starting",
            "attempt.created",
            "binding.stale",
            "attempt.failed",
            "run.starting",
            "attempt.created",
            "binding.replaced",
            "attempt.started",
            "run.running",
            "usage.updated",
            "run.succeeded",
        ]
    );
    assert_eq!(bench.statuses(&second.run), ["succeeded", "failed", "succeeded"]);
    let of = format!("WHERE run_id = '{}' ORDER BY attempt_no", second.run);
    let reasons = bench.column(&format!("SELECT retry_reason FROM run_attempts {of}"));
    assert_eq!(reasons, ["stale_binding", "stale_binding"], "both say why (SPEC §11.2 row 12)");
    let from = bench.column(&format!("SELECT resume_from_attempt_id FROM run_attempts {of}"));
    assert_eq!(from, ["null", resumed.attempt.as_str()]);
    let generations = "SELECT binding_generation || status FROM adapter_bindings ORDER BY 1";
    assert_eq!(bench.column(generations), ["1stale", "2active"]);
}

#[test]
fn an_approval_is_answered_once_and_may_be_asked_again() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    for _ in 0..2 {
        bench.take(asks_leave(&begun.attempt, 1, ApprovalPolicy::Ask));
        assert_eq!(bench.statuses(&accepted.run), ["waiting_approval", "waiting_approval"]);
        let answers = bench.batch(&[allows(&begun.attempt, 1), allows(&begun.attempt, 1)]).unwrap();
        let effects = &answers[0].as_ref().unwrap().effects[..];
        assert!(matches!(effects, [Effect::Unpark { .. }, Effect::Answer { request: 1, .. }]), "{effects:?}");
        assert!(matches!(&answers[1], Err(Rejected::Refused(_))), "{answers:?}");
        assert_eq!(bench.statuses(&accepted.run), ["running", "running"]);
    }
    let story = ["approval.requested", "run.waiting_approval", "approval.resolved", "run.running"];
    assert_eq!(bench.events()[8..], [story, story].concat());
}
