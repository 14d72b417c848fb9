//! An attempt takes too long: its worker is ended, and with it the work.

use super::reading::*;
use super::story::*;
use crate::delegation::{DelegationMode, DelegationStatus};
use crate::effect::Effect;
use crate::input::{Input, Timeout};
use crate::refusal::Refusal;
use crate::status::Status;

const ALIVE: [Status; 4] = [Status::Starting, Status::Running, Status::WaitingInput, Status::WaitingApproval];

fn timed_out(timeout: Timeout, text: &str) -> Input {
    Input::TimedOut { attempt: attempt_id(), timeout, text: text.into() }
}

#[test]
fn it_ends_as_timed_out_and_says_which_limit_it_was() {
    for (timeout, code) in [(Timeout::Deadline, "run_deadline"), (Timeout::NoProgress, "no_progress")] {
        for status in ALIVE {
            let decision = Story::at(status).then(&timed_out(timeout, "so far"));
            assert_eq!(
                rows(&decision),
                [format!("attempt {status} > timed_out"), format!("run {status} > timed_out")]
            );
            assert_eq!(events(&decision), ["attempt.failed", "run.timed_out"]);
            for kind in events(&decision) {
                assert_eq!(payload(&decision, kind)["errorCode"], code);
            }
            assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
            assert_eq!(attempt_change(&decision).error.unwrap().code, code);
            let change = run_change(&decision);
            assert_eq!((change.error.unwrap().code.as_str(), change.text.as_deref()), (code, Some("so far")));
        }
    }
}

#[test]
fn its_runtime_is_told_and_its_worker_is_ended_before_it_is_given_back() {
    for status in ALIVE {
        let decision = Story::at(status).then(&timed_out(Timeout::Deadline, ""));
        let cancel = (status != Status::Starting).then(attempt_id);
        let kill = Effect::KillWorker { worker: worker_id(), cancel };
        assert_eq!(decision.effects, [kill, Effect::Release { run: run_id() }]);
        assert_eq!(run_change(&decision).text, None, "an empty text is none");
    }
}

#[test]
fn what_it_asked_is_closed() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]).asked_for_input(&[2]);
    let decision = story.then(&timed_out(Timeout::Deadline, ""));
    assert_eq!(events(&decision), ["approval.resolved", "input.provided", "attempt.failed", "run.timed_out"]);
    assert_eq!(effects(&decision), ["kill", "release"], "there is nobody left to tell");
}

#[test]
fn what_is_to_stop_has_a_time_limit_of_its_own() {
    for story in [Story::at(Status::Cancelling), Story::cancelled_while_starting()] {
        let decision = story.then(&timed_out(Timeout::Deadline, "so far"));
        assert_late(&decision);
        assert!(decision.effects.is_empty());
    }
}

#[test]
fn what_is_over_does_not_time_out() {
    for status in terminal() {
        let decision = Story::at(status).then(&timed_out(Timeout::NoProgress, ""));
        assert_late(&decision);
        assert!(decision.effects.is_empty());
    }
    let missing = Refusal::NotFound { what: "attempt", id: attempt_id().to_string() };
    assert_eq!(Story::nothing().refuses(&timed_out(Timeout::Deadline, "")), missing);
}

#[test]
fn who_waits_for_it_is_told() {
    let story = Story::at(Status::Running).for_parent(DelegationMode::Call, DelegationStatus::Running);
    let decision = story.then(&timed_out(Timeout::Deadline, "so far"));
    assert_eq!(rows(&decision)[2], "delegation running > failed");
    let result = payload(&decision, "delegation.completed");
    assert_eq!((&result["error"]["code"], &result["summary"]), (&"run_deadline".into(), &"so far".into()));
    assert_eq!(effects(&decision), ["kill", "unpark from a child", "release"]);
}
