//! Answers that are none, or not whole: never a success, and tried again only where nothing was said.

use omi_adapter_sdk::testkit::{self, answer_text};
use omi_adapter_sdk::{HttpOutcome, Outcome, Output, PromptBlock, Why};

use super::script::{Script, execute, failure, stream};

/// How an attempt fails with this answer.
fn failed(status: u16, body: &str, end: HttpOutcome) -> (&'static str, String, String) {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.answers_with(op, status, &[("retry-after", "12")], body, end);
    let (kind, detail) = failure(&outputs);
    script.kit.settled();
    (kind, detail.code, detail.message)
}

#[test]
fn a_status_is_a_failure_with_the_words_of_the_server() {
    for (status, body, kind, code, word) in [
        (400, r#"{"error":{"message":"this model has no eyes"}}"#, "fatal", "request_refused", "no eyes"),
        (401, r#"{"error":{"message":"bad key"}}"#, "auth", "", "bad key"),
        (403, r#"{"error":{"message":"no access"}}"#, "fatal", "forbidden", "no access"),
        (404, r#"{"error":{"message":"model `x` not found"}}"#, "fatal", "not_found", "`only`"),
        (413, "", "fatal", "context_too_long", "contextChars"),
        (429, r#"{"error":{"message":"slow down"}}"#, "retryable", "rate_limited", "Retry-After: 12"),
        (500, r#"{"error":"no gpu"}"#, "retryable", "server_error", "no gpu"),
        (503, "busy", "retryable", "server_error", "busy"),
    ] {
        let (is, coded, message) = failed(status, body, HttpOutcome::Complete);
        assert_eq!((is, coded.as_str()), (kind, code), "{status}: {message}");
        assert!(message.contains(word), "{status}: {message}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_a_failure() {
    let none = stream(&[], None) + ": ping\n\ndata: {\"choices\":[]}\n\n";
    let some = stream(&["so"], None);
    let broken = || HttpOutcome::Failed("connection reset".to_owned());
    for (body, end, kind, code) in [
        (&none, HttpOutcome::Complete, "retryable", "stream_cut"),
        (&some, HttpOutcome::Complete, "fatal", "stream_cut"),
        (&none, broken(), "retryable", "stream_cut"),
        (&some, broken(), "fatal", "stream_cut"),
        (&none, HttpOutcome::TimedOut, "retryable", "request_timed_out"),
        (&some, HttpOutcome::TimedOut, "fatal", "request_timed_out"),
        (&some, HttpOutcome::Aborted, "fatal", "request_failed"),
    ] {
        let (is, coded, message) = failed(200, body, end.clone());
        assert_eq!((is, coded.as_str()), (kind, code), "{end:?}: {message}");
    }
    let (_, _, message) = failed(200, &some, HttpOutcome::TimedOut);
    assert!(message.contains("timeout-ms"), "{message}");
}

#[test]
fn a_server_that_is_gone_may_come_back() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let why = "no answer from `http://127.0.0.1:11434`: Connection refused".to_owned();
    let (kind, detail) = failure(&script.tell(testkit::http_end(op, HttpOutcome::Failed(why))));
    assert_eq!((kind, detail.code.as_str()), ("retryable", "request_failed"));
    assert!(detail.message.contains("hint: start the server"), "{detail:?}");
}

#[test]
fn an_end_without_an_answer_is_none() {
    let done = "data: [DONE]\n\n";
    for (body, code) in
        [("", "bad_answer"), ("<html>", "bad_answer"), ("{\"ok\":1}", "bad_answer"), (done, "bad_answer")]
    {
        let (kind, coded, message) = failed(200, body, HttpOutcome::Complete);
        assert_eq!((kind, coded.as_str()), ("fatal", code), "{body}: {message}");
    }
    let (kind, code, _) = failed(200, &(stream(&["so"], None) + done), HttpOutcome::Complete);
    assert_eq!((kind, code.as_str()), ("fatal", "stream_cut"), "a last event is no reason");
}

#[test]
fn a_word_for_the_end_can_be_a_failure() {
    for (word, kind, code) in [
        ("content_filter", "fatal", "content_filtered"),
        ("tool_calls", "fatal", "tool_calls"),
        ("function_call", "fatal", "tool_calls"),
        ("error", "fatal", "server_error"),
        ("abort", "fatal", "server_error"),
    ] {
        let (is, coded, message) = failed(200, &stream(&["so"], Some(word)), HttpOutcome::Complete);
        assert_eq!((is, coded.as_str()), (kind, code), "{word}: {message}");
    }
    assert_eq!(failed(200, &stream(&[], Some("error")), HttpOutcome::Complete).0, "retryable");
}

#[test]
fn an_error_in_the_stream_is_a_failure() {
    let error = r#"data: {"error":{"message":"out of memory","code":500}}"#.to_owned() + "\n\n";
    let some = stream(&["so"], None);
    let (kind, code, message) = failed(200, &error, HttpOutcome::Complete);
    assert_eq!((kind, code.as_str()), ("retryable", "server_error"));
    assert!(message.contains("out of memory"), "{message}");
    assert_eq!(failed(200, &(some.clone() + &error), HttpOutcome::Complete).0, "fatal");
    let whole = stream(&["so"], Some("stop"));
    assert_eq!(failed(200, &(error + &whole), HttpOutcome::Complete).1, "server_error", "whatever follows");
    assert_eq!(failed(200, r#"{"error":{"message":"no","code":400}}"#, HttpOutcome::Complete).0, "fatal");
}

#[test]
fn an_answer_without_a_word_is_none_but_for_thoughts_and_a_spent_limit() {
    for texts in [&[][..], &[" \n"]] {
        let (kind, code, message) = failed(200, &stream(texts, Some("stop")), HttpOutcome::Complete);
        assert_eq!((kind, code.as_str()), ("fatal", "empty_turn"), "{message}");
    }
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n".to_owned();
    for body in [stream(&[], Some("length")), thought + &stream(&[], Some("stop"))] {
        let mut script = Script::started("{}");
        let (op, _) = script.asks(1, "hello");
        let outputs = script.answers(op, 200, &body);
        assert!(matches!(testkit::outcome(&outputs), Some(Outcome::Succeeded(_))), "{outputs:?}");
    }
}

#[test]
fn a_refusal_is_told_and_is_no_success() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let body = "data: {\"choices\":[{\"delta\":{\"refusal\":\"I won't\"},\"finish_reason\":\"stop\"}]}\n\n";
    let outputs = script.answers(op, 200, body);
    assert_eq!(answer_text(&outputs), "I won't");
    assert_eq!(failure(&outputs).1.code, "model_refused");
}

#[test]
fn silence_is_a_failure_and_every_byte_breaks_it() {
    for (said, kind) in [(": ping\n\n".to_owned(), "retryable"), (stream(&["so"], None), "fatal")] {
        let mut script = Script::started(r#"{"silenceMs": 1000}"#);
        let (op, _) = script.asks(1, "hello");
        assert_eq!(testkit::outcome(&script.kit.advance(900)), None);
        script.tell(testkit::http_head(op, 200));
        assert_eq!(testkit::outcome(&script.kit.advance(900)), None);
        script.tell(testkit::http_body(op, &said));
        assert_eq!(testkit::outcome(&script.kit.advance(999)), None);
        let outputs = script.kit.advance(1);
        let (is, detail) = failure(&outputs);
        assert_eq!((is, detail.code.as_str()), (kind, "silent"), "{detail:?}");
        assert!(outputs.contains(&Output::HttpAbort(op)), "{outputs:?}");
        script.kit.settled();
    }
}

#[test]
fn a_request_that_is_not_sent_fails_with_the_words_of_the_host() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.tell(testkit::refused(op, Why::Denied("the grant was revoked".to_owned())));
    let (kind, detail) = failure(&outputs);
    assert!(kind == "fatal" && detail.message.contains("the grant was revoked"), "{detail:?}");
    script.kit.settled();
}

#[test]
fn what_is_not_there_is_stale() {
    let mut script = Script::started("{}");
    let outputs = script.tell(execute(1, 9, 1, vec![PromptBlock::Text("hi".to_owned())], None));
    assert_eq!(failure(&outputs).0, "stale");
}

#[test]
fn a_stop_and_a_close_end_what_runs() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.tell(testkit::close(1));
    assert!(outputs.contains(&Output::HttpAbort(op)), "{outputs:?}");
    assert_eq!(failure(&outputs).1.code, "binding_closed");
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.kit.stop();
    assert!(outputs.contains(&Output::HttpAbort(op)), "{outputs:?}");
    assert_eq!(failure(&outputs).1.code, "stopped");
    let outputs = script.tell(execute(2, 1, 2, vec![PromptBlock::Text("hi".to_owned())], None));
    assert_eq!(failure(&outputs).1.code, "stopped");
    script.kit.settled();
}
