//! Permission requests and cancellation, which meet.

use omi_adapter_sdk::testkit::{self, approval, cancel};
use omi_adapter_sdk::{
    CancelAnswer, Decision, OptionKind, Outcome, Output, RequestApproval, WithdrawRequest,
};
use serde_json::{Value, json};

use super::script::Script;

const PROMPT: u64 = 3;

/// The agent asks; the question that the host gets.
fn asks(script: &mut Script) -> RequestApproval {
    script.says(&json!({"id": "p-1", "method": "session/request_permission", "params": {
        "sessionId": "s1",
        "toolCall": {"toolCallId": "t", "title": "rm -r ."},
        "options": [
            {"optionId": "yes!", "name": "Always", "kind": "allow_always"},
            {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
            {"optionId": "yes", "name": "Yes again", "kind": "allow_once"},
            {"optionId": "ask", "name": "Ask a friend", "kind": "delegate"},
            {"optionId": "no", "name": "No", "kind": "reject_once"},
        ],
    }}));
    match script.out.last() {
        Some(Output::RequestApproval(request)) => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn outcome_written(script: &Script) -> Value {
    let answer = script.written().remove(0);
    assert_eq!(answer["id"], "p-1");
    answer["result"]["outcome"].clone()
}

fn ends(script: &mut Script, stop_reason: &str) -> Outcome {
    script.says(&json!({"id": PROMPT, "result": {"stopReason": stop_reason}}));
    testkit::outcome(&script.out).cloned().unwrap_or_else(|| panic!("the turn goes on: {:?}", script.out))
}

#[test]
fn a_permission_is_asked_for_and_the_answer_given_back() {
    let mut script = Script::prompted();
    let request = asks(&mut script);
    assert!(
        matches!(&script.events()[..], [omi_adapter_sdk::Event::ToolStarted(start)] if start.title == "rm -r .")
    );
    assert_eq!((request.title.as_str(), request.tool.as_deref()), ("rm -r .", Some("t")));
    let kinds: Vec<_> =
        request.options.iter().map(|option| (option.id.as_str(), option.kind.clone())).collect();
    assert_eq!(
        kinds,
        [
            ("yes!", OptionKind::AllowAlways),
            ("yes", OptionKind::AllowOnce),
            ("ask", OptionKind::Other("delegate".to_owned())),
            ("no", OptionKind::RejectOnce)
        ]
    );
    script.send(approval(request.request, Decision::Selected("yes".to_owned())));
    assert_eq!(outcome_written(&script), json!({"outcome": "selected", "optionId": "yes"}));
    assert_eq!(script.send(approval(request.request, Decision::Selected("yes".to_owned()))).out, [], "once");
    assert_eq!(ends(&mut script, "end_turn"), Outcome::succeeded("end_turn"));
}

#[test]
fn a_refusal_and_no_answer_choose_the_option_that_refuses() {
    for decision in [Decision::Rejected("no one to ask".to_owned()), Decision::Expired] {
        let mut script = Script::prompted();
        let request = asks(&mut script).request;
        script.send(approval(request, decision));
        assert_eq!(outcome_written(&script), json!({"outcome": "selected", "optionId": "no"}));
        assert_eq!(ends(&mut script, "cancelled"), Outcome::succeeded("cancelled"));
        let failed = script.events();
        assert!(
            matches!(&failed[..], [omi_adapter_sdk::Event::ToolFailed(it)] if it.error.code == "refused")
        );
    }
    let mut script = Script::prompted();
    let request = asks(&mut script).request;
    script.send(approval(request, Decision::Selected("not offered".to_owned())));
    assert_eq!(outcome_written(&script), json!({"outcome": "cancelled"}));
}

#[test]
fn a_cancel_answers_the_open_permission_first_and_again_later_ones() {
    let mut script = Script::prompted();
    let request = asks(&mut script).request;
    script.send(cancel(1));
    let written = script.written();
    assert_eq!(written[0]["result"]["outcome"], json!({"outcome": "cancelled"}));
    assert_eq!(
        (&written[1]["method"], &written[1]["params"]),
        (&json!("session/cancel"), &json!({"sessionId": "s1"}))
    );
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
    assert_eq!(script.out.last(), Some(&CancelAnswer::new(1, true, false).into()));
    let late = script.send(approval(request, Decision::Selected("yes".to_owned())));
    assert_eq!(late.out, [], "a late `allow` must not run the tool");
    script.says(&json!({"id": 8, "method": "session/request_permission", "params": {"sessionId": "s1",
        "toolCall": {"toolCallId": "u"}, "options": []}}));
    assert_eq!(script.written()[0]["result"]["outcome"], json!({"outcome": "cancelled"}));
    assert_eq!(ends(&mut script, "cancelled"), Outcome::Cancelled);
    let failed = script.events();
    assert!(matches!(&failed[..], [omi_adapter_sdk::Event::ToolFailed(it)] if it.error.code == "cancelled"));
}

#[test]
fn a_cancel_that_the_agent_lost_is_said_once_more() {
    let mut script = Script::prompted();
    script.send(cancel(1));
    assert_eq!(script.written()[0]["method"], "session/cancel");
    assert_eq!(script.says_text("I go on").written(), [] as [Value; 0], "it may not have read that far");
    script.out = script.kit.advance(999);
    assert_eq!(script.out, []);
    script.out = script.kit.advance(1);
    assert_eq!(script.written()[0]["method"], "session/cancel");
    script.out = script.kit.advance(60_000);
    assert_eq!(script.written(), [] as [Value; 0], "twice and no more");
    assert_eq!(ends(&mut script, "end_turn"), Outcome::Cancelled);
}

#[test]
fn a_turn_that_is_over_is_not_cancelled_again() {
    let mut script = Script::prompted();
    script.send(cancel(1));
    script.says_text("on its way");
    assert_eq!(ends(&mut script, "cancelled"), Outcome::Cancelled);
    script.out = script.kit.execute(2, 1, "next");
    script.out = script.kit.advance(60_000);
    assert_eq!(script.written(), [] as [Value; 0], "it would interrupt the next turn");
}

#[test]
fn after_a_cancel_these_ends_are_cancelled_and_others_are_what_they_are() {
    for code in [-32800, -32603] {
        let mut script = Script::prompted();
        script.send(cancel(1));
        script.says(&json!({"id": PROMPT, "error": {"code": code, "message": "aborted"}}));
        assert_eq!(testkit::outcome(&script.out), Some(&Outcome::Cancelled));
    }
    let mut script = Script::prompted();
    script.send(cancel(1));
    assert_eq!(ends(&mut script, "max_tokens"), Outcome::succeeded("max_tokens"));
}

#[test]
fn a_cancel_of_what_is_over_claims_nothing() {
    let mut script = Script::prompted();
    script.says_text("hi");
    ends(&mut script, "end_turn");
    let answer = CancelAnswer::new(1, false, false).because("the attempt is over");
    assert_eq!(script.send(cancel(1)).out, [answer.into()]);
}

#[test]
fn an_agent_may_take_its_question_back() {
    let mut script = Script::prompted();
    let request = asks(&mut script).request;
    script.says(&json!({"method": "$/cancel_request", "params": {"requestId": "p-1"}}));
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
    assert_eq!(outcome_written(&script), json!({"outcome": "cancelled"}));
}

#[test]
fn a_question_outside_of_a_turn_is_answered_cancelled() {
    let mut script = Script::open(&json!({}));
    script.says(&json!({"id": 1, "method": "session/request_permission", "params": {"sessionId": "s1"}}));
    assert_eq!(script.written()[0]["result"]["outcome"], json!({"outcome": "cancelled"}));
}

#[test]
fn a_turn_that_ends_takes_its_questions_back() {
    let mut script = Script::prompted();
    let request = asks(&mut script).request;
    ends(&mut script, "end_turn");
    assert!(script.out.contains(&WithdrawRequest::new(request).into()));
}
