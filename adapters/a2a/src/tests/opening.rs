//! The card, the version, and conversations.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{
    BindingSettings, Fidelity, HttpOutcome, Input, Limits, OpenBinding, Output, ResumeBinding, Start, Why,
};
use serde_json::json;

use crate::A2a;
use crate::tests::script::{Script, body, card, old_card};

fn header<'a>(request: &'a omi_adapter_sdk::HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_card_is_read_where_the_registration_says() {
    let script = Script::started(r#"{"cardPath": "/cards/planner.json"}"#);
    assert_eq!(
        (script.request().method.as_str(), script.request().path.as_str()),
        ("GET", "/cards/planner.json")
    );
    let mut script = Script::started("{}");
    assert_eq!(script.request().path, "/.well-known/agent-card.json");
    let op = script.request().op;
    script.answers(op, 200, &card(true));
    assert!(
        matches!(&script.out[..], [Output::Ready(ready)] if ready.runtime == "scripted 1.0"),
        "{:?}",
        script.out
    );
    script.kit.settled();
}

#[test]
fn version_one_is_named_in_a_header_and_nought_point_three_is_not() {
    let mut script = Script::open_with("{}", &card(true));
    script.out = script.kit.execute(1, 1, "do it");
    let request = script.request();
    assert_eq!((request.path.as_str(), header(request, "a2a-version")), ("/rpc", Some("1.0")));
    assert_eq!(header(request, "accept"), Some("text/event-stream"));
    let sent = body(request);
    assert_eq!(sent["method"], "SendStreamingMessage");
    assert_eq!(sent["params"]["message"]["parts"], json!([{"text": "do it"}]));

    let mut script = Script::open_with("{}", &old_card());
    script.out = script.kit.execute(1, 1, "do it");
    assert_eq!(header(script.request(), "a2a-version"), None);
    assert_eq!(body(script.request())["method"], "message/stream");
}

#[test]
fn a_card_that_cannot_be_had_ends_the_worker() {
    let said = |status, body: &serde_json::Value| {
        let mut script = Script::started("{}");
        let op = script.request().op;
        script.answers(op, status, body).fault()
    };
    assert!(said(404, &json!("nothing")).starts_with("fatal no_card: "));
    assert!(said(503, &json!("later")).starts_with("retryable no_card: "));
    assert!(said(200, &json!({"a": "b"})).starts_with("fatal not_a_card: "));
    let mut script = Script::started("{}");
    let op = script.request().op;
    script.send(testkit::refused(op, Why::Denied("no".to_owned())));
    assert!(script.fault().starts_with("fatal denied: "));
    script.kit.settled();
}

#[test]
fn where_no_agent_answers_the_hint_fits_the_reason() {
    for (why, hint) in [
        ("no answer from `http://x`: Connection refused (os error 111)", "hint: start the agent"),
        ("no answer from `http://x`: cannot find the address of `x`: not known", "hint: correct the name"),
        ("no answer from `https://x`: invalid peer certificate", "hint: see whether the agent is up"),
        ("`x` has no public address; hint: `private = true` in `grants.remote` allows it", "hint: `private"),
    ] {
        let mut script = Script::started("{}");
        let op = script.request().op;
        script.send(testkit::http_end(op, HttpOutcome::Failed(why.to_owned())));
        let said = script.fault();
        assert!(
            said.starts_with("retryable no_card: ") && said.contains(why) && said.contains(hint),
            "{said}"
        );
        assert_eq!(said.matches("hint: ").count(), 1, "{said}");
    }
}

#[test]
fn a_card_behind_a_log_in_says_what_the_registration_must_give() {
    let mut script = Script::started("{}");
    let op = script.request().op;
    script.answers(op, 401, &json!("who are you?"));
    let Some(Output::AuthRequired(wanted)) = script.out.first() else { panic!("{:?}", script.out) };
    assert!(wanted.methods[0].description.contains("grants.remote.secrets"), "{wanted:?}");
    script.send(testkit::authenticate("secret"));
    let op = script.request().op;
    script.answers(op, 200, &card(true));
    assert!(matches!(&script.out[..], [Output::Ready(_)]));
    script.kit.settled();
}

#[test]
fn a_message_that_needs_a_log_in_says_what_the_registration_must_give() {
    let mut card = card(true);
    card["securitySchemes"] =
        json!({"key": {"apiKeySecurityScheme": {"location": "header", "name": "x-key"}}});
    let mut script = Script::open_with("{}", &card);
    script.out = script.kit.execute(1, 1, "do it");
    let op = script.request().op;
    script.answers(op, 401, &json!({"error": {"code": -32000, "message": "no"}}));
    assert!(
        script
            .ended()
            .starts_with(r#"auth-required: give the registration `grants.remote.secrets = { "x-key""#)
    );
    script.kit.settled();
}

#[test]
fn an_interface_at_another_origin_is_refused_with_the_line_to_register() {
    let mut kit = TestKit::<A2a>::new();
    let limits: Limits = testkit::limits();
    let out = kit.send(Input::Start(Start {
        registration: "planner".to_owned(),
        config: String::new(),
        host_version: "0.1.0".to_owned(),
        host_extensions: Vec::new(),
        grants: vec!["remote".to_owned()],
        limits,
        seed: 1,
        extra: r#"{"origins": {"remote": "https://agents.example"}}"#.to_owned(),
    }));
    let mut script = Script { kit, out, ..Script::started("{}") };
    let op = script.request().op;
    script.answers(op, 200, &card(true));
    assert!(script.fault().contains("origin = \"http://x\""), "{}", script.fault());
}

#[test]
fn a_conversation_has_a_name_of_its_own_that_survives() {
    let mut script = Script::open_with("{}", &card(true));
    let context = script.context();
    script.out = script.kit.open(2, "/work");
    let Some(Output::BindingOpened(second)) = script.out.first() else { panic!("{:?}", script.out) };
    assert!(second.native_id != context && second.fidelity == Fidelity::Native);
    script.out = script.kit.resume(3, "omi-kept", "/work");
    script.out = script.kit.execute(1, 3, "go on");
    assert_eq!(body(script.request())["params"]["message"]["contextId"], "omi-kept");
}

#[test]
fn an_agent_that_names_conversations_itself_keeps_them_for_one_worker() {
    let mut script = Script::prompted_with(r#"{"contexts": "agent"}"#, &card(true));
    let task = json!({"id": "t", "contextId": "theirs", "status": {"state": "TASK_STATE_COMPLETED"}});
    script.says(&json!({ "task": task }));
    assert_eq!(script.ended(), "succeeded completed");
    script.out = script.kit.execute(2, 1, "more");
    assert_eq!(body(script.request())["params"]["message"]["contextId"], "theirs");
    script.out = script.kit.resume(2, "omi-old", "/work");
    assert!(matches!(&script.out[..], [Output::BindingFailed(_)]), "{:?}", script.out);
}

#[test]
fn a_conversation_that_the_agent_renames_is_never_mistaken_for_one_that_goes_on() {
    let mut script = Script::prompted();
    let task = json!({"id": "t", "contextId": "theirs", "status": {"state": "TASK_STATE_COMPLETED"}});
    script.says(&json!({ "task": task }));
    assert_eq!(script.ended(), "succeeded completed");
    let Some(Output::BindingFailed(failed)) = script.out.last() else { panic!("{:?}", script.out) };
    assert!(format!("{failed:?}").contains("context_renamed"));
}

/// The parts of the message that is sent as the one prompt of a binding; attempts have its number.
fn sends(script: &mut Script, binding: u32) -> serde_json::Value {
    script.out = script.kit.execute(binding, binding, "do it");
    body(script.request())["params"]["message"]["parts"].clone()
}

#[test]
fn a_system_prompt_is_said_until_the_agent_took_a_prompt() {
    let mut script = Script::open_with("{}", &card(true));
    let settings = || BindingSettings {
        system_prompt: Some("be brief".to_owned()),
        ..BindingSettings::in_folder("/work")
    };
    let omi_session = || "ses_1".to_owned();
    let open =
        OpenBinding { binding: 2, omi_session: omi_session(), settings: settings(), extra: String::new() };
    script.send(Input::OpenBinding(open));
    let Some(Output::BindingOpened(opened)) = script.out.first() else { panic!("{:?}", script.out) };
    let native_id = opened.native_id.clone();
    let resume = |binding| {
        Input::ResumeBinding(ResumeBinding {
            binding,
            omi_session: omi_session(),
            native_id: native_id.clone(),
            settings: settings(),
            extra: String::new(),
        })
    };
    let both = json!([{"text": "be brief"}, {"text": "do it"}]);
    assert_eq!(sends(&mut script, 2), both);
    let op = script.request().op;
    script.answers(op, 429, &json!("busy"));
    // Nothing was accepted before it was closed.
    script.send(testkit::close(2)).send(resume(3));
    assert_eq!(sends(&mut script, 3), both);
    script.streams();
    let task = json!({"id": "t", "contextId": native_id, "status": {"state": "TASK_STATE_WORKING"}});
    script.says(&json!({ "task": task })).send(testkit::close(3)).send(resume(4));
    assert_eq!(sends(&mut script, 4), json!([{"text": "do it"}]));
    let op = script.request().op;
    script.answers(op, 429, &json!("busy")).send(testkit::close(4)).send(resume(5));
    assert_eq!(sends(&mut script, 5), json!([{"text": "do it"}]), "it was taken long ago");
}
