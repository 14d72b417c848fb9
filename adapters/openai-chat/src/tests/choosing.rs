//! Which model is asked.

use omi_adapter_sdk::{BindingSettings, PromptBlock};

use super::script::{ONE_MODEL, Script, body, execute, failure, stream};

const TWO_MODELS: &str = r#"{"data":[{"id":"small"},{"id":"large"}]}"#;

fn hello() -> Vec<PromptBlock> {
    vec![PromptBlock::Text("hello".to_owned())]
}

/// The model that is asked, where the table, the run that opened the session, and this run name these.
fn asked(config: Option<&str>, session: Option<&str>, run: Option<&str>) -> String {
    let table = config.map_or_else(|| "{}".to_owned(), |model| format!("{{\"model\": \"{model}\"}}"));
    let mut script = Script::started_with(&table, ONE_MODEL);
    let settings = BindingSettings::in_folder("/work");
    script.open(1, BindingSettings { model: session.map(str::to_owned), ..settings });
    script.tell(execute(1, 1, 1, hello(), run));
    body(&script.request())["model"].as_str().expect("a model").to_owned()
}

#[test]
fn the_run_names_the_model_or_else_the_table() {
    assert_eq!(asked(Some("table"), Some("session"), Some("run")), "run");
    assert_eq!(asked(Some("table"), Some("earlier"), None), "table", "as after a restart");
    assert_eq!(asked(Some("table"), None, None), "table");
    assert_eq!(asked(None, None, None), "only");
}

#[test]
fn of_several_models_none_is_chosen() {
    let mut script = Script::started_with("{}", TWO_MODELS);
    script.open(1, BindingSettings::in_folder("/work"));
    script.prompts(1, 1, hello());
    let request = script.request();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/v1/models"));
    let (kind, detail) = failure(&script.answers(request.op, 200, TWO_MODELS));
    assert_eq!((kind, detail.code.as_str()), ("fatal", "model_unknown"));
    assert!(["`small`", "`large`", "hint:"].iter().all(|word| detail.message.contains(word)), "{detail:?}");
    script.kit.settled();
}

#[test]
fn a_server_whose_list_has_become_one_model_is_asked_for_that() {
    let mut script = Script::started_with("{}", r#"{"data":[]}"#);
    script.open(1, BindingSettings::in_folder("/work"));
    script.prompts(1, 1, hello());
    let request = script.request();
    script.answers(request.op, 200, ONE_MODEL);
    let request = script.request();
    assert_eq!(body(&request)["model"], "only");
    let outputs = script.answers(request.op, 200, &stream(&["hi"], Some("stop")));
    assert_eq!(omi_adapter_sdk::testkit::answer_text(&outputs), "hi");
    script.kit.settled();
}

#[test]
fn a_server_without_a_list_needs_a_name() {
    let (mut script, request) = Script::greeting("{}");
    script.answers(request.op, 404, "");
    script.open(1, BindingSettings::in_folder("/work"));
    script.prompts(1, 1, hello());
    let request = script.request();
    let (kind, detail) = failure(&script.answers(request.op, 404, ""));
    assert_eq!((kind, detail.code.as_str()), ("fatal", "model_unknown"));
}
