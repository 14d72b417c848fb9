//! A runtime wants a log-in: a person is asked, and another attempt begins with that.

use super::reading::*;
use super::story::*;
use crate::command::InputAnswer;
use crate::effect::{Effect, Wait};
use crate::input::{By, Finished, Input};
use crate::refusal::Refusal;
use crate::report::Outcome;
use crate::row::{LOG_IN, OpenRequest};
use crate::status::Status;
use serde_json::{Value, json};

fn wants_log_in(text: &str, person: bool) -> Input {
    let Input::Finished(report) = finished(Outcome::Failed(auth_required()), text) else { panic!() };
    Input::Finished(Finished { person, ..report })
}

fn answers(answer: InputAnswer, by: By) -> Input {
    Input::InputProvided { attempt: attempt_id(), request: LOG_IN, answer, by }
}

fn chooses(value: Value) -> Input {
    answers(InputAnswer::Provided { value }, By::Person("ann".into()))
}

#[test]
fn a_person_is_asked_when_the_native_session_cannot_be_made_without() {
    for story in [Story::at(Status::Starting), Story::at(Status::Starting).bound(binding())] {
        let decision = story.then(&binding_failed(binding_id(), auth_required(), true));
        assert_eq!(rows(&decision), ["attempt starting > waiting_input", "run starting > waiting_input"]);
        assert_eq!(events(&decision), ["input.requested", "run.waiting_input"]);
        let asked = payload(&decision, "input.requested");
        assert_eq!((&asked["request"], &asked["kind"]), (&LOG_IN.into(), &"authentication".into()));
        assert_eq!(
            (&asked["methods"][0]["id"], &asked["methods"][1]["id"]),
            (&"browser".into(), &"key".into())
        );
        assert_eq!(effects(&decision), ["park for a person"]);
    }
}

#[test]
fn a_person_is_asked_when_the_prompt_finds_out() {
    let decision = Story::at(Status::Running).then(&wants_log_in("", true));
    assert_eq!(rows(&decision), ["attempt running > waiting_input", "run running > waiting_input"]);
    assert_eq!(attempt_change(&decision).usage.unwrap().input_tokens, Some(7), "what it used is not lost");
    assert_eq!(effects(&decision), ["park for a person"]);

    let waiting = Story::at(Status::WaitingApproval).asked(&[1]).then(&wants_log_in("", true));
    assert_eq!(events(&waiting), ["approval.resolved", "input.requested", "run.waiting_input"]);
}

#[test]
fn without_a_person_or_after_something_was_said_the_run_fails() {
    let decisions = [
        Story::at(Status::Starting).then(&binding_failed(binding_id(), auth_required(), false)),
        Story::at(Status::Running).then(&wants_log_in("", false)),
        Story::at(Status::Running).then(&wants_log_in("I was sayi", true)),
    ];
    for decision in decisions {
        assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
        assert_eq!(payload(&decision, "run.failed")["errorCode"], "auth_required");
        assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
    }
}

#[test]
fn with_the_log_in_another_attempt_begins() {
    for value in [json!("key"), json!({ "methodId": "key" })] {
        let story = Story::logging_in();
        let decision = story.then(&chooses(value));
        assert_eq!(rows(&decision), ["attempt waiting_input > failed", "run waiting_input > starting"]);
        assert_eq!(events(&decision), ["input.provided", "attempt.failed"]);
        let failed = payload(&decision, "attempt.failed");
        assert_eq!((&failed["retryable"], &failed["retryReason"]), (&true.into(), &"auth_recovery".into()));
        assert_eq!(
            decision.effects,
            [
                Effect::Unpark { run: run_id(), why: Wait::Person },
                Effect::Authenticate { run: run_id(), worker: worker_id(), method: "key".into() },
                Effect::BeginAgain { run: run_id(), worker: worker_id() },
            ],
            "the permit, then the log-in, then the attempt"
        );

        let (run, attempt) =
            after(&decision, story.facts.run.as_ref().unwrap(), story.facts.attempt.as_ref().unwrap());
        let mut next = Story::nothing();
        next.facts.session = Some(session());
        (next.facts.run, next.facts.attempt) = (Some(run), Some(attempt));
        let begun = next.then(&Input::Begin(begin()));
        assert_eq!(new_attempt(&begun).retry_reason.as_deref(), Some("auth_recovery"));
    }
}

