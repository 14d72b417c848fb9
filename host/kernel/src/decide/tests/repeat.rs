//! One attempt follows another by itself: where nothing can happen twice, and once.

use super::reading::*;
use super::story::*;
use crate::effect::Effect;
use crate::input::{Finished, Input};
use crate::report::{Failure, Outcome};
use crate::status::Status;

/// The reasons for which one attempt follows another by itself.
const BY_ITSELF: [&str; 3] = ["stale_binding", "transient", "worker_lost"];
/// The reasons that a person gives: after these the count begins again.
const BY_A_PERSON: [&str; 3] = ["auth_recovery", "retry", "failover"];

fn busy() -> Failure {
    Failure::Retryable(trouble("busy"))
}

/// What is tried again by itself: where it stands, what happens, for which reason, and what is done.
fn tried_again() -> Vec<(Story, Input, &'static str, Effect)> {
    let resumed = Story::at(Status::Starting).bound(binding());
    let again = || Effect::BeginAgain { run: run_id(), worker: worker_id() };
    vec![
        (resumed.clone(), binding_failed(binding_id(), stale(), true), "stale_binding", again()),
        (resumed, binding_failed(binding_id(), busy(), true), "transient", again()),
        (Story::at(Status::Starting), binding_failed(new_binding_id(), busy(), false), "transient", again()),
        (Story::at(Status::Running), finished(Outcome::Failed(stale()), ""), "stale_binding", again()),
        (Story::at(Status::Starting), lost(""), "worker_lost", Effect::BeginElsewhere { run: run_id() }),
    ]
}

#[test]
fn the_failed_attempt_says_that_another_one_may_help_and_why() {
    for (story, input, reason, effect) in tried_again() {
        let decision = story.then(&input);
        let failed = payload(&decision, "attempt.failed");
        assert_eq!((&failed["retryable"], &failed["retryReason"]), (&true.into(), &reason.into()));
        assert_eq!(attempt_change(&decision).retry_reason.as_deref(), Some(reason));
        assert!(attempt_change(&decision).error.is_some());
        assert_eq!(decision.effects, [effect]);
        assert!(!events(&decision).contains(&"run.failed"));
        let (run, attempt) =
            after(&decision, story.facts.run.as_ref().unwrap(), story.facts.attempt.as_ref().unwrap());
        assert_eq!((run.status, attempt.status), (Status::Starting, Status::Failed));
    }
}

#[test]
fn the_next_attempt_carries_the_reason_and_takes_over() {
    for (mut story, input, reason, _) in tried_again() {
        let decision = story.then(&input);
        let (run, attempt) =
            after(&decision, story.facts.run.as_ref().unwrap(), story.facts.attempt.as_ref().unwrap());
        (story.facts.run, story.facts.attempt) = (Some(run), Some(attempt));
        let next = story.then(&Input::Begin(begin()));
        let new = new_attempt(&next);
        assert_eq!((new.number, new.retry_reason.as_deref()), (2, Some(reason)));
        assert_eq!(new.resume_from, Some(attempt_id()));
        assert_eq!(payload(&next, "attempt.created")["retryReason"], reason);
    }
}

#[test]
fn it_is_not_tried_again_twice() {
    for before in BY_ITSELF {
        for (story, input, _, _) in tried_again() {
            let decision = story.second_attempt(before).then(&input);
            assert_eq!(events(&decision).last(), Some(&"run.failed"), "{before} {input:?}");
            assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
            assert_eq!(attempt_change(&decision).retry_reason, None);
            assert_eq!(effects(&decision), ["release"]);
        }
    }
}

#[test]
fn what_a_person_caused_begins_the_count_again() {
    for before in BY_A_PERSON {
        for (story, input, reason, effect) in tried_again() {
            let decision = story.second_attempt(before).then(&input);
            assert_eq!(payload(&decision, "attempt.failed")["retryReason"], reason);
            assert_eq!(decision.effects, [effect]);
        }
    }
}

#[test]
fn a_native_session_that_is_gone_is_stale_also_when_it_is_not_tried_again() {
    let story = Story::at(Status::Starting).bound(binding());
    for story in [story.clone(), story.second_attempt("stale_binding")] {
        let decision = story.then(&binding_failed(binding_id(), stale(), true));
        assert_eq!(rows(&decision)[0], "binding active > stale");
        assert_eq!(payload(&decision, "binding.stale")["reason"], "resume_failed");
    }
}

#[test]
fn what_was_said_is_not_said_twice() {
    let decision = Story::at(Status::Running).then(&finished(Outcome::Failed(stale()), "I was sayi"));
    assert_eq!(events(&decision), ["binding.stale", "attempt.failed", "run.failed"]);
    assert_eq!(payload(&decision, "binding.stale")["reason"], "reported_by_prompt");
    assert_eq!(run_change(&decision).text.as_deref(), Some("I was sayi"));
    assert_eq!(effects(&decision), ["release"]);
}

#[test]
fn what_was_handed_over_is_not_tried_again() {
    for status in [Status::Running, Status::WaitingApproval, Status::WaitingInput] {
        let decision = Story::at(status).then(&lost(""));
        assert_eq!(events(&decision), ["attempt.failed", "run.failed"], "{status}");
        assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
        assert_eq!(effects(&decision), ["release"]);
    }
    let decision = Story::at(Status::Running).then(&finished(Outcome::Failed(busy()), ""));
    assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
    assert_eq!(effects(&decision), ["stop worker", "release"]);
}

#[test]
fn what_is_to_stop_is_not_tried_again() {
    for input in [
        binding_failed(binding_id(), stale(), true),
        binding_failed(binding_id(), busy(), true),
        binding_failed(binding_id(), auth_required(), true),
        lost(""),
        finished(Outcome::Failed(stale()), ""),
    ] {
        let decision = Story::cancelled_while_starting().bound(binding()).then(&input);
        assert_eq!(events(&decision).last(), Some(&"run.cancelled"), "{input:?}");
        assert_eq!(effects(&decision), ["release"]);
    }
}

#[test]
fn a_run_that_waited_for_a_person_gets_its_permit_back_before_it_begins_again() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let decision = story.then(&finished(Outcome::Failed(stale()), ""));
    assert_eq!(events(&decision), ["approval.resolved", "binding.stale", "attempt.failed"]);
    assert_eq!(effects(&decision), ["unpark from a person", "begin again"]);
}

#[test]
fn what_the_failed_attempt_used_is_not_lost() {
    let decision = Story::at(Status::Running).then(&finished(Outcome::Failed(stale()), ""));
    assert_eq!(attempt_change(&decision).usage.unwrap().input_tokens, Some(7));
}

#[test]
fn where_no_other_worker_would_do_better_the_run_fails() {
    let Input::WorkerLost { attempt, failure, text, .. } = lost("") else { panic!() };
    let lost = Input::WorkerLost { attempt, failure, text, retry: false };
    let decision = Story::at(Status::Starting).then(&lost);
    assert_eq!(rows(&decision), ["attempt starting > failed", "run starting > failed"]);
    assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
}

#[test]
fn what_was_done_without_a_word_is_not_done_twice() {
    for failure in [stale(), auth_required()] {
        let Input::Finished(report) = finished(Outcome::Failed(failure), "") else { panic!() };
        let decision = Story::at(Status::Running).then(&Input::Finished(Finished { acted: true, ..report }));
        assert_eq!(events(&decision).last(), Some(&"run.failed"));
    }
}
