//! Streams that drop, agents that fall silent, and what is never sent twice.

use omi_adapter_sdk::{HttpOutcome, testkit};
use serde_json::json;

use crate::tests::script::{Script, card};

fn failed() -> HttpOutcome {
    HttpOutcome::Failed("connection reset".to_owned())
}

#[test]
fn a_stream_that_drops_is_taken_up_again_without_repeating_anything() {
    for outcome in [HttpOutcome::Complete, failed(), HttpOutcome::TimedOut] {
        let mut script = Script::working();
        script.says_text("one ", false).drops(outcome).later(250);
        assert_eq!(script.methods(), ["SubscribeToTask"]);
        script.streams();
        script.says_task(
            "WORKING",
            &json!({"artifacts": [{"artifactId": "out", "parts": [{"text": "one "}, {"text": "two "}]}]}),
        );
        assert_eq!(script.text(), "two ");
        assert_eq!(script.says_text("three", true).text(), "three");
        script.says_status("COMPLETED", None);
        assert_eq!(script.ended(), "succeeded completed");
        script.kit.settled();
    }
}

#[test]
fn where_there_is_no_stream_to_take_up_the_state_decides() {
    for code in [-32004, -32001, -32601] {
        let mut script = Script::working();
        script.drops(failed()).later(250);
        script.fails("SubscribeToTask", code, "no");
        let task = script
            .task("COMPLETED", &json!({"artifacts": [{"artifactId": "o", "parts": [{"text": "all"}]}]}));
        script.results("GetTask", &task);
        assert_eq!((script.text().as_str(), script.ended().as_str()), ("all", "succeeded completed"));
        script.kit.settled();
    }
    let mut script = Script::working();
    script.drops(failed()).later(250);
    script.fails("SubscribeToTask", -32001, "no such task").fails("GetTask", -32001, "no such task");
    assert!(script.ended().starts_with("fatal task_lost: "), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn an_agent_out_of_reach_is_waited_for_and_then_given_up() {
    let mut script = Script::prompted_with(r#"{"silenceMs": 20000}"#, &card(true));
    script.says_task("WORKING", &json!({}));
    script.drops(failed());
    let (mut subscribes, mut gets) = (0, 0);
    for _ in 0..100 {
        script.later(250);
        let Some(method) = script.methods().pop() else { continue };
        let op = script.request().op;
        if method == "SubscribeToTask" {
            subscribes += 1;
        } else {
            gets += 1;
        }
        if script.send(testkit::http_end(op, failed())).has_ended() {
            break;
        }
    }
    assert!(script.ended().starts_with("fatal remote_lost: "), "{}", script.ended());
    assert!((1..=4).contains(&subscribes) && (1..=8).contains(&gets), "{subscribes} {gets}");
    script.kit.settled();
}

#[test]
fn a_message_is_never_sent_twice() {
    let mut script = Script::prompted();
    script.drops(failed());
    assert!(script.ended().starts_with("fatal acceptance_unknown: connection reset"), "{}", script.ended());
    script.later(600_000);
    assert!(script.requests().is_empty());
    script.kit.settled();
    let mut script = Script::prompted();
    script.drops(HttpOutcome::Complete);
    assert!(script.ended().starts_with("fatal no_answer: "), "{}", script.ended());
}

#[test]
fn only_a_server_that_has_not_begun_may_be_asked_again() {
    for (status, said) in [
        (429, "retryable agent_busy: "),
        (503, "fatal acceptance_unknown: "),
        (500, "fatal acceptance_unknown: "),
        (502, "fatal acceptance_unknown: "),
        (404, "fatal http_status: "),
    ] {
        let mut script = Script::open_with("{}", &card(true));
        script.out = script.kit.execute(1, 1, "do it");
        let op = script.request().op;
        script.answers(op, status, &json!("busy"));
        assert!(script.ended().starts_with(said), "{status}: {}", script.ended());
        script.kit.settled();
    }
}

#[test]
fn a_request_that_was_not_allowed_fails_as_it_says() {
    let mut script = Script::open_with("{}", &card(true));
    script.out = script.kit.execute(1, 1, "do it");
    let op = script.request().op;
    script.send(testkit::refused(op, omi_adapter_sdk::Why::Limit("16 requests".to_owned())));
    assert!(script.ended().starts_with("retryable over_limit: "), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn a_silent_agent_is_asked_and_a_zombie_is_cancelled() {
    let mut script = Script::prompted_with(r#"{"silenceMs": 1000, "zombieMs": 2500}"#, &card(true));
    script.says_task("WORKING", &json!({}));
    let working = script.task("WORKING", &json!({}));
    for _ in 0..2 {
        script.later(1_000);
        assert_eq!(script.methods(), ["GetTask"]);
        script.results("GetTask", &working);
        assert!(script.out.is_empty(), "the stream is open and the task goes on: {:?}", script.out);
    }
    script.later(1_000);
    script.results("GetTask", &working);
    assert_eq!(script.methods(), ["CancelTask"]);
    let task = script.task("CANCELED", &json!({}));
    script.results("CancelTask", &task);
    assert!(script.ended().starts_with("fatal remote_silent: "), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn a_stream_that_does_not_tell_what_the_state_does_is_taken_up_again() {
    let mut script = Script::prompted_with(r#"{"silenceMs": 1000}"#, &card(true));
    script.says_task("WORKING", &json!({}));
    script.later(1_000);
    let more =
        script.task("WORKING", &json!({"artifacts": [{"artifactId": "o", "parts": [{"text": "more"}]}]}));
    let stream = script.stream;
    script.results("GetTask", &more);
    assert_eq!((script.text().as_str(), script.aborted()), ("more", vec![stream]));
    script.later(250);
    assert_eq!(script.methods(), ["SubscribeToTask"]);
}

#[test]
fn a_server_that_takes_the_message_and_says_nothing_is_given_up() {
    let mut script = Script::prompted_with(r#"{"silenceMs": 1000, "zombieMs": 3000}"#, &card(true));
    script.later(3_000);
    assert!(script.ended().starts_with("fatal remote_silent: "), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn nonsense_costs_nothing() {
    let mut script = Script::working();
    let stream = script.stream;
    for nonsense in ["data: {\n\n", ": ping\n\n", "data: 7\n\n", "event: x\ndata: {\"result\":{\"x\":1}}\n\n"]
    {
        script.send(testkit::http_body(stream, nonsense));
        assert!(script.out.is_empty(), "{nonsense}: {:?}", script.out);
    }
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
}
