//! Cancellation, and what proves it.

use omi_adapter_sdk::{HttpOutcome, testkit};
use serde_json::json;

use crate::tests::script::{Script, TASK, body, card};

#[test]
fn the_state_canceled_is_the_confirmation() {
    let mut script = Script::working();
    script.send(testkit::cancel(1));
    assert_eq!(body(script.request_of("CancelTask"))["params"], json!({ "id": TASK }));
    assert_eq!(script.cancel_answer(), None, "nothing is known yet");
    let task = script.task("CANCELED", &json!({}));
    script.results("CancelTask", &task);
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (Some((true, true)), "cancelled"));
    assert_eq!(script.aborted(), [script.stream], "every open request is given up");
    script.kit.settled();
}

#[test]
fn the_stream_may_be_faster_than_the_answer() {
    let mut script = Script::working();
    script.send(testkit::cancel(1));
    let cancel = script.request().op;
    script.says_status("CANCELED", None);
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (Some((true, true)), "cancelled"));
    assert_eq!(script.aborted(), [script.stream, cancel]);
    script.kit.settled();
}

#[test]
fn not_cancelable_is_no_confirmation_and_the_state_is_read_again() {
    let mut script = Script::working();
    script.send(testkit::cancel(1));
    script.fails("CancelTask", -32002, "Task cannot be canceled");
    assert_eq!((script.methods(), script.cancel_answer()), (vec!["GetTask".to_owned()], None));
    let task = script.task("WORKING", &json!({}));
    script.results("GetTask", &task);
    assert_eq!((script.cancel_answer(), script.has_ended()), (Some((true, false)), false));
    script.says_status("FAILED", Some("interrupted"));
    assert_eq!(script.ended(), "fatal task_failed: the agent failed: interrupted");
    script.kit.settled();
}

#[test]
fn a_task_that_was_done_meanwhile_is_a_success() {
    for read_again in [false, true] {
        let mut script = Script::working();
        script.send(testkit::cancel(1));
        let done = script
            .task("COMPLETED", &json!({"artifacts": [{"artifactId": "o", "parts": [{"text": "done"}]}]}));
        if read_again {
            script.fails("CancelTask", -32002, "it is over").results("GetTask", &done);
        } else {
            script.results("CancelTask", &done);
        }
        assert_eq!((script.text().as_str(), script.ended().as_str()), ("done", "succeeded completed"));
        assert_eq!(script.cancel_answer(), Some((true, false)));
        script.kit.settled();
    }
}

#[test]
fn a_task_is_cancelled_as_soon_as_it_has_a_name() {
    let mut script = Script::prompted();
    script.send(testkit::cancel(1));
    assert!(script.requests().is_empty() && script.cancel_answer().is_none(), "{:?}", script.out);
    script.says_task("SUBMITTED", &json!({}));
    assert_eq!(script.methods(), ["CancelTask"]);
    let task = script.task("CANCELED", &json!({}));
    script.results("CancelTask", &task);
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (Some((true, true)), "cancelled"));
    script.kit.settled();
}

#[test]
fn without_a_name_it_is_not_known_whether_work_stopped() {
    let mut script = Script::prompted();
    script.send(testkit::cancel(1)).later(5_000);
    assert_eq!(script.cancel_answer(), Some((false, false)));
    assert!(script.ended().starts_with("fatal cancel_unknown: "), "{}", script.ended());
    assert_eq!(script.aborted(), [script.stream]);
    script.kit.settled();
}

#[test]
fn an_answer_without_a_task_cannot_be_cancelled() {
    let mut script = Script::prompted();
    script.send(testkit::cancel(1));
    script.says(&json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}}));
    assert_eq!(
        (script.cancel_answer(), script.ended().as_str()),
        (Some((false, false)), "succeeded message")
    );
    script.kit.settled();
}

#[test]
fn an_agent_that_does_not_answer_a_cancellation_confirms_nothing() {
    let mut script = Script::working();
    script.send(testkit::cancel(1)).later(1_500);
    assert_eq!((script.cancel_answer(), script.has_ended()), (Some((true, false)), false));
    script.says_status("CANCELED", None);
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (None, "cancelled"));
    script.kit.settled();
}

#[test]
fn a_cancellation_that_gets_lost_is_not_confirmed_and_one_that_was_refused_was_not_sent() {
    let mut script = Script::working();
    script.send(testkit::cancel(1));
    let op = script.request().op;
    script.send(testkit::http_end(op, HttpOutcome::Failed("reset".to_owned())));
    let get = script.request_of("GetTask").op;
    script.send(testkit::http_end(get, HttpOutcome::Failed("reset".to_owned())));
    assert_eq!((script.cancel_answer(), script.has_ended()), (Some((true, false)), false));

    let mut script = Script::working();
    script.send(testkit::cancel(1));
    let op = script.request().op;
    script.send(testkit::refused(op, omi_adapter_sdk::Why::Denied("no".to_owned())));
    assert_eq!((script.cancel_answer(), script.has_ended()), (Some((false, false)), false));
}

#[test]
fn a_cancellation_out_of_the_blue_is_a_failure() {
    let mut script = Script::working();
    script.says_status("CANCELED", Some("by an operator"));
    assert_eq!(script.ended(), "fatal cancelled_remotely: the task was cancelled elsewhere: by an operator");
    script.send(testkit::cancel(1));
    assert_eq!(script.cancel_answer(), Some((false, false)), "the attempt is over");
    script.kit.settled();
}

#[test]
fn a_task_that_is_polled_is_cancelled_too() {
    let mut script = Script::prompted_with("{}", &card(false));
    let task = script.task("WORKING", &json!({}));
    script.results("SendMessage", &json!({ "task": task }));
    script.send(testkit::cancel(1));
    let task = script.task("CANCELED", &json!({}));
    script.results("CancelTask", &task);
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (Some((true, true)), "cancelled"));
    assert_eq!(script.kit.next_timer(), None, "no timer is left");
    script.kit.settled();
}
