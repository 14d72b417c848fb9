//! An attempt is over.

use super::reading::*;
use super::story::*;
use crate::command::StopReason;
use crate::effect::Effect;
use crate::refusal::Refusal;
use crate::report::{Failure, Outcome};
use crate::status::Status;

#[test]
fn a_success_records_its_text_and_its_use() {
    let decision = Story::at(Status::Running).then(&finished(well(), "the answer"));
    assert_eq!(rows(&decision), ["attempt running > succeeded", "run running > succeeded"]);
    assert_eq!(events(&decision), ["usage.updated", "run.succeeded"]);
    assert_eq!(payload(&decision, "usage.updated")["usage"]["inputTokens"], 7);
    assert_eq!(payload(&decision, "usage.updated")["final"], true);
    let change = run_change(&decision);
    assert_eq!(change.text.as_deref(), Some("the answer"));
    assert_eq!(change.stop_reason.as_deref(), Some("end_turn"));
    assert_eq!(decision.effects, [Effect::Release { run: run_id() }]);
}

#[test]
fn an_attempt_fails_before_its_run_does() {
    let fatal = Outcome::Failed(Failure::Fatal(trouble("model_gone")));
    let decision = Story::at(Status::Running).then(&finished(fatal, "half an"));
    assert_eq!(rows(&decision), ["attempt running > failed", "run running > failed"]);
    assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
    assert_eq!(payload(&decision, "run.failed")["errorCode"], "model_gone");
    assert_eq!(run_change(&decision).text.as_deref(), Some("half an"));
    assert!(attempt_change(&decision).usage.is_some(), "what a failed attempt used is not lost");
    let recycle = Effect::StopWorker { worker: worker_id(), reason: StopReason::Recycle };
    assert_eq!(decision.effects, [recycle, Effect::Release { run: run_id() }]);
}

#[test]
fn a_cancellation_that_nobody_asked_for_is_a_failure() {
    let decision = Story::at(Status::Running).then(&finished(Outcome::Cancelled, ""));
    assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
    assert_eq!(payload(&decision, "run.failed")["errorCode"], "cancelled_by_runtime");
}

#[test]
fn what_ends_after_the_request_to_stop_is_cancelled_with_its_partial_text() {
    let failed = Outcome::Failed(Failure::Fatal(trouble("broken")));
    let cases = [
        (well(), "finished_meanwhile"),
        (Outcome::Cancelled, "reported_by_runtime"),
        (failed, "failed_meanwhile"),
    ];
    for (outcome, how) in cases {
        let decision = Story::at(Status::Cancelling).then(&finished(outcome, "partial"));
        assert_eq!(rows(&decision), ["attempt cancelling > cancelled", "run cancelling > cancelled"]);
        assert_eq!(events(&decision), ["attempt.cancelled", "run.cancelled"]);
        assert_eq!(payload(&decision, "attempt.cancelled")["how"], how);
        assert_eq!(run_change(&decision).text.as_deref(), Some("partial"));
        assert!(attempt_change(&decision).usage.is_some(), "what a cancelled attempt used is not lost");
    }
}

#[test]
fn a_lost_worker_fails_what_it_ran() {
    for status in [Status::Running, Status::WaitingApproval, Status::WaitingInput] {
        let decision = Story::at(status).then(&lost("so far"));
        assert_eq!(events(&decision), ["attempt.failed", "run.failed"], "{status}");
        assert_eq!(payload(&decision, "run.failed")["errorCode"], "worker_trapped");
        assert_eq!(run_change(&decision).text.as_deref(), Some("so far"));
    }
}

#[test]
fn a_lost_worker_has_stopped_what_was_to_stop() {
    for story in [Story::at(Status::Cancelling), Story::cancelled_while_starting()] {
        let decision = story.then(&lost(""));
        assert_eq!(events(&decision), ["attempt.cancelled", "run.cancelled"]);
        assert_eq!(payload(&decision, "attempt.cancelled")["how"], "worker_ended");
        assert_eq!(run_change(&decision).text, None);
    }
}

#[test]
fn an_end_counts_once() {
    for status in terminal() {
        assert_counted(&Story::at(status).then(&finished(well(), "again")));
        assert_late(&Story::at(status).then(&lost("again")));
    }
}

#[test]
fn what_was_never_executed_cannot_succeed() {
    let refusal = Story::at(Status::Starting).decide(&finished(well(), "")).unwrap_err();
    assert!(matches!(refusal, Refusal::Illegal(_)));
}
