//! Logging in: by itself where that is configured, by a person else, and what an agent does with it.

use omi_adapter_sdk::{Input, Output, testkit};
use serde_json::json;

use super::script::{Script, open, resume, settings};

#[test]
fn a_session_that_needs_a_login_lists_the_ways_or_tries_the_configured_one_once() {
    let mut script = Script::ready("{}", &json!({}));
    script.send(open(settings())).fails(-32000, "log in");
    assert_eq!(script.failure_code(), "auth-required key");

    let mut script = Script::ready(r#"{"authMethod": "key"}"#, &json!({}));
    script.send(open(settings())).fails(-32000, "log in");
    assert_eq!(script.last_request()["params"], json!({"methodId": "key"}));
    script.answers(&json!({}));
    assert_eq!(script.last_request()["method"], "session/new");
    script.answers(&json!({"sessionId": "s1"}));
    assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "{:?}", script.out);

    let mut script = Script::ready(r#"{"authMethod": "key"}"#, &json!({"loadSession": true}));
    script.send(resume()).fails(-32000, "log in").answers(&json!({}));
    assert_eq!(script.last_request()["method"], "session/load");

    let mut script = Script::ready(r#"{"authMethod": "key"}"#, &json!({}));
    script.send(open(settings())).fails(-32000, "log in").fails(-32603, "wrong key");
    assert_eq!(script.failure_code(), "auth-required key");
}

#[test]
fn an_agent_that_does_not_use_the_log_in_it_took_is_started_again() {
    let mut script = Script::ready(r#"{"authMethod": "key"}"#, &json!({}));
    script.send(open(settings())).fails(-32000, "log in").answers(&json!({})).fails(-32000, "log in");
    assert_eq!(script.failure_code(), "retryable login_needs_restart");
    assert!(matches!(&script.out[..], [Output::ClearTimer(_), Output::Kill(_), Output::Fault(_)]));

    let mut script = Script::ready("{}", &json!({}));
    script.send(log_in()).answers(&json!({}));
    script.send(open(settings())).fails(-32000, "log in");
    assert_eq!(script.failure_code(), "retryable login_needs_restart", "also when a person chose it");

    let mut script = Script::ready(r#"{"loginNeedsRestart": true}"#, &json!({}));
    script.send(log_in()).answers(&json!({}));
    assert_eq!(script.failure_code(), "retryable login_needs_restart", "at once where it is known");
}

#[test]
fn a_log_in_that_was_used_once_and_is_wanted_again_is_a_persons() {
    let mut script = Script::ready(r#"{"authMethod": "key"}"#, &json!({}));
    script.send(open(settings())).fails(-32000, "log in").answers(&json!({}));
    script.answers(&json!({"sessionId": "s1"}));
    script.out = script.kit.execute(1, 1, "hi");
    script.fails(-32000, "it has run out");
    assert_eq!(script.outcome(), "auth-required key");
}

#[test]
fn a_prompt_that_needs_a_login_is_sent_again_after_the_configured_one() {
    let mut script = Script::prompted_as(r#"{"authMethod": "key"}"#);
    let first = script.last_request()["params"].clone();
    script.fails(-32000, "log in");
    assert_eq!(script.last_request()["params"], json!({"methodId": "key"}));
    let again = script.answers(&json!({})).last_request();
    assert_eq!((&again["method"], &again["params"]), (&json!("session/prompt"), &first));
    script.says_text("hi").says(&json!({"id": again["id"], "result": {"stopReason": "end_turn"}}));
    assert_eq!(script.outcome(), "succeeded end_turn");

    let mut script = Script::prompted_as(r#"{"authMethod": "key"}"#);
    let prompt = script.last_request()["id"].clone();
    script.says_text("half");
    script.says(&json!({"id": prompt, "error": {"code": -32000, "message": "log in"}}));
    assert_eq!(script.outcome(), "auth-required key", "what was begun is not begun again");

    let mut script = Script::prompted_as(r#"{"authMethod": "key"}"#);
    script.fails(-32000, "log in").fails(-32000, "wrong key");
    assert_eq!(script.outcome(), "auth-required key");
}

#[test]
fn a_log_in_in_a_terminal_is_described_and_never_run() {
    let mut script = Script::started("{}");
    script.says(&json!({"id": 1, "result": {"protocolVersion": 1, "authMethods": [
        {"id": "tty", "name": "Log in", "type": "terminal", "args": ["login"]}]}}));
    script.send(open(settings())).fails(-32000, "log in");
    let Output::BindingFailed(failed) = &script.out[1] else { panic!("{:?}", script.out) };
    let omi_adapter_sdk::Failure::AuthRequired(wanted) = &failed.failure else { panic!("{failed:?}") };
    let methods = &wanted.methods;
    assert_eq!(
        methods[0].description,
        "run the agent's command with `login` added in a terminal, then choose this"
    );
    script.send(testkit::authenticate("tty"));
    assert_eq!(script.written(), [] as [serde_json::Value; 0], "the agent is not asked");
    assert_eq!(script.failure_code(), "retryable login_in_terminal", "its next process knows");
}

#[test]
fn an_agent_that_wants_a_login_before_it_starts_gets_one() {
    let mut script = Script::started("{}");
    script.says(&json!({"id": 1, "error": {"code": -32000, "message": "no", "data": {"authMethods": [{"id": "web"}]}}}));
    let Output::AuthRequired(required) = &script.out[1] else { panic!("{:?}", script.out) };
    assert_eq!(required.methods[0].id, "web");
    let method = "web".to_owned();
    script.send(Input::Authenticate(omi_adapter_sdk::Authenticate { method, extra: String::new() }));
    script.answers(&json!({}));
    assert_eq!(script.last_request()["method"], "initialize");
    script.answers(&json!({"protocolVersion": 1}));
    assert!(matches!(&script.out[1], Output::Ready(_)), "{:?}", script.out);
}

fn log_in() -> Input {
    Input::Authenticate(omi_adapter_sdk::Authenticate { method: "key".to_owned(), extra: String::new() })
}

#[test]
fn a_login_that_fails_or_takes_too_long_lists_the_ways_again() {
    let mut script = Script::ready(r#"{"sessionTimeoutMs": 500}"#, &json!({}));
    script.send(log_in()).fails(-32000, "wrong key");
    let Output::AuthRequired(refused) = &script.out[1] else { panic!("{:?}", script.out) };
    assert_eq!((refused.methods[0].id.as_str(), refused.message.as_str()), ("key", "wrong key"));

    script.send(log_in());
    script.out = script.kit.advance(500);
    let [Output::AuthRequired(late)] = &script.out[..] else { panic!("{:?}", script.out) };
    assert_eq!(late.methods[0].id, "key");
    assert!(late.message.contains("500 ms"), "{late:?}");
}

#[test]
fn an_agent_that_runs_is_ready_again_after_a_login() {
    let mut script = Script::ready("{}", &json!({}));
    script.send(log_in());
    assert_eq!(script.last_request()["params"], json!({"methodId": "key"}));
    script.answers(&json!({}));
    let [Output::ClearTimer(_), Output::Ready(ready)] = &script.out[..] else { panic!("{:?}", script.out) };
    assert_eq!(ready.runtime, "scripted 1.0");
}
