//! Bad messages on the wire: each is answered with a word, a line that names the field, and nothing is recorded.

use omi_tests::world::wire::Serving;
use omi_tests::world::{Ended, World};
use serde_json::{Value, json};

/// Bytes of text that a prompt may have.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Each kind of message with fields that are wrong, the code and what the line must name.
fn cases() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let run = format!("run_{}", "0".repeat(32));
    let attempt = format!("att_{}", "0".repeat(32));
    let session = format!("ses_{}", "0".repeat(32));
    vec![
        ("query", json!({}), "invalid_message", "`prompt`"),
        ("query", json!({ "prompt": 1 }), "invalid_message", "`prompt`"),
        ("query", json!({ "prompt": "x", "colour": 1 }), "invalid_message", "`colour`"),
        ("query", json!({ "prompt": "x", "sessionId": "ses_1" }), "invalid_message", "`ses_1`"),
        ("query", json!({ "prompt": "x", "sessionId": session }), "not_found", "there is no session"),
        ("query", json!({ "prompt": " " }), "empty_prompt", "empty"),
        ("query", json!({ "prompt": "x", "adapterId": "nobody" }), "unknown_registration", "`nobody`"),
        ("query", json!({ "prompt": "x", "cwd": "here" }), "invalid_message", "`cwd`"),
        ("query", json!({ "prompt": "x", "modelProfile": "painter" }), "invalid_message", "`modelProfile`"),
        ("query", json!({ "prompt": "x", "timeoutMs": "long" }), "invalid_message", "`timeoutMs`"),
        ("query", json!({ "prompt": "x", "timeoutMs": 0 }), "no_time", "0 ms"),
        ("query", json!({ "prompt": "x", "idempotencyKey": "k".repeat(513) }), "too_long", "513"),
        ("query", json!({ "prompt": "x", "externalRefKind": "task" }), "invalid_message", "externalRefId"),
        ("query", json!({ "prompt": "x".repeat(TEXT_BYTES_MAX + 1) }), "too_long", "4194305"),
        ("interrupt", json!({ "runId": run }), "not_found", "there is no run"),
        ("interrupt", json!({ "runId": session }), "invalid_message", "`runId`"),
        ("retry", json!({}), "invalid_message", "`runId`"),
        ("retry", json!({ "runId": run }), "not_found", "there is no run"),
        ("retry", json!({ "runId": run, "adapterId": "nobody" }), "unknown_registration", "`nobody`"),
        ("approval_decision", json!({ "approval": 1 }), "invalid_message", "`optionId`"),
        ("approval_decision", json!({ "approval": -1, "optionId": "x" }), "invalid_message", "`approval`"),
        ("approval_decision", json!({ "approval": 1, "optionId": "x" }), "not_found", "`attemptId`"),
        (
            "approval_decision",
            json!({ "approval": 1, "optionId": "x", "attemptId": attempt }),
            "not_found",
            "there is no attempt",
        ),
        ("provide_input", json!({ "request": 1, "attemptId": attempt }), "invalid_message", "`value`"),
        (
            "provide_input",
            json!({ "request": 1, "value": 1, "attemptId": attempt }),
            "not_found",
            "there is no attempt",
        ),
        ("delegate", json!({ "parentRunId": run, "mode": "lend" }), "invalid_message", "`mode`"),
        ("update_session", json!({ "sessionId": session }), "invalid_message", "`title`"),
        ("update_session", json!({ "sessionId": session, "title": "x" }), "not_found", "there is no session"),
        ("update_session", json!({ "sessionId": session, "status": "lost" }), "invalid_message", "`status`"),
        ("invalidate_session", json!({}), "invalid_message", "`sessionId`"),
        (
            "update_artifact",
            json!({ "artifactId": run, "state": "opened" }),
            "invalid_message",
            "`artifactId`",
        ),
        ("subscribe", json!({ "afterCursor": -1 }), "invalid_message", "`afterCursor`"),
        ("subscribe", json!({ "afterCursor": "first" }), "invalid_message", "`afterCursor`"),
        ("unsubscribe", json!({}), "not_found", "subscription"),
        ("dance", json!({}), "invalid_message", "`dance`"),
    ]
}

