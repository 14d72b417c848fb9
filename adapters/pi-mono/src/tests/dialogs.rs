//! Dialogs: the gate's questions, those of other extensions, and that each is answered.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{
    Answer, Decision, Event, ExecuteAttempt, Input, McpServer, McpStdio, McpTransport, OptionKind, Output,
    PromptBlock, RunMode,
};
use serde_json::{Value, json};

use super::script::Script;

fn asked(script: &Script) -> (u32, String, String) {
    match script.out.last() {
        Some(Output::RequestInput(request)) => {
            (request.request, request.prompt.clone(), request.schema.clone())
        }
        other => panic!("nothing is asked: {other:?}"),
    }
}

fn answer(script: &Script, id: &str) -> Value {
    match &script.written()[..] {
        [answer] if answer["id"] == id && answer["type"] == "extension_ui_response" => answer.clone(),
        other => panic!("one answer to {id} is expected: {other:?}"),
    }
}

#[test]
fn a_question_of_the_gate_is_an_approval() {
    let mut script = Script::prompted("1.5.2");
    script.gate_asks("d1", "t1");
    let question = testkit::approval_asked(&script.out);
    assert_eq!((question.title.as_str(), question.tool.as_deref()), ("bash: rm x", Some("t1")));
    let kinds: Vec<_> = question.options.iter().map(|option| option.kind.clone()).collect();
    assert_eq!(kinds, [OptionKind::AllowOnce, OptionKind::RejectOnce]);
    assert!(question.details.contains("rm x"));
    let request = question.request;
    script.send(testkit::approval(request, Decision::Selected("allow".to_owned())));
    assert_eq!(answer(&script, "d1")["value"], "allow");
}

#[test]
fn our_extension_is_told_how_the_tools_of_the_host_are_reached_and_nobody_else_is_asked() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.asks("t1", "input", json!({"title": "omi-tools:"}));
    assert_eq!(answer(&script, "t1")["cancelled"], true, "there are none");
    let env = [("OMI_MCP_SOCKET", "/run/omi/mcp"), ("OMI_MCP_HANDLE", "0123")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (command, args) = ("/opt/omi-agentd".to_owned(), vec!["mcp-shim".to_owned()]);
    let stdio = McpStdio { command, args, env, extra: String::new() };
    let server =
        McpServer { name: "omi".to_owned(), transport: McpTransport::Stdio(stdio), extra: String::new() };
    let mut script = Script::open_for("1.5.2", vec![server]);
    script.asks("t2", "input", json!({"title": "omi-tools:"}));
    let told: Value = serde_json::from_str(answer(&script, "t2")["value"].as_str().unwrap()).unwrap();
    assert_eq!(told, json!({"OMI_MCP_SOCKET": "/run/omi/mcp", "OMI_MCP_HANDLE": "0123"}));
    assert!(!script.out.iter().any(|output| matches!(output, Output::RequestInput(_))));
}

#[test]
fn everything_but_allow_refuses_and_the_tool_says_so() {
    for decision in [
        Decision::Selected("refuse".to_owned()),
        Decision::Selected("something else".to_owned()),
        Decision::Rejected("nobody to ask".to_owned()),
        Decision::Expired,
    ] {
        let mut script = Script::prompted("1.5.2");
        script.gate_asks("d1", "t1");
        let request = testkit::approval_asked(&script.out).request;
        script.send(testkit::approval(request, decision));
        assert_eq!(answer(&script, "d1")["value"], "refuse");
        script.says(&json!({"type": "tool_execution_end", "toolCallId": "t1", "isError": true,
            "result": {"content": [{"type": "text", "text": "It was not allowed."}]}}));
        let [Event::ToolFailed(failed)] = &script.events()[..] else { panic!("{:?}", script.out) };
        assert_eq!(failed.error.code, "refused");
    }
}

