//! Modes, options and models: chosen before the session is open and before a prompt.

use omi_adapter_sdk::{BindingSettings, ExecuteAttempt, Input, Output, PromptBlock, RunMode};
use serde_json::{Value, json};

use super::script::{Script, open, resume, settings};

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

/// An attempt of this run mode, and with this model.
fn execute(attempt: u32, mode: RunMode, model: Option<&str>) -> Input {
    Input::ExecuteAttempt(ExecuteAttempt {
        attempt,
        binding: 1,
        omi_session: String::new(),
        omi_run: String::new(),
        omi_attempt: String::new(),
        number: 1,
        prompt: vec![PromptBlock::Text("hi".to_owned())],
        mode,
        model: model.map(str::to_owned),
        tools: Vec::new(),
        extra: String::new(),
    })
}

#[test]
fn a_model_is_switched_for_an_attempt_and_back_for_the_next() {
    let mut script = Script::ready("{}", &json!({}));
    script.send(open(settings())).answers(&json!({"sessionId": "s1", "models": {
        "currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "big"}]}}));
    for (attempt, model, switches_to) in [(1, Some("big"), "big"), (2, None, "small")] {
        script.send(execute(attempt, RunMode::Act, model));
        assert_eq!(script.last_request()["params"], json!({"sessionId": "s1", "modelId": switches_to}));
        let prompt = script.answers(&json!({})).last_request();
        assert_eq!(prompt["method"], "session/prompt");
        script.says_text("hello").says(&json!({"id": prompt["id"], "result": {"stopReason": "end_turn"}}));
    }
    script.out = script.kit.execute(3, 1, "hi");
    assert_eq!(script.last_request()["method"], "session/prompt", "it is in use already");
}

/// The answer of an agent with two modes and two options.
fn options() -> Value {
    json!({"sessionId": "s1",
        "modes": {"currentModeId": "code", "availableModes": [{"id": "code"}, {"id": "old"}]},
        "configOptions": [
            {"id": "mode", "category": "mode", "currentValue": "code",
                "options": [{"value": "code"}, {"value": "plan"}]},
            {"id": "effort", "category": "thought_level", "currentValue": "high",
                "options": [{"value": "high"}, {"value": "low"}]},
            {"id": "fast", "type": "boolean", "currentValue": true}]})
}

#[test]
fn options_of_the_registration_are_set_in_every_session() {
    let mut script = Script::ready(r#"{"options": {"effort": "low", "fast": false}}"#, &json!({}));
    script.send(open(settings())).answers(&options());
    let effort = json!({"sessionId": "s1", "configId": "effort", "value": "low"});
    assert_eq!(script.last_request()["params"], effort);
    script.answers(&json!({"configOptions": options()["configOptions"]}));
    let fast = json!({"sessionId": "s1", "configId": "fast", "type": "boolean", "value": false});
    assert_eq!(script.last_request()["params"], fast);
    script.answers(&json!({}));
    assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "{:?}", script.out);
}

#[test]
fn an_option_that_the_agent_does_not_have_fails_and_says_what_there_is() {
    for (config, hint) in [
        (r#"{"options": {"efort": "low"}}"#, "mode, effort, fast"),
        (r#"{"options": {"effort": "medium"}}"#, "high, low"),
        (r#"{"options": {"fast": "maybe"}}"#, "true, false"),
    ] {
        let mut script = Script::ready(config, &json!({}));
        script.send(open(settings())).answers(&options());
        assert_eq!(script.failure_code(), "fatal unknown_option");
        assert!(format!("{:?}", script.out).contains(hint), "{:?}", script.out);
    }
    let mut script = Script::ready(r#"{"options": {"effort": "low"}}"#, &json!({"loadSession": true}));
    script.send(resume()).answers(&Value::Null);
    assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "it may not say what it offers");
}

#[test]
fn a_config_option_goes_before_a_mode_of_the_same_name() {
    let mut script = Script::ready(r#"{"mode": "plan"}"#, &json!({}));
    script.send(open(settings())).answers(&options());
    assert_eq!(script.last_request()["method"], "session/set_config_option");
    let mut script = Script::ready(r#"{"mode": "old"}"#, &json!({}));
    script.send(open(settings())).answers(&options());
    assert_eq!(script.failure_code(), "fatal unknown_mode");
}

#[test]
fn a_prompt_that_may_change_nothing_gets_its_mode_and_the_next_one_the_other() {
    let mut script = Script::ready(r#"{"askMode": "plan"}"#, &json!({}));
    script.send(open(settings())).answers(&options());
    for (attempt, mode, chosen) in [(1, RunMode::Ask, "plan"), (2, RunMode::Act, "code")] {
        script.send(execute(attempt, mode, None));
        assert_eq!(script.last_request()["params"]["value"], chosen);
        let prompt = script.answers(&json!({})).last_request();
        assert_eq!(prompt["method"], "session/prompt");
        script.says_text("hello").says(&json!({"id": prompt["id"], "result": {"stopReason": "end_turn"}}));
    }
    assert_eq!(script.send(execute(3, RunMode::Act, None)).last_request()["method"], "session/prompt");

    let mut script = Script::ready(r#"{"askMode": "look"}"#, &json!({}));
    script.send(open(settings())).answers(&json!({"sessionId": "s1"}));
    script.send(execute(1, RunMode::Ask, None));
    assert_eq!(script.outcome(), "fatal unknown_mode", "rather nothing than too much");
    assert_eq!(script.written(), [] as [Value; 0]);
}

#[test]
fn a_mode_that_the_agent_changed_by_itself_is_known() {
    let mut script = Script::ready(r#"{"actMode": "code"}"#, &json!({}));
    let modes = json!({"currentModeId": "code", "availableModes": [{"id": "code"}, {"id": "plan"}]});
    script.send(open(settings())).answers(&json!({"sessionId": "s1", "modes": modes}));
    script.updates(&json!({"sessionUpdate": "current_mode_update", "currentModeId": "plan"}));
    script.send(execute(1, RunMode::Act, None));
    assert_eq!(script.last_request()["params"], json!({"sessionId": "s1", "modeId": "code"}));
}

#[test]
fn a_choice_that_is_refused_ends_the_attempt_and_one_that_is_cancelled_waits_for_nothing() {
    let mut script = Script::ready(r#"{"askMode": "plan"}"#, &json!({}));
    script.send(open(settings())).answers(&options());
    script.send(execute(1, RunMode::Ask, None)).fails(-32603, "not now");
    assert_eq!(script.outcome(), "fatal mode_refused_by_agent");
    let choice = script.send(execute(2, RunMode::Ask, None)).last_request();
    script.send(omi_adapter_sdk::testkit::cancel(2));
    assert_eq!(script.outcome(), "cancelled");
    script.says(&json!({"id": choice["id"], "result": {}}));
    assert_eq!(script.written(), [] as [Value; 0], "the prompt is not sent");
}

#[test]
fn where_models_are_not_to_be_chosen_none_is_asked_for() {
    let mut script = Script::ready(r#"{"models": false}"#, &json!({}));
    script.send(open(BindingSettings { model: Some("big".to_owned()), ..settings() }));
    script.answers(&json!({"sessionId": "s1", "models": {
        "currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "big"}]}}));
    assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "{:?}", script.out);
    script.send(execute(1, RunMode::Act, Some("big")));
    assert_eq!(script.last_request()["method"], "session/prompt");
}