#[test]
fn each_is_answered_once_and_leaves_nothing() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    for (number, (kind, fields, code, named)) in cases().into_iter().enumerate() {
        let request = format!("{number} {kind}");
        daemon.ask(kind, &request, &fields);
        let (told, why) = daemon.refusal(&request);
        assert_eq!(told, code, "{request}: {why}");
        assert!(why.contains(named), "{request}: no {named} in: {why}");
    }
    for line in ["not json", "[]", "{}", r#"{"type":"query"}"#, r#"{"type":"query","protocolVersion":3}"#] {
        daemon.running.write(&format!("{line}\n"));
    }
    daemon.query("after", "echo", "still here");
    daemon.result("after");
    let errors = daemon.said().iter().filter(|message| message["type"] == "error").count();
    assert_eq!(errors, cases().len() + 5, "one answer each");
    assert_eq!((world.list("sessions").len(), world.list("runs").len()), (1, 1), "nothing half");
    daemon.end();
}

#[test]
fn a_changed_session_has_metadata_of_its_kind_and_size() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    daemon.query("a", "echo", "hello");
    let session = daemon.result("a")["sessionId"].clone();
    for (request, field, value, code) in [
        ("m1", "metadata", json!("text"), "not_an_object"),
        ("m2", "metadata", json!([1]), "not_an_object"),
        ("m3", "metadata", json!({ "k": "x".repeat(64 * 1024) }), "too_long"),
        ("t", "title", json!("x".repeat(81)), "too_long"),
    ] {
        daemon.ask("update_session", request, &json!({ "sessionId": session, (field): value }));
        assert_eq!(daemon.refusal(request).0, code);
    }
    let shown = world.show(&["session", session.as_str().unwrap(), "--json"]);
    assert_eq!((&shown["session"]["metadata"], &shown["session"]["title"]), (&json!({}), &"hello".into()));
}

fn refused(ended: &Ended, code: i32, named: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let line = ended.stderr.lines().find(|line| named.iter().all(|name| line.contains(name)));
    assert!(line.is_some(), "no line with {named:?}: {ended:?}");
}

#[test]
fn arguments_that_cannot_be_are_named() {
    let world = World::new();
    let run = format!("run_{}", "0".repeat(32));
    refused(&world.run(&["run", "--timeout", "5", "x"], ""), 2, &["--timeout"]);
    refused(&world.run(&["run", "--profile", "painter", "x"], ""), 2, &["--profile", "painter"]);
    refused(&world.run(&["session", &run], ""), 1, &[&run, "session id"]);
    refused(&world.run(&["session", "x", "--close", "--archive"], ""), 2, &["--close"]);
    refused(&world.run(&["retry", "x"], ""), 1, &["`x`", "run id"]);
    refused(&world.run(&["retry", &run], ""), 1, &["there is no run", &run]);
    refused(&world.run(&["retry", &run, "--checkpoint", "x"], ""), 1, &["artifact id"]);
    refused(&world.run(&["retry", &run, "--adapter", "nobody"], ""), 1, &["`nobody`"]);
    refused(&world.run(&["runs", &run], ""), 1, &["there is no run", &run]);
    refused(&world.run(&["delegations", &run], ""), 1, &["there is no run", &run]);
    let session = format!("ses_{}", "0".repeat(32));
    for kind in ["events", "artifacts"] {
        refused(&world.run(&[kind, &run], ""), 1, &["there is no run", &run]);
        refused(&world.run(&[kind, &session], ""), 1, &["there is no session", &session]);
    }
    refused(&world.run(&["runs", &session], ""), 1, &["there is no session", &session]);
    refused(&world.run(&["artifacts", "nonsense"], ""), 1, &["`nonsense`"]);
}

#[test]
fn a_configuration_that_can_mean_nothing_is_named() {
    let world = World::new();
    world.configure("workers-max = 0\n");
    refused(&world.run(&["run", "x"], ""), 1, &["config.toml", "`workers-max`", "hint:"]);
    world.configure("[registrations.x]\ncomponent = 'acp'\nmodels.painter = 'big'\n");
    refused(&world.run(&["run", "x"], ""), 1, &["config.toml:3", "painter"]);
    world.configure("[registrations.x]\ncomponent = 'acp'\nno-progress-ms = 0\n");
    refused(&world.run(&["run", "x"], ""), 1, &["`registrations.x.no-progress-ms`"]);
}
