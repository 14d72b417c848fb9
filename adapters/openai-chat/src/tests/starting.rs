//! Whether the server is there.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{BindingSettings, Failure, Fault, Fidelity, HttpOutcome, Output, Ready, Why};

use super::script::{ONE_MODEL, Script, told};

fn fault(outputs: &[Output]) -> &Failure {
    match outputs.last() {
        Some(Output::Fault(Fault { failure, .. })) => failure,
        other => panic!("the worker ends: {other:?}"),
    }
}

#[test]
fn a_server_that_lists_its_models_is_ready_and_no_model_is_called() {
    let (mut script, request) = Script::greeting(r#"{"basePath": "/api/v1/"}"#);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/api/v1/models"));
    let server = [("Server", "llama.cpp")];
    let outputs = script.answers_with(request.op, 200, &server, ONE_MODEL, HttpOutcome::Complete);
    assert_eq!(outputs.last(), Some(&Ready::new("llama.cpp").into()));
    assert!(!outputs.iter().any(|output| matches!(output, Output::HttpRequest(_))), "{outputs:?}");
    script.kit.settled();
}

#[test]
fn a_server_without_a_list_is_ready() {
    for status in [404, 405, 501] {
        let (mut script, request) = Script::greeting("{}");
        let outputs = script.answers(request.op, status, "not found");
        assert_eq!(outputs.last(), Some(&Ready::new("OpenAI-compatible server").into()), "{status}");
    }
}

#[test]
fn a_server_that_wants_a_key_says_what_to_register_and_is_asked_again() {
    let (mut script, request) = Script::greeting("{}");
    let outputs = script.answers(request.op, 401, r#"{"error":{"message":"Incorrect API key"}}"#);
    let Some(Output::AuthRequired(asked)) = outputs.last() else { panic!("{outputs:?}") };
    assert!(asked.message.contains("secrets") && asked.message.contains("hint:"), "{asked:?}");
    assert!(asked.message.contains("refuses the key in `authorization`, or there is none"), "{asked:?}");
    assert!(asked.methods[0].description.contains("Incorrect API key"), "{asked:?}");
    script.tell(testkit::authenticate("registration"));
    let request = script.request();
    let outputs = script.answers(request.op, 200, ONE_MODEL);
    assert!(matches!(outputs.last(), Some(Output::Ready(_))), "{outputs:?}");
    script.kit.settled();
}

#[test]
fn a_server_that_forbids_is_the_end_of_the_worker_and_asks_for_no_key() {
    let (mut script, request) = Script::greeting("{}");
    let outputs = script.answers(request.op, 403, r#"{"error":{"message":"not in your country"}}"#);
    let (kind, detail) = told(fault(&outputs));
    assert_eq!((kind, detail.code.as_str()), ("fatal", "forbidden"));
    assert!(detail.message.contains("not in your country") && !detail.message.contains("key"), "{detail:?}");
}

#[test]
fn nobody_there_is_the_end_of_the_worker_and_may_pass() {
    let (mut script, request) = Script::greeting("{}");
    let why = "no answer from `http://127.0.0.1:11434`: Connection refused".to_owned();
    let outputs = script.tell(testkit::http_end(request.op, HttpOutcome::Failed(why)));
    let (kind, detail) = told(fault(&outputs));
    assert_eq!(kind, "retryable");
    let says = |word| detail.message.contains(word);
    assert!(says("Connection refused") && says("hint: start the server") && !says("\n"), "{detail:?}");
    let outputs = script.open(1, BindingSettings::in_folder("/work"));
    assert!(matches!(outputs[..], [Output::BindingFailed(_)]), "{outputs:?}");
}

#[test]
fn what_is_no_model_server_is_not_used() {
    for (status, body, kind) in [
        (200, "<html>a router</html>", "fatal"),
        (200, "{}", "fatal"),
        (400, "no", "fatal"),
        (503, r#"{"error":{"message":"Loading model"}}"#, "retryable"),
    ] {
        let (mut script, request) = Script::greeting("{}");
        let outputs = script.answers(request.op, status, body);
        assert_eq!(told(fault(&outputs)).0, kind, "{status} {body}");
    }
}

#[test]
fn a_server_that_takes_the_question_and_is_silent_is_not_waited_for() {
    let (mut script, request) = Script::greeting("{}");
    assert_eq!(script.kit.advance(29_999), []);
    let outputs = script.kit.advance(1);
    assert_eq!(told(fault(&outputs)).0, "retryable");
    assert!(outputs.contains(&Output::HttpAbort(request.op)), "{outputs:?}");
}

#[test]
fn a_grant_that_is_refused_keeps_its_words() {
    let (mut script, request) = Script::greeting("{}");
    let why = Why::Denied("bind `grants.remote`".to_owned());
    let outputs = script.tell(testkit::refused(request.op, why));
    let (kind, detail) = told(fault(&outputs));
    assert!(kind == "fatal" && detail.message.contains("bind `grants.remote`"), "{detail:?}");
}

#[test]
fn a_table_that_is_not_understood_is_the_end_of_the_worker() {
    let mut kit = testkit::TestKit::<crate::Chat>::new();
    let outputs = kit.start(r#"{"modle": "x"}"#);
    let (kind, detail) = told(fault(&outputs));
    assert!(kind == "fatal" && detail.message.contains("`modle`"), "{detail:?}");
}

#[test]
fn a_stop_during_the_start_is_the_end() {
    let (mut script, request) = Script::greeting("{}");
    assert_eq!(script.kit.stop(), [Output::HttpAbort(request.op)]);
    let outputs = script.tell(testkit::http_end(request.op, HttpOutcome::Aborted));
    assert!(
        !outputs.iter().any(|output| matches!(output, Output::Ready(_) | Output::Fault(_))),
        "{outputs:?}"
    );
}

#[test]
fn a_session_has_a_name_of_its_own_and_is_taken_up_by_any_name() {
    let mut script = Script::started_with(r#"{"model": "m"}"#, ONE_MODEL);
    let outputs = script.open(3, BindingSettings::in_folder("/work"));
    let [Output::BindingOpened(opened)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((opened.native_id.as_str(), opened.fidelity), ("chat-00000001-3", Fidelity::Reconstructed));
    assert_eq!(opened.model.as_deref(), Some("m"));
    let outputs = script.kit.resume(4, "chat-99999999-1", "/work");
    let [Output::BindingOpened(opened)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(opened.native_id, "chat-99999999-1");
}
