//! Questions of the agent to a person: forms and pages.

use omi_adapter_sdk::testkit::{cancel, provided};
use omi_adapter_sdk::{Answer, Output, RequestInput, WithdrawRequest};
use serde_json::{Value, json};

use super::script::Script;

fn form() -> Value {
    json!({"mode": "form", "message": "Which colour?", "requestedSchema": {"type": "object",
        "properties": {"colour": {"type": "string"}}, "required": ["colour"]}})
}

fn page() -> Value {
    json!({"mode": "url", "message": "Sign there", "elicitationId": "e1", "url": "https://example.com/sign"})
}

/// The agent asks; the question that the host gets.
fn asks(script: &mut Script, params: Value) -> RequestInput {
    script.asks("q", "elicitation/create", params);
    match script.out.last() {
        Some(Output::RequestInput(request)) => request.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_is_asked_on_and_its_answer_given_back() {
    let mut script = Script::prompted();
    let request = asks(&mut script, form());
    assert_eq!((request.attempt, request.prompt.as_str(), request.url), (1, "Which colour?", None));
    let schema: Value = serde_json::from_str(&request.schema).expect("a JSON Schema");
    assert_eq!(schema["properties"]["colour"]["type"], "string");
    script.send(provided(request.request, Answer::Provided(r#"{"colour":"blue"}"#.to_owned())));
    assert_eq!(script.result("q"), json!({"action": "accept", "content": {"colour": "blue"}}));
    let again = script.send(provided(request.request, Answer::Declined));
    assert_eq!(again.out, [], "once");
}

#[test]
fn a_form_of_one_field_may_be_answered_with_that_field() {
    let mut script = Script::prompted();
    let request = asks(&mut script, form()).request;
    script.send(provided(request, Answer::Provided(r#""blue""#.to_owned())));
    assert_eq!(script.result("q"), json!({"action": "accept", "content": {"colour": "blue"}}));
    let two = json!({"message": "?", "requestedSchema": {"properties": {"a": {}, "b": {}}}});
    let request = asks(&mut script, two).request;
    script.send(provided(request, Answer::Provided(r#""blue""#.to_owned())));
    assert_eq!(script.result("q"), json!({"action": "decline"}), "which of them is not known");
}

#[test]
fn who_does_not_answer_declines_or_cancels() {
    for (answer, action) in
        [(Answer::Declined, "decline"), (Answer::Cancelled, "cancel"), (Answer::Expired, "cancel")]
    {
        let mut script = Script::prompted();
        let request = asks(&mut script, form()).request;
        script.send(provided(request, answer));
        assert_eq!(script.result("q"), json!({ "action": action }));
    }
}

#[test]
fn a_page_is_shown_and_done_when_the_person_or_the_agent_says_so() {
    let mut script = Script::prompted();
    let request = asks(&mut script, page());
    assert_eq!((request.url.as_deref(), request.schema.as_str()), (Some("https://example.com/sign"), ""));
    script.send(provided(request.request, Answer::Provided("true".to_owned())));
    assert_eq!(script.result("q"), json!({"action": "accept"}));

    let request = asks(&mut script, page()).request;
    script.says(&json!({"method": "elicitation/complete", "params": {"elicitationId": "e2"}}));
    assert_eq!(script.out, [], "that is another one");
    script.says(&json!({"method": "elicitation/complete", "params": {"elicitationId": "e1"}}));
    assert_eq!(script.result("q"), json!({"action": "accept"}));
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
}

#[test]
fn what_cannot_be_asked_is_an_error_and_what_nobody_waits_for_is_cancelled() {
    let mut script = Script::prompted();
    for params in [
        json!({"mode": "form", "message": "?"}),
        json!({"mode": "url", "message": "?", "url": "javascript:alert(1)"}),
        json!({"mode": "dance", "message": "?"}),
    ] {
        script.asks("q", "elicitation/create", params);
        assert_eq!(script.error("q").0, -32602);
    }
    let mut script = Script::open(&json!({}));
    script.asks("q", "elicitation/create", form());
    assert_eq!(script.result("q"), json!({"action": "cancel"}));
    script.says(&json!({"id": "q", "method": "elicitation/create",
        "params": {"requestId": 2, "message": "?", "requestedSchema": {"properties": {}}}}));
    assert_eq!(script.result("q"), json!({"action": "cancel"}), "it is about no session");
}

#[test]
fn a_cancel_the_end_of_the_turn_and_the_agent_itself_take_a_question_back() {
    let mut script = Script::prompted();
    let request = asks(&mut script, form()).request;
    script.send(cancel(1));
    assert_eq!(script.result("q"), json!({"action": "cancel"}));
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
    let late = script.send(provided(request, Answer::Provided("{}".to_owned())));
    assert_eq!(late.out, [], "a late answer goes nowhere");

    let mut script = Script::prompted();
    let request = asks(&mut script, form()).request;
    script.says(&json!({"method": "$/cancel_request", "params": {"requestId": "q"}}));
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));

    let mut script = Script::prompted();
    let request = asks(&mut script, form()).request;
    script.says(&json!({"id": 3, "result": {"stopReason": "max_tokens"}}));
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
}
