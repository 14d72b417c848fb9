//! What is read from a client of v1, and what it is told.

use omi_kernel::command::RunMode;
use omi_kernel::event::EventKind;
use omi_store::{AttemptView, RunView};
use serde_json::{Value, json};

use super::*;
use crate::client::{LiveKind, LiveText, Once};
use crate::prompt::Prompt;
use crate::wire::tests::event;
use crate::wire::{Correlation, Ended, Line, Unread, about_run};

fn v1(line: &Value) -> Inbound {
    match crate::wire::read(&line.to_string()).unwrap() {
        Line::V1(inbound) => *inbound,
        Line::Request(_) | Line::Stop { .. } => panic!("not v1: {line}"),
    }
}

fn unread(line: &Value) -> Unread {
    *crate::wire::read(&line.to_string()).unwrap_err()
}

fn prompt(query: &Value) -> Prompt {
    match v1(query).what {
        What::Query(query) => query.prompt(address("r".to_owned())).unwrap(),
        other => panic!("no query: {other:?}"),
    }
}

fn correlation() -> Correlation {
    Correlation::new(address("r".to_owned()))
}

#[test]
fn a_line_without_a_version_or_with_1_is_of_v1_and_unknown_fields_are_no_mistake() {
    for version in [json!(null), json!(1)] {
        let query = v1(
            &json!({ "type": "query", "id": "a", "prompt": "hi", "colour": "red", "protocolVersion": version,
            "ownerId": "me" }),
        );
        assert_eq!((query.id.as_deref(), query.owner.as_deref()), (Some("a"), Some("me")));
    }
    let both = v1(&json!({ "type": "interrupt", "id": "a", "requestId": "b" }));
    assert_eq!(both.id.as_deref(), Some("b"), "the newer name counts");
    assert_eq!(v1(&json!({ "type": "interrupt", "id": null })).id, None);
}

#[test]
fn a_query_means_a_session_by_its_old_name() {
    let prompt = |query: Value| prompt(&query);
    let all = prompt(
        json!({ "type": "query", "id": "a", "prompt": "hi", "sessionKey": "k", "resume": "native-1",
        "systemPrompt": "s", "cwd": "/x", "mode": "ask", "model": "m", "adapterId": "echo", "imageBase64": "iVBO" }),
    );
    assert_eq!((all.client.as_str(), all.surface.as_str()), ("legacy-jsonl-client", "legacy_jsonl"));
    assert_eq!(all.session.legacy, Some(("default".to_owned(), "k".to_owned())));
    assert_eq!((all.session.id, all.session.external), (None, None));
    assert_eq!(all.legacy_adapter_session_id.as_deref(), Some("native-1"), "and nothing else");
    assert_eq!((all.mode, all.blocks.len()), (RunMode::Ask, 2));
    assert_eq!((all.adapter.as_deref(), all.model.as_deref()), (Some("echo"), Some("m")));
    let key = |query: Value| prompt(query).session.legacy.unwrap().1;
    assert_eq!(key(json!({ "type": "query", "prompt": "hi", "model": "m" })), "m");
    assert_eq!(key(json!({ "type": "query", "prompt": "hi" })), "default");
    assert_eq!(prompt(json!({ "type": "query", "prompt": "hi", "mode": null })).mode, RunMode::Act);
}

#[test]
fn what_v1_does_not_have_is_named_with_the_version_that_has_it() {
    let unknown = unread(&json!({ "type": "subscribe" }));
    assert_eq!(unknown.address.version, Version::V1);
    assert!(unknown.error.message.contains("`subscribe`; hint: `protocolVersion` 2"), "{unknown:?}");
    assert!(unread(&json!({ "type": "query" })).error.message.contains("`prompt`"));
    assert!(unread(&json!({ "type": "query", "prompt": "hi", "id": 7 })).error.message.contains("`id`"));
    assert!(unread(&json!({ "type": "authenticate" })).error.message.contains("`methodId`"));
    assert!(unread(&json!({ "type": "invalidate_session" })).error.message.contains("`sessionKey`"));
}

