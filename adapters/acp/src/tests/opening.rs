//! Starting an agent, and opening, resuming and loading sessions.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{BindingSettings, Fidelity, McpRemote, McpServer, McpStdio, McpTransport, Output, Why};
use serde_json::{Value, json};

use super::script::{AGENT, Script, messages, open, resume_with, settings};

#[test]
fn the_agent_is_started_and_initialized_without_files_and_terminals() {
    let mut kit = testkit::TestKit::<crate::Acp>::new();
    let out = kit.start("");
    assert!(matches!(&out[0], Output::Spawn(spawn) if spawn.grant == "agent"), "{out:?}");
    let params = messages(&kit.send(testkit::spawned(AGENT)))[0]["params"].clone();
    assert_eq!(params["protocolVersion"], 1);
    assert_ne!(params["clientCapabilities"]["terminal"], true);
    assert_ne!(params["clientCapabilities"]["fs"]["readTextFile"], true);
    assert_eq!(params["clientInfo"]["name"], "omi-agentd");
    let script = Script::ready("{}", &json!({}));
    assert!(
        matches!(&script.out[1], Output::Ready(ready) if ready.runtime == "scripted 1.0"),
        "{:?}",
        script.out
    );
}

#[test]
fn another_version_is_refused_however_it_is_written() {
    for version in [json!(2), json!("1"), json!(99), Value::Null] {
        let mut script = Script::started("{}");
        script.says(&json!({"id": 1, "result": {"protocolVersion": version}}));
        assert_eq!(script.failure_code(), "fatal protocol_version");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_a_fault_that_names_it() {
    let mut kit = testkit::TestKit::<crate::Acp>::new();
    let out = kit.start(r#"{"comand": "x"}"#);
    let [Output::Fault(fault)] = &out[..] else { panic!("{out:?}") };
    assert!(format!("{fault:?}").contains("`comand`"), "{fault:?}");
}

#[test]
fn a_refused_spawn_is_a_fault_with_the_reason() {
    let mut kit = testkit::TestKit::<crate::Acp>::new();
    kit.start("{}");
    let out = kit.send(testkit::refused(AGENT, Why::Failed("no such program: `agnet`".to_owned())));
    let [Output::Fault(fault)] = &out[..] else { panic!("{out:?}") };
    let text = format!("{fault:?}");
    assert!(text.contains("spawn_refused") && text.contains("no such program: `agnet`"), "{text}");
}

#[test]
fn a_new_session_gets_its_folder_and_the_servers_that_the_agent_can_reach() {
    let mut script = Script::ready("{}", &json!({"mcpCapabilities": {"http": true}, "loadSession": true}));
    let remote =
        || McpRemote { url: "http://127.0.0.1/".to_owned(), headers: Vec::new(), extra: String::new() };
    let stdio = McpStdio {
        command: "/bin/tools".to_owned(),
        args: vec!["--all".to_owned()],
        env: vec![("A".to_owned(), "b".to_owned())],
        extra: String::new(),
    };
    let transports = [McpTransport::Stdio(stdio), McpTransport::Http(remote()), McpTransport::Sse(remote())];
    let mcp_servers = transports
        .into_iter()
        .zip(["one", "two", "three"])
        .map(|(transport, name)| McpServer { name: name.to_owned(), transport, extra: String::new() })
        .collect();
    script.send(open(BindingSettings { mcp_servers, ..settings() }));
    assert_eq!(
        script.last_request()["params"],
        json!({"cwd": "/work", "mcpServers": [
            {"name": "one", "command": "/bin/tools", "args": ["--all"], "env": [{"name": "A", "value": "b"}]},
            {"type": "http", "name": "two", "url": "http://127.0.0.1/", "headers": []},
        ]})
    );
    script.answers(&json!({"sessionId": "s1"}));
    let Output::BindingOpened(opened) = &script.out[1] else { panic!("{:?}", script.out) };
    assert_eq!((opened.native_id.as_str(), opened.fidelity), ("s1", Fidelity::Native));
    assert_eq!(opened.effective_mcp, ["one", "two"]);
}

#[test]
fn a_system_prompt_goes_where_the_configuration_says() {
    let with_prompt = || open(BindingSettings { system_prompt: Some("be kind".to_owned()), ..settings() });
    let mut script = Script::ready("{}", &json!({"sessionCapabilities": {"systemPrompt": {}}}));
    let params = script.send(with_prompt()).last_request()["params"].clone();
    assert_eq!(params["systemPrompt"], json!({"mode": "append", "content": "be kind"}));

    let mut script = Script::ready(r#"{"systemPrompt": "meta"}"#, &json!({}));
    let params = script.send(with_prompt()).last_request()["params"].clone();
    assert_eq!(params["_meta"], json!({"systemPrompt": "be kind"}));

    let mut script = Script::ready("{}", &json!({}));
    script.send(with_prompt()).answers(&json!({"sessionId": "s1"}));
    for (attempt, blocks) in [(1, json!(["be kind", "hi"])), (2, json!(["hi"]))] {
        script.out = script.kit.execute(attempt, 1, "hi");
        let prompt = script.last_request()["params"]["prompt"].clone();
        let texts: Vec<Value> =
            prompt.as_array().expect("a list").iter().map(|one| one["text"].clone()).collect();
        assert_eq!(Value::from(texts), blocks);
        let id = script.last_request()["id"].clone();
        script.says_text("hello").says(&json!({"id": id, "result": {"stopReason": "end_turn"}}));
    }
}

#[test]
fn a_session_that_is_taken_up_has_its_system_prompt_already() {
    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    let with_prompt = BindingSettings { system_prompt: Some("be kind".to_owned()), ..settings() };
    script.send(resume_with(with_prompt)).answers(&json!({}));
    script.out = script.kit.execute(1, 1, "hi");
    assert_eq!(script.last_request()["params"]["prompt"], json!([{"type": "text", "text": "hi"}]));
}

#[test]
fn a_session_that_does_not_open_in_time_is_a_failure_and_its_late_answer_nothing() {
    let mut script = Script::ready(r#"{"sessionTimeoutMs": 500}"#, &json!({}));
    let request = script.send(open(settings())).last_request();
    script.out = script.kit.advance(500);
    assert_eq!(script.failure_code(), "retryable session_timeout");
    assert_eq!(script.says(&json!({"id": request["id"], "result": {"sessionId": "s1"}})).out, []);
}