#[test]
fn the_only_way_to_log_in_need_not_be_named() {
    let mut story = Story::logging_in();
    story.facts.open_requests = vec![OpenRequest { options: vec!["browser".into()], ..log_in() }];
    for value in [json!(null), json!({}), json!(true)] {
        let decision = story.then(&chooses(value));
        assert!(matches!(&decision.effects[1], Effect::Authenticate { method, .. } if method == "browser"));
    }
}

#[test]
fn a_way_that_was_not_offered_is_refused() {
    for (value, option) in
        [(json!("magic"), "magic"), (json!({ "methodId": "magic" }), "magic"), (json!(null), "")]
    {
        let offered = "`browser`, `key`".to_owned();
        let expected = Refusal::NoSuchOption { option: option.into(), request: LOG_IN, offered };
        assert_eq!(Story::logging_in().refuses(&chooses(value)), expected);
    }
}

#[test]
fn without_the_log_in_the_run_fails() {
    let ann = || By::Person("ann".into());
    for (answer, by) in [
        (InputAnswer::Declined, ann()),
        (InputAnswer::Cancelled, By::Runtime),
        (InputAnswer::Expired, By::Deadline),
    ] {
        let decision = Story::logging_in().then(&answers(answer, by));
        assert_eq!(rows(&decision), ["attempt waiting_input > failed", "run waiting_input > failed"]);
        assert_eq!(events(&decision), ["input.provided", "attempt.failed", "run.failed"]);
        assert_eq!(payload(&decision, "run.failed")["errorCode"], "auth_required");
        assert_eq!(effects(&decision), ["release"], "no adapter waits for the answer");
    }
}

#[test]
fn nobody_logs_in_for_somebody_else() {
    let answer = InputAnswer::Provided { value: "key".into() };
    let refusal = Story::logging_in().refuses(&answers(answer, By::Person("bob".into())));
    assert_eq!(refusal, Refusal::NotFound { what: "attempt", id: attempt_id().to_string() });
}

#[test]
fn a_cancel_ends_it_at_once() {
    let decision = Story::logging_in().then(&cancel());
    assert_eq!(
        rows(&decision),
        [
            "attempt waiting_input > cancelling",
            "run waiting_input > cancelling",
            "attempt cancelling > cancelled",
            "run cancelling > cancelled"
        ]
    );
    assert_eq!(
        events(&decision),
        [
            "run.cancellation_requested",
            "run.cancelling",
            "input.provided",
            "attempt.cancelled",
            "run.cancelled"
        ]
    );
    assert_eq!(effects(&decision), ["release"], "there is nothing to tell and nothing to wait for");
    let crate::decision::Reply::Cancelling { accepted: true, dispatching: false, status, .. } =
        decision.reply
    else {
        panic!()
    };
    assert_eq!(status, Status::Cancelled);
}

#[test]
fn what_its_runtime_says_meanwhile_is_late() {
    for outcome in [well(), Outcome::Cancelled, Outcome::Failed(stale())] {
        assert_counted(&Story::logging_in().then(&finished(outcome, "again")));
    }
    assert_late(&Story::logging_in().then(&opened(new_binding_id(), "native-9")));
    assert_late(&Story::logging_in().then(&binding_failed(binding_id(), stale(), true)));
}

#[test]
fn without_its_worker_there_is_nobody_to_log_in_to() {
    let decision = Story::logging_in().then(&lost(""));
    assert_eq!(events(&decision), ["input.provided", "attempt.failed", "run.failed"]);
    assert_eq!(payload(&decision, "run.failed")["errorCode"], "worker_trapped");
}
