//! Lines and messages as agents really write them, and what is written to an agent that reads late or never.

use omi_adapter_sdk::testkit::{self, answer_text};
use omi_adapter_sdk::{Input, Output, StdinProgress};
use serde_json::json;

use super::script::{AGENT, Script, messages};

/// What the agent writes in a turn: text, an answer of the client's and everything odd around it.
fn conversation() -> String {
    let chunk = |text: &str| {
        json!({"method": "session/update", "params": {"sessionId": "s1", "update": {
            "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}}})
    };
    format!(
        "\n\r\n  \n{}\r\nWarning: not JSON\n{}\n\n{}",
        chunk("käse "),
        chunk("☂ end"),
        json!({"id": 3, "result": {"stopReason": "end_turn"}})
    )
}

#[test]
fn bytes_in_any_pieces_are_the_same_lines_and_the_last_needs_no_end() {
    let bytes = conversation().into_bytes();
    for size in [1, 2, 3, 7, 64, bytes.len()] {
        let mut script = Script::prompted();
        let mut said = Vec::new();
        for piece in bytes.chunks(size) {
            said.extend(script.send(testkit::stdout(AGENT, piece)).out.clone());
        }
        said.extend(script.send(testkit::eof(AGENT)).out.clone());
        assert_eq!(answer_text(&said), "käse ☂ end", "pieces of {size} bytes");
        assert!(testkit::outcome(&said).is_some(), "pieces of {size} bytes: {said:?}");
    }
}

#[test]
fn invalid_bytes_are_noise_and_the_next_line_is_read() {
    let mut script = Script::prompted();
    assert_eq!(script.send(testkit::line(AGENT, b"{\"method\":\"\xff\xfe\"")).out, []);
    script.says_text("still here");
    assert_eq!(answer_text(&script.out), "still here");
}

#[test]
fn messages_that_are_no_answer_to_anything_cost_nothing() {
    let mut script = Script::prompted();
    for message in [
        json!({"id": 99, "result": {}}),
        json!({"id": "3x", "result": {}}),
        json!({"id": null, "error": {"code": -32700, "message": "parse error"}}),
        json!({"error": {"code": -32700, "message": "parse error"}}),
        json!({"method": "vendor/notify"}),
        json!({"method": "_vendor/status", "params": {}}),
        json!({"method": "$/cancel_request", "params": {"requestId": "nothing"}}),
        json!({"method": "session/update", "params": {"sessionId": "s1"}}),
        json!({"method": "session/update"}),
    ] {
        assert_eq!(script.says(&message).out, [], "{message}");
    }
}

#[test]
fn unknown_requests_are_refused_whatever_their_id_is() {
    let mut script = Script::prompted();
    for (id, method) in [(json!(1), "craft/drainMidTurnQueue"), (json!("a"), "_vendor/ask"), (json!(-7), "x")]
    {
        script.says(&json!({"id": id, "method": method, "params": {}}));
        let answer = script.written().remove(0);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32601)));
    }
}

#[test]
fn an_answer_whose_number_comes_back_as_text_is_an_answer_and_a_second_one_is_not() {
    let mut script = Script::prompted();
    script.says_text("hi").says(&json!({"id": "3", "result": {"stopReason": "end_turn"}}));
    assert_eq!(script.outcome(), "succeeded end_turn");
    assert_eq!(script.says(&json!({"id": 3, "result": {"stopReason": "end_turn"}})).out, []);
}

#[test]
fn only_single_messages_are_written_each_on_a_line_of_its_own() {
    let mut script = Script::open(&json!({}));
    script.out = script.kit.execute(1, 1, "two\nlines, a \u{2028} and \"quotes\"");
    let text = testkit::written_text(&script.out);
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    let written = messages(&script.out).remove(0);
    assert!(written.is_object() && written["jsonrpc"] == "2.0", "{written}");
    assert_eq!(written["params"]["prompt"][0]["text"], "two\nlines, a \u{2028} and \"quotes\"");
}

/// The host's word on how much waits to be written to the agent.
fn queued(bytes: u32) -> Input {
    Input::StdinProgress(StdinProgress { op: AGENT, accepted: 0, queued: bytes, extra: String::new() })
}

#[test]
fn an_agent_that_reads_nothing_is_stuck_after_a_time() {
    let mut script = Script::ready(r#"{"stdinTimeoutMs": 500}"#, &json!({})).opened();
    script.out = script.kit.execute(1, 1, &"x".repeat(200_000));
    script.out = script.kit.advance(499);
    assert_eq!(script.out, []);
    script.out = script.kit.advance(1);
    assert_eq!(script.outcome(), "retryable agent_stuck");
    assert!(matches!(script.out.last(), Some(Output::Fault(_))), "{:?}", script.out);
}

#[test]
fn an_agent_that_reads_slowly_has_its_time_anew_and_a_pipe_full_is_no_sign() {
    let mut script = Script::ready(r#"{"stdinTimeoutMs": 500}"#, &json!({})).opened();
    script.out = script.kit.execute(1, 1, &"x".repeat(200_000));
    assert_eq!(script.kit.advance(400), []);
    script.kit.send(queued(100_000));
    assert_eq!(script.kit.advance(400), []);
    script.kit.send(queued(1000));
    assert_eq!(script.kit.advance(5000), [], "the rest fits into a pipe, and nobody knows what is in it");
}

#[test]
fn requests_are_served_while_a_session_is_being_opened() {
    let mut script = Script::ready("{}", &json!({}));
    script.out = script.kit.open(1, "/work");
    let opening = script.last_request();
    script.says(&json!({"id": "early", "method": "session/request_permission",
        "params": {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": []}}));
    assert_eq!(script.result("early"), json!({"outcome": {"outcome": "cancelled"}}));
    script.says(&json!({"id": "other", "method": "vendor/ask"}));
    assert_eq!(script.error("other").0, -32601);
    script.says(&json!({"id": opening["id"], "result": {"sessionId": "s1"}}));
    assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "{:?}", script.out);
}
