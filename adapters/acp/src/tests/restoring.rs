//! Taking up a session of an earlier process: never silently another one.

use omi_adapter_sdk::{BindingSettings, Fidelity, McpServer, McpStdio, McpTransport, Output};
use serde_json::{Value, json};

use super::script::{Script, resume, resume_with, settings};

#[test]
fn a_session_is_resumed_where_the_agent_offers_it() {
    let capabilities = json!({"loadSession": true, "sessionCapabilities": {"resume": {}}});
    let mut script = Script::ready("{}", &capabilities);
    script.send(resume());
    assert_eq!(script.last_request()["method"], "session/resume");
    script.answers(&Value::Null);
    let Output::BindingOpened(opened) = &script.out[1] else { panic!("{:?}", script.out) };
    assert_eq!(opened.native_id, "s1");

    let mut script = Script::ready("{}", &capabilities);
    script.send(resume()).fails(-32601, "no such method");
    assert_eq!(script.last_request()["method"], "session/load", "it was offered and is not there");
}

#[test]
fn what_is_replayed_while_a_session_is_loaded_is_no_event() {
    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    script.send(resume());
    let load = script.last_request();
    assert_eq!((&load["method"], &load["params"]["sessionId"]), (&json!("session/load"), &json!("s1")));
    assert_eq!(script.says_text("what was said before").out, []);
    script.says(&json!({"id": load["id"], "result": null}));
    assert!(matches!(&script.out[1], Output::BindingOpened(_)), "{:?}", script.out);
    assert_eq!(script.says_text("and its tail").out, []);
}

#[test]
fn a_session_that_cannot_be_taken_up_is_stale() {
    let mut script = Script::ready("{}", &json!({}));
    assert_eq!(script.send(resume()).failure_code(), "stale resume_unsupported");
    for code in [-32002, -32602, -32603, -32601] {
        let mut script = Script::ready("{}", &json!({"loadSession": true}));
        script.send(resume()).fails(code, "no");
        assert_eq!(script.failure_code(), "stale session_not_restored");
    }
    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    script.send(resume()).fails(503, "later");
    assert_eq!(script.failure_code(), "retryable session_not_restored");
}

/// The only thing that the last step told the host of a binding: that it is open, and its fidelity.
fn opened(script: &Script) -> &omi_adapter_sdk::BindingOpened {
    match script.out.last() {
        Some(Output::BindingOpened(opened)) => opened,
        _ => panic!("{:?}", script.out),
    }
}

#[test]
fn how_a_session_is_taken_up_can_be_said() {
    let both = json!({"loadSession": true, "sessionCapabilities": {"resume": {}}});
    for (config, method) in [
        (r#"{"restore": "load"}"#, "session/load"),
        (r#"{"restore": "resume"}"#, "session/resume"),
        (r#"{"restore": "auto"}"#, "session/resume"),
    ] {
        let mut script = Script::ready(config, &both);
        assert_eq!(script.send(resume()).last_request()["method"], method, "{config}");
    }
    let mut script = Script::ready(r#"{"restore": "resume"}"#, &both);
    script.send(resume()).fails(-32601, "no such method");
    assert_eq!(script.failure_code(), "stale session_not_restored", "nothing else is tried");
    for config in [r#"{"restore": "never"}"#, r#"{"restore": "resume"}"#] {
        let mut script = Script::ready(config, &json!({"loadSession": true}));
        assert_eq!(script.send(resume()).failure_code(), "stale resume_unsupported");
        let script = Script::ready(config, &json!({"loadSession": true}));
        let mut script = script.opened();
        script.out = script.kit.open(2, "/work");
        script.answers(&json!({"sessionId": "s2"}));
        assert_eq!(opened(&script).fidelity, Fidelity::None, "it is known from the beginning");
    }
}

#[test]
fn a_load_that_fails_with_servers_is_tried_once_without_and_says_so() {
    let server = || {
        let stdio = McpStdio {
            command: "/bin/tools".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            extra: String::new(),
        };
        let transport = McpTransport::Stdio(stdio);
        McpServer { name: "tools".to_owned(), transport, extra: String::new() }
    };
    let with_servers = || resume_with(BindingSettings { mcp_servers: vec![server()], ..settings() });
    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    script.send(with_servers()).fails(-32602, "Invalid params");
    assert_eq!(script.last_request()["params"]["mcpServers"], json!([]));
    script.answers(&json!({}));
    assert_eq!(opened(&script).effective_mcp, [] as [String; 0]);

    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    script.send(with_servers()).fails(-32602, "Invalid params").fails(-32602, "Invalid params");
    assert_eq!(script.failure_code(), "stale session_not_restored");

    let mut script = Script::ready(r#"{"mcpServers": false}"#, &json!({"loadSession": true}));
    script.send(with_servers());
    assert_eq!(script.last_request()["params"]["mcpServers"], json!([]), "where an agent has none");
    script.answers(&json!({}));
    assert_eq!(opened(&script).effective_mcp, [] as [String; 0]);
}

#[test]
fn a_load_that_proves_nothing_is_believed_only_with_a_sign() {
    let config = r#"{"loadProvesNothing": true}"#;
    let listing = json!({"loadSession": true, "sessionCapabilities": {"resume": {}, "list": {}}});

    let mut script = Script::ready(config, &json!({"loadSession": true}));
    script.send(resume()).answers(&json!({}));
    assert_eq!(script.failure_code(), "stale session_not_restored");

    let mut script = Script::ready(config, &listing);
    let load = script.send(resume()).last_request();
    assert_eq!(load["method"], "session/load", "a resume would show nothing");
    script.says_text("what was said before").says(&json!({"id": load["id"], "result": {}}));
    assert_eq!(opened(&script).native_id, "s1");

    let mut script = Script::ready(config, &listing);
    script.send(resume()).answers(&json!({}));
    assert_eq!(script.last_request()["method"], "session/list");
    script.answers(&json!({"sessions": [{"sessionId": "s9"}], "nextCursor": "more"}));
    assert_eq!(script.last_request()["params"], json!({"cursor": "more"}));
    script.answers(&json!({"sessions": [{"sessionId": "s1"}]}));
    assert_eq!(opened(&script).native_id, "s1");

    for answer in [json!({"sessions": [{"sessionId": "s9"}]}), json!({}), Value::Null] {
        let mut script = Script::ready(config, &listing);
        script.send(resume()).answers(&json!({})).answers(&answer);
        assert_eq!(script.failure_code(), "stale session_not_restored", "{answer}");
    }
    let mut script = Script::ready(config, &listing);
    script.send(resume()).answers(&json!({})).fails(-32603, "no list");
    assert_eq!(script.failure_code(), "stale session_not_restored");
}