#[test]
fn nothing_says_whose_it_is() {
    let said = |kind: EventKind, payload: Value| {
        let event = event(kind, payload);
        correlation().of(&event).message(Some(&event), about_run(&event).unwrap())
    };
    assert!(said(EventKind::RunRunning, json!({})).is_none());
    let asked = json!({ "request": 1, "title": "t", "options": [] });
    assert!(said(EventKind::ApprovalRequested, asked).is_none());
    assert!(correlation().ack().is_none() && correlation().accepted(true).is_none());
    assert!(correlation().cancel_ack(None).is_none());
    let error = correlation().error(&WireError::invalid("no")).unwrap();
    assert_eq!(json!(error), json!({ "type": "error", "message": "no" }));
    let event = event(EventKind::MessageDelta, json!({ "message": "m", "offset": 0, "text": "hello" }));
    let recorded = correlation().of(&event).recorded(&event, "lo").unwrap();
    assert_eq!(json!(recorded), json!({ "type": "text_delta", "text": "lo" }));
    let live = LiveText {
        session: event.session_id,
        run: event.run_id.unwrap(),
        attempt: event.attempt_id.unwrap(),
        request: "r".into(),
        cursor: event.cursor,
        sequence: 1,
        kind: LiveKind::Thought,
        text: "hm".to_owned(),
        once: Once::default(),
    };
    assert_eq!(json!(correlation().live(&live, "hm")), json!({ "type": "thinking_delta", "text": "hm" }));
}

#[test]
fn a_tool_is_shown_with_its_bare_input_and_without_progress() {
    let mut calls = crate::wire::ToolCalls::default();
    let mut said = |kind: EventKind, payload: Value| {
        let event = event(kind, payload);
        let (activity, shown) = calls.told(&event);
        let message = |said| correlation().message(Some(&event), said);
        (json!(activity.and_then(message)), json!(shown.and_then(message)))
    };
    let input = json!({ "type": "json", "value": { "path": "/x" } });
    let started = said(EventKind::ToolStarted, json!({ "toolUseId": "t", "name": "Read", "input": input }));
    let expected = json!({ "type": "tool_activity", "name": "Read", "status": "started", "toolUseId": "t",
        "input": { "path": "/x" } });
    assert_eq!(started, (expected, Value::Null));
    assert_eq!(said(EventKind::ToolUpdated, json!({ "toolUseId": "t" })).0, Value::Null);
    let output = json!({ "type": "text", "text": "out" });
    let (done, shown) = said(EventKind::ToolCompleted, json!({ "toolUseId": "t", "output": output }));
    assert_eq!(
        done,
        json!({ "type": "tool_activity", "name": "Read", "status": "completed", "toolUseId": "t" })
    );
    let expected =
        json!({ "type": "tool_result_display", "toolUseId": "t", "name": "Read", "output": "out" });
    assert_eq!(shown, expected);
}

/// A run that is over, of one attempt with a native session, as the record has it.
fn ended(status: &str, error: Option<&str>) -> Ended {
    let (code, message) = (error.map(str::to_owned), error.map(|error| format!("it was {error}")));
    let attempt = AttemptView {
        attempt_id: "att_1".to_owned(),
        adapter_session_id: Some("native-1".to_owned()),
        adapter_id: "other".to_owned(),
        retryable: true,
        ..AttemptView::default()
    };
    let run = RunView {
        session_id: "ses_1".to_owned(),
        adapter_id: "echo".to_owned(),
        status: status.to_owned(),
        final_text: Some("hello".to_owned()),
        error_code: code,
        error_message: message,
        input_tokens: Some(3),
        attempts: vec![attempt],
        ..RunView::default()
    };
    Ended { run, artifacts: vec![] }
}

#[test]
fn an_end_has_the_native_session_and_only_what_is_known() {
    for status in ["succeeded", "cancelled"] {
        let result = json!(correlation().result(None, ended(status, None)));
        let expected = json!({ "type": "result", "text": "hello", "sessionId": "native-1",
            "terminalStatus": status, "inputTokens": 3 });
        assert_eq!(result, expected);
    }
}

#[test]
fn whatever_did_not_succeed_is_an_error() {
    for status in ["failed", "timed_out", "orphaned", "what"] {
        let error = json!(correlation().result(None, ended(status, Some("bad"))));
        let expected = json!({ "type": "error", "message": "it was bad", "failure": { "code": "bad",
            "userMessage": "it was bad", "adapterId": "other", "retryable": true } });
        assert_eq!(error, expected);
        let bare = json!(correlation().result(None, ended(status, None)));
        assert_eq!(bare, json!({ "type": "error", "message": format!("the run is {status}") }));
    }
}
