//! Starting an agent, and opening, resuming and loading sessions.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{
    BindingSettings, ExecuteAttempt, Fidelity, Input, McpRemote, McpServer, McpStdio, McpTransport,
    OpenBinding, Output, PromptBlock, ResumeBinding, RunMode, Why,
};
use serde_json::{Value, json};

use super::script::{AGENT, Script, messages};

fn settings() -> BindingSettings {
    BindingSettings::in_folder("/work")
}

fn open(settings: BindingSettings) -> Input {
    Input::OpenBinding(OpenBinding { binding: 1, omi_session: String::new(), settings, extra: String::new() })
}

fn resume() -> Input {
    resume_with(settings())
}

fn resume_with(settings: BindingSettings) -> Input {
    Input::ResumeBinding(ResumeBinding {
        binding: 1,
        omi_session: String::new(),
        native_id: "s1".to_owned(),
        settings,
        extra: String::new(),
    })
}

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
    script.fails(-32000, "still not");
    assert_eq!(script.failure_code(), "auth-required key");
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

#[test]
fn the_mode_and_the_model_are_set_before_the_binding_is_open() {
    let mut script = Script::ready(r#"{"mode": "plan"}"#, &json!({}));
    script.send(open(BindingSettings { model: Some("big".to_owned()), ..settings() }));
    script.answers(&json!({
        "sessionId": "s1",
        "modes": {"currentModeId": "code", "availableModes": [{"id": "code"}, {"id": "plan"}]},
        "configOptions": [{"id": "m", "category": "model", "currentValue": "small",
            "options": [{"value": "small"}, {"value": "big"}]}],
    }));
    assert_eq!(script.last_request()["params"], json!({"sessionId": "s1", "modeId": "plan"}));
    script.answers(&json!({}));
    assert_eq!(script.last_request()["params"], json!({"sessionId": "s1", "configId": "m", "value": "big"}));
    script.answers(&json!({"configOptions": []}));
    let Output::BindingOpened(opened) = &script.out[1] else { panic!("{:?}", script.out) };
    assert_eq!(opened.model.as_deref(), Some("big"));
}

#[test]
fn a_mode_that_the_agent_does_not_have_is_a_failure() {
    let mut script = Script::ready(r#"{"mode": "paln"}"#, &json!({}));
    script.send(open(settings()));
    script.answers(&json!({"sessionId": "s1", "modes": {"availableModes": [{"id": "plan"}]}}));
    assert_eq!(script.failure_code(), "fatal unknown_mode");
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
fn a_model_is_switched_for_an_attempt_and_back_for_the_next() {
    let mut script = Script::ready("{}", &json!({}));
    script.send(open(settings())).answers(&json!({"sessionId": "s1", "models": {
        "currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "big"}]}}));
    for (attempt, model, switches_to) in [(1, Some("big"), "big"), (2, None, "small")] {
        script.send(Input::ExecuteAttempt(ExecuteAttempt {
            attempt,
            binding: 1,
            omi_session: String::new(),
            omi_run: String::new(),
            omi_attempt: String::new(),
            number: 1,
            prompt: vec![PromptBlock::Text("hi".to_owned())],
            mode: RunMode::Act,
            model: model.map(str::to_owned),
            tools: Vec::new(),
            extra: String::new(),
        }));
        assert_eq!(script.last_request()["params"], json!({"sessionId": "s1", "modelId": switches_to}));
        let prompt = script.answers(&json!({})).last_request();
        assert_eq!(prompt["method"], "session/prompt");
        script.says_text("hello").says(&json!({"id": prompt["id"], "result": {"stopReason": "end_turn"}}));
    }
    script.out = script.kit.execute(3, 1, "hi");
    assert_eq!(script.last_request()["method"], "session/prompt", "it is in use already");
}

#[test]
fn a_session_that_does_not_open_in_time_is_a_failure_and_its_late_answer_nothing() {
    let mut script = Script::ready(r#"{"sessionTimeoutMs": 500}"#, &json!({}));
    let request = script.send(open(settings())).last_request();
    script.out = script.kit.advance(500);
    assert_eq!(script.failure_code(), "retryable session_timeout");
    assert_eq!(script.says(&json!({"id": request["id"], "result": {"sessionId": "s1"}})).out, []);
}