#[test]
fn a_run_that_may_change_nothing_gets_no_tool_that_asks() {
    let execute = |attempt| {
        Input::ExecuteAttempt(ExecuteAttempt {
            attempt,
            binding: 1,
            omi_session: String::new(),
            omi_run: String::new(),
            omi_attempt: String::new(),
            number: 1,
            prompt: vec![PromptBlock::Text("look".to_owned())],
            mode: RunMode::Ask,
            model: None,
            tools: Vec::new(),
            extra: String::new(),
        })
    };
    let mut script = Script::open_with("{}", "1.5.2");
    script.send(execute(1)).answers(&json!({"disposition": "started"})).says(&json!({"type": "agent_start"}));
    script.gate_asks("d1", "t1");
    assert_eq!(answer(&script, "d1")["value"], "refuse");
    assert!(!script.out.iter().any(|output| matches!(output, Output::RequestApproval(_))));
    let mut script = Script::open_with(r#"{"gate": "off"}"#, "1.5.2");
    script.send(execute(1));
    assert_eq!(script.ended(), "fatal mode_unsupported", "nothing would hold pi back");
}

#[test]
fn what_other_extensions_ask_is_a_request_for_information() {
    let mut script = Script::prompted("1.5.2");
    script.asks("d1", "select", json!({"title": "Which?", "options": ["a", "b"]}));
    let (request, prompt, schema) = asked(&script);
    let schema: Value = serde_json::from_str(&schema).expect("a schema is JSON");
    assert_eq!((prompt.as_str(), schema), ("Which?", json!({"type": "string", "enum": ["a", "b"]})));
    script.send(testkit::provided(request, Answer::Provided("\"b\"".to_owned())));
    assert_eq!(answer(&script, "d1")["value"], "b");

    script.asks("d2", "confirm", json!({"title": "Sure?", "message": "All is lost."}));
    let (request, prompt, _) = asked(&script);
    assert_eq!(prompt, "Sure?\nAll is lost.");
    script.send(testkit::provided(request, Answer::Provided("false".to_owned())));
    assert_eq!(answer(&script, "d2")["confirmed"], false);

    script.asks("d3", "editor", json!({"title": "Edit", "prefill": "x"}));
    let (request, _, schema) = asked(&script);
    assert!(schema.contains("\"default\":\"x\""));
    script.send(testkit::provided(request, Answer::Provided("\"y\"".to_owned())));
    assert_eq!(answer(&script, "d3")["value"], "y");
}

#[test]
fn no_answer_and_one_that_does_not_fit_are_cancelled() {
    for answered in [
        Answer::Declined,
        Answer::Cancelled,
        Answer::Expired,
        Answer::Provided("\"c\"".to_owned()),
        Answer::Provided("7".to_owned()),
        Answer::Provided("not JSON".to_owned()),
    ] {
        let mut script = Script::prompted("1.5.2");
        script.asks("d1", "select", json!({"title": "Which?", "options": ["a", "b"]}));
        let (request, _, _) = asked(&script);
        script.send(testkit::provided(request, answered));
        assert_eq!(answer(&script, "d1")["cancelled"], true);
    }
}

#[test]
fn a_dialog_that_pi_answers_itself_is_taken_back() {
    let mut script = Script::prompted("1.5.2");
    script.asks("d1", "input", json!({"title": "Name?", "timeout": 1500}));
    let (request, _, _) = asked(&script);
    script.out = script.kit.advance(1500);
    assert!(
        matches!(&script.out[..], [Output::WithdrawRequest(taken)] if taken.request == request),
        "{:?}",
        script.out
    );
}

#[test]
fn a_dialog_outside_of_a_turn_is_cancelled_and_a_notice_needs_no_answer() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.asks("d1", "confirm", json!({"title": "Trust this folder?"}));
    assert_eq!(answer(&script, "d1")["cancelled"], true);
    assert_eq!(script.asks("d2", "setStatus", json!({"statusKey": "x"})).out, []);
    let mut script = Script::prompted("1.5.2");
    script.asks("d3", "notify", json!({"message": "done"}));
    assert!(matches!(&script.events()[..], [Event::Progress(progress)] if progress.text == "done"));
    assert_eq!(script.out.len(), 1);
}

#[test]
fn what_is_open_when_the_turn_ends_is_answered_and_taken_back() {
    let mut script = Script::prompted("1.5.2");
    script.gate_asks("d1", "t1").says(&json!({"type": "agent_settled"}));
    assert_eq!(answer(&script, "d1")["cancelled"], true);
    assert!(script.out.iter().any(|output| matches!(output, Output::WithdrawRequest(_))));
    assert_ne!(script.ended(), "goes on");
    script.kit.settled();
}
