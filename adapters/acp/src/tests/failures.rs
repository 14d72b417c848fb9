//! What agents report as success and is none, and what is left of an agent that breaks while it is cancelled.

use omi_adapter_sdk::Output;
use omi_adapter_sdk::testkit::cancel;
use serde_json::json;

use super::script::Script;

/// The number of the prompt in `Script::prompted`.
const PROMPT: u64 = 3;

const CONFIG: &str = r#"{"errorTexts": ["API Error:", "Provider said no"]}"#;

/// How a turn ends in which the agent says this and then `end_turn`.
fn outcome(texts: &[&str]) -> String {
    let mut script = Script::prompted_as(CONFIG);
    for (number, text) in texts.iter().enumerate() {
        script.updates(&json!({"sessionUpdate": "agent_message_chunk", "messageId": number.to_string(),
            "content": {"type": "text", "text": text}}));
    }
    script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn"}})).outcome()
}

#[test]
fn a_message_that_reports_a_failed_call_is_a_failure() {
    assert_eq!(outcome(&["API Error: 429 slow down"]), "retryable model_failed");
    assert_eq!(outcome(&["\n API Error: 500"]), "retryable model_failed");
    assert_eq!(outcome(&["API Error: 401 bad key"]), "auth-required key");
    assert_eq!(outcome(&["Provider said no"]), "fatal model_failed");
    assert_eq!(outcome(&["I begin.", "API Error: 429"]), "retryable model_failed", "the last message counts");
    assert_eq!(outcome(&["API Error: 429", "It works now."]), "succeeded end_turn");
    assert_eq!(outcome(&["It printed API Error: 429"]), "succeeded end_turn", "only at its beginning");
}

/// The agent calls a tool in the turn of `Script::prompted`.
fn runs_a_tool(script: &mut Script) {
    script.updates(
        &json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "rm x", "kind": "execute",
        "status": "completed"}),
    );
}

#[test]
fn a_turn_that_ran_a_tool_is_not_begun_again_whatever_its_error() {
    for (code, message, outcome) in [
        (-32000, "log in", "fatal auth_required"),
        (-32002, "x", "fatal session_not_found"),
        (-32603, "Unknown session s1", "fatal session_not_found"),
        (401, "no", "fatal auth_required"),
        (-32603, "429", "fatal agent_error"),
    ] {
        let mut script = Script::prompted();
        runs_a_tool(&mut script);
        script.says(&json!({"id": PROMPT, "error": {"code": code, "message": message}}));
        assert_eq!(script.outcome(), outcome, "{code} {message}");
    }
    for (error, outcome) in [("401 bad key", "fatal auth_required"), ("429", "fatal model_failed")] {
        let mut script = Script::prompted();
        runs_a_tool(&mut script);
        let meta = json!({"vendor.ai/errorMessage": error});
        script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn", "_meta": meta}}));
        assert_eq!(script.outcome(), outcome, "{error}");
    }
}

#[test]
fn a_message_in_pieces_is_one_message() {
    let mut script = Script::prompted_as(CONFIG);
    script.says_text("API Er").says_text("ror: 429");
    script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn"}}));
    assert_eq!(script.outcome(), "retryable model_failed");
}

#[test]
fn an_error_in_the_meta_of_an_answer_is_a_failure() {
    let mut script = Script::prompted();
    script.says_text("Hm.");
    let meta = json!({"vendor.ai/errorMessage": "429 slow down"});
    script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn", "_meta": meta}}));
    assert_eq!(script.outcome(), "retryable model_failed");
}

#[test]
fn a_prompt_that_the_agent_puts_aside_is_no_success_and_the_agent_is_replaced() {
    let mut script = Script::prompted();
    script.says_text("Queued for the next turn. (1 queued)");
    script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn"}}));
    assert_eq!(script.failure_code(), "retryable prompt_put_aside");
    assert!(matches!(script.out.last(), Some(Output::Fault(_))), "{:?}", script.out);
    script.kit.settled();
}

#[test]
fn an_agent_that_breaks_while_it_is_cancelled_is_replaced() {
    let mut script = Script::prompted();
    script.send(cancel(1));
    let error = json!({"code": -32603, "message": "Internal error",
        "data": {"details": "'NoneType' object has no attribute 'startswith'"}});
    script.says(&json!({"id": PROMPT, "error": error}));
    assert_eq!(script.failure_code(), "retryable agent_error", "it does not say that it stopped");
    let [.., Output::Kill(kill), Output::Fault(_)] = &script.out[..] else { panic!("{:?}", script.out) };
    assert_eq!(kill.process, super::script::AGENT, "and the next prompt gets a new process");

    for message in ["This operation was aborted", "Request cancelled", "interrupted by the user"] {
        let mut script = Script::prompted();
        script.send(cancel(1));
        script.says(&json!({"id": PROMPT, "error": {"code": -32603, "message": message}}));
        assert_eq!(script.outcome(), "cancelled", "{message}");
        assert!(!matches!(script.out.last(), Some(Output::Fault(_))), "{message}: {:?}", script.out);
    }
}

#[test]
fn an_error_of_a_prompt_that_nobody_cancelled_leaves_the_agent_alone() {
    let mut script = Script::prompted();
    script.says(&json!({"id": PROMPT, "error": {"code": -32603, "message": "Internal error"}}));
    assert_eq!(script.outcome(), "retryable agent_error");
    script.out = script.kit.execute(2, 1, "again");
    assert_eq!(script.last_request()["method"], "session/prompt");
}

#[test]
fn a_session_that_is_gone_at_the_prompt_is_stale() {
    for (code, message) in [(-32002, "x"), (-32001, "x"), (-32603, "Unknown session s1")] {
        let mut script = Script::prompted();
        script.says(&json!({"id": PROMPT, "error": {"code": code, "message": message}}));
        assert_eq!(script.outcome(), "stale session_not_found");
    }
}
