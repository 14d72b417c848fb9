//! How attempts and workers end.

use omi_adapter_sdk::testkit;
use serde_json::json;

use crate::tests::script::{Script, card};

#[test]
fn the_words_of_the_agent_are_in_the_failure() {
    let mut script = Script::working();
    script.says_status("FAILED", Some("no\nmore paper"));
    assert_eq!(script.ended(), "fatal task_failed: the agent failed: no more paper");
    let mut script = Script::working();
    script.says_status("REJECTED", Some("not my work"));
    assert_eq!(script.ended(), "fatal task_rejected: the agent refused the task: not my work");
    let mut script = Script::prompted();
    let stream = script.stream;
    script.send(testkit::http_body(stream, "data: {\"error\":{\"code\":-32603,\"message\":\"boom\"}}\n\n"));
    assert_eq!(script.ended(), "fatal agent_error: the agent refused the message with error -32603: boom");
    script.kit.settled();
}

#[test]
fn a_task_that_is_done_without_a_word_is_done() {
    let mut script = Script::working();
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn an_error_instead_of_a_stream_is_read() {
    let mut script = Script::open_with("{}", &card(true));
    script.out = script.kit.execute(1, 1, "do it");
    script.fails("SendStreamingMessage", -32009, "version not supported");
    assert!(script.ended().contains("-32009: version not supported"), "{}", script.ended());
    script.out = script.kit.execute(2, 1, "again");
    assert_eq!(script.methods(), ["SendStreamingMessage"], "the conversation goes on");
}

#[test]
fn one_prompt_at_a_time_in_a_conversation_and_several_beside_each_other() {
    let mut script = Script::working();
    script.out = script.kit.execute(2, 1, "me too");
    assert!(script.ended().starts_with("retryable busy: "));
    script.out = script.kit.open(2, "/work");
    script.out = script.kit.execute(3, 2, "me too");
    assert_eq!(script.methods(), ["SendStreamingMessage"]);
    let op = script.request().op;
    script.send(testkit::http_head_with(op, 200, &[("content-type", "text/event-stream")]));
    let other = json!({"result": {"task": {"id": "task-3", "contextId": "x", "status": {"state": "TASK_STATE_COMPLETED"}}}});
    script.send(testkit::http_body(op, format!("data: {other}\n\n")));
    assert_eq!(script.ended(), "succeeded completed");
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn a_stop_leaves_nothing_open() {
    let mut script = Script::working();
    script.out = script.kit.stop();
    assert!(script.ended().starts_with("retryable stopped: "), "{}", script.ended());
    assert_eq!((script.aborted(), script.kit.next_timer()), (vec![script.stream], None));
    script.out = script.kit.execute(2, 1, "one more");
    assert!(script.ended().starts_with("retryable stopped: "), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn a_conversation_that_is_closed_takes_its_attempt_with_it() {
    let mut script = Script::working();
    script.send(testkit::close(1));
    assert!(script.ended().starts_with("fatal binding_closed: "), "{}", script.ended());
    assert_eq!(script.aborted(), [script.stream]);
    script.kit.settled();
}

#[test]
fn a_worker_without_a_card_refuses_what_crosses_with_its_end() {
    let mut script = Script::started("{}");
    let op = script.request().op;
    script.answers(op, 404, &json!("no"));
    script.out = script.kit.open(1, "/work");
    script.out = script.kit.execute(1, 1, "hello");
    assert!(script.ended().starts_with("fatal no_card: "));
    script.send(testkit::cancel(1));
    assert_eq!(script.cancel_answer(), Some((false, false)));
}
