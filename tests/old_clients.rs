//! Clients that speak v1: they get what they knew, and what they do is recorded like everything else.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, guest, guest_file, tester};
use serde_json::{Value, json};

/// A daemon whose default is the test agent.
fn serving(arguments: &[&str]) -> (World, Serving) {
    let world = World::new();
    world.configure(&format!("default-adapter = \"tester\"\n{}", tester(arguments, "")));
    let daemon = Serving::start(&world);
    (world, daemon)
}

fn query(id: &str, prompt: &str) -> Value {
    json!({ "type": "query", "id": id, "sessionKey": "main", "prompt": prompt })
}

/// Only what v1 knows was said, and nothing of it says whose it is.
fn only_v1(said: &[Value]) {
    const KINDS: [&str; 8] = [
        "text_delta",
        "thinking_delta",
        "tool_activity",
        "tool_result_display",
        "result",
        "error",
        "auth_required",
        "auth_success",
    ];
    assert!(!said.is_empty());
    for message in said {
        assert!(KINDS.contains(&message["type"].as_str().unwrap()), "{message}");
        for field in ["requestId", "clientId", "runId", "attemptId", "eventId", "cursor", "ownerId"] {
            assert!(message.get(field).is_none(), "{field}: {message}");
        }
    }
}

#[test]
fn an_old_query_makes_canonical_rows_and_hears_only_what_v1_knows() {
    let (world, mut daemon) = serving(&[]);
    std::fs::write(world.work().join("in.txt"), "hello").unwrap();
    let mut asked = query("q1", "read in.txt\nsay one two");
    asked["colour"] = json!("red");
    daemon.say_v1(&asked);
    let result = daemon.told_v1("result", |_| true);
    let said = daemon.said_v1();
    only_v1(&said);
    let of = |kind: &str| said.iter().filter(|message| message["type"] == kind).collect::<Vec<_>>();
    let told: String = of("text_delta").iter().map(|delta| text(delta, "text")).collect();
    assert_eq!(told, result["text"].as_str().unwrap(), "no text twice, none left out");
    let tools: Vec<_> = of("tool_activity").iter().map(|tool| (&tool["name"], &tool["status"])).collect();
    let name = &of("tool_activity")[0]["name"];
    assert_eq!(tools, [(name, &"started".into()), (name, &"completed".into())]);
    assert_eq!(of("tool_activity")[0]["input"], json!({ "path": "in.txt" }), "its input as it is");
    let shown = of("tool_result_display")[0];
    assert_eq!((&shown["name"], shown["output"].as_str().unwrap().contains("hello")), (name, true));

    let (session, run) = (&world.list("sessions")[0], &world.list("runs")[0]);
    assert_eq!(
        (&session["surfaceKind"], &session["ownerId"]),
        (&"legacy_jsonl".into(), &"desktop-local-user".into())
    );
    assert_eq!(
        (&session["legacyClientScope"], &session["legacySessionKey"]),
        (&"default".into(), &"main".into())
    );
    assert_eq!((&run["clientId"], &run["requestId"]), (&"legacy-jsonl-client".into(), &"q1".into()));
    assert_eq!((&run["mode"], &run["status"]), (&"act".into(), &"succeeded".into()));
    assert_eq!(result["sessionId"], run["attempts"][0]["adapterSessionId"], "the runtime's own name");
    assert_ne!(result["sessionId"], session["sessionId"]);

    // The same key is the same session, also of another daemon; another key is another one.
    daemon.end();
    let mut daemon = Serving::start(&world);
    daemon.say_v1(&query("q2", "say three"));
    assert_eq!(daemon.told_v1("result", |_| true)["text"], "three");
    daemon.say_v1(&json!({ "type": "query", "id": "q3", "sessionKey": "pill", "prompt": "say four" }));
    daemon.told_v1("result", |result| result["text"] == "four");
    let runs = world.list("runs");
    assert_eq!(runs[1]["sessionId"], session["sessionId"]);
    assert_ne!(runs[0]["sessionId"], session["sessionId"]);
    daemon.end();
}

#[test]
fn what_an_old_client_resumes_is_only_a_native_session() {
    let (world, mut daemon) = serving(&[]);
    daemon.say_v1(&query("q1", "say one"));
    let native = daemon.told_v1("result", |_| true)["sessionId"].clone();
    daemon.say_v1(&json!({ "type": "invalidate_session", "sessionKey": "main" }));
    daemon.say_v1(&json!({ "type": "invalidate_session", "sessionKey": "never" }));
    let mut resumed = query("q2", "say two");
    resumed["resume"] = native.clone();
    daemon.say_v1(&resumed);
    daemon.told_v1("result", |result| result["text"] == "two");
    let runs = world.list("runs");
    assert_eq!(runs[0]["input"]["legacyAdapterSessionId"], native);
    assert_eq!(runs[0]["sessionId"], runs[1]["sessionId"], "it names no session");
    let invalidated = world.list("events");
    let stale = invalidated.iter().filter(|event| event["type"] == "binding.stale").count();
    assert_eq!(stale, 1, "the first native session was let go");
    assert!(
        daemon.said_v1().iter().all(|message| message["type"] != "error"),
        "what is not there is let go, too"
    );
    daemon.end();
}

#[test]
fn a_bare_interrupt_stops_the_old_query_and_nobody_elses() {
    let (world, mut daemon) = serving(&[]);
    daemon.query("new", "tester", "slow");
    daemon.hear("text_delta", "new");
    daemon.say_v1(&json!({ "type": "interrupt" }));
    daemon.say_v1(&json!({ "type": "query", "prompt": "slow" }));
    daemon.told_v1("text_delta", |_| true);
    daemon.say_v1(&json!({ "type": "interrupt" }));
    let result = daemon.told_v1("result", |_| true);
    assert_eq!(result["terminalStatus"], "cancelled");
    let status = |client: &str| {
        let runs = world.list("runs");
        runs.iter().find(|run| run["clientId"] == client).unwrap()["status"].clone()
    };
    assert_eq!((status("test"), status("legacy-jsonl-client")), ("running".into(), "cancelled".into()));
    only_v1(&daemon.said_v1());
    assert_eq!(daemon.said().iter().filter(|message| message["type"] == "cancel_ack").count(), 0);
    daemon.stop("new");
    daemon.end();
}

#[test]
fn of_two_old_queries_one_is_stopped_by_its_name() {
    let (world, mut daemon) = serving(&[]);
    for id in ["a", "b"] {
        daemon.say_v1(&json!({ "type": "query", "id": id, "sessionKey": id, "prompt": "slow" }));
    }
    // A client of v2 that calls itself the same stops nothing of theirs.
    daemon.send("legacy-jsonl-client", "interrupt", "a", &json!({}));
    assert_eq!(daemon.hear("cancel_ack", "a")["accepted"], false);
    daemon.say_v1(&json!({ "type": "interrupt" }));
    let why = text(&daemon.told_v1("error", |_| true), "message");
    assert!(why.contains("2 queries go on; hint:") && why.contains("`requestId`"), "{why}");
    daemon.say_v1(&json!({ "type": "interrupt", "requestId": "b" }));
    daemon.told_v1("result", |result| result["terminalStatus"] == "cancelled");
    let status =
        |id: &str| world.list("runs").iter().find(|run| run["requestId"] == id).unwrap()["status"].clone();
    assert_eq!(status("b"), "cancelled");
    assert_ne!(status("a"), "cancelled");
    daemon.say_v1(&json!({ "type": "interrupt" }));
    omi_tests::world::eventually("the other one is stopped", || status("a") == "cancelled");
    daemon.end();
}

#[test]
fn a_permission_that_nobody_can_give_is_refused_and_never_allowed() {
    let (world, mut daemon) = serving(&[]);
    daemon.ask("subscribe", "s", &json!({}));
    daemon.hear("ack", "s");
    daemon.say_v1(&query("q", "write out.txt written\nsay went on"));
    let result = daemon.told_v1("result", |_| true);
    assert_eq!(result["text"], "went on");
    assert!(!world.work().join("out.txt").exists());
    let resolved = daemon.hear_that("event", "s", |event| event["event"]["type"] == "approval.resolved");
    let payload = &resolved["event"]["payload"];
    assert_eq!((&payload["by"], &payload["automatic"]), (&"nobody_to_ask".into(), &true.into()), "{payload}");
    assert_eq!(payload["outcome"], "rejected");
    assert!(text(payload, "reason").contains("protocol version 1"), "{payload}");
    only_v1(&daemon.said_v1());
    // Whoever can be asked is still asked.
    daemon.query("new", "tester", "write out.txt written");
    let asked = daemon.hear("approval_requested", "new");
    daemon.ask("approval_decision", "new", &json!({ "approval": asked["approval"], "optionId": "allow" }));
    assert_eq!(daemon.result("new")["terminalStatus"], "succeeded");
    daemon.end();
}

#[test]
fn information_that_nobody_can_give_is_not_waited_for() {
    let world = World::new();
    let settings = "cancel-grace-ms = 200\ndefault-adapter = \"person_probe\"\n";
    world.configure(&format!("{settings}{}", guest("person_probe")));
    world.install(&guest_file("person_probe"));
    let mut daemon = Serving::start(&world);
    daemon.ask("subscribe", "s", &json!({}));
    daemon.hear("ack", "s");
    daemon.say_v1(&query("q", "ask 7"));
    let provided = daemon.hear_that("event", "s", |event| event["event"]["type"] == "input.provided");
    let payload = &provided["event"]["payload"];
    assert_eq!((&payload["outcome"], &payload["by"]), (&"declined".into(), &"nobody_to_ask".into()));
    daemon.say_v1(&json!({ "type": "interrupt" }));
    daemon.told_v1("result", |result| result["terminalStatus"] == "cancelled");
    daemon.end();
}

#[test]
fn a_log_in_is_asked_for_chosen_and_confirmed_once_the_runtime_works() {
    let (world, mut daemon) = serving(&["locked"]);
    daemon.say_v1(&query("q", "say in"));
    let required = daemon.told_v1("auth_required", |_| true);
    assert_eq!(required["methods"][0]["id"], "key", "{required}");
    daemon.say_v1(&json!({ "type": "authenticate", "methodId": "door" }));
    assert!(text(&daemon.told_v1("error", |_| true), "message").contains("`key`"));
    daemon.say_v1(&json!({ "type": "authenticate", "methodId": "key" }));
    assert_eq!(daemon.told_v1("result", |_| true)["text"], "in");
    let said = daemon.said_v1();
    let kinds: Vec<_> = said.iter().map(|message| text(message, "type")).collect();
    let at = |kind: &str| kinds.iter().position(|other| other == kind).unwrap();
    assert!(at("auth_required") < at("auth_success") && at("auth_success") < at("text_delta"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "auth_success").count(), 1);
    only_v1(&said);
    assert_eq!(world.list("runs")[0]["attempts"][1]["retryReason"], "auth_recovery");
    daemon.say_v1(&json!({ "type": "authenticate", "methodId": "key" }));
    daemon.told_v1("error", |error| text(error, "message").contains("no query goes on"));
    daemon.end();
}

#[test]
fn a_run_that_failed_is_an_error_with_how() {
    let (_world, mut daemon) = serving(&[]);
    daemon.say_v1(&query("q", "say so far\nexit"));
    let error = daemon.told_v1("error", |error| error.get("failure").is_some());
    assert_eq!(error["message"], error["failure"]["userMessage"]);
    assert!(!text(&error["failure"], "code").is_empty(), "{error}");
    assert_eq!(error["failure"]["adapterId"], "tester");
    assert!(error["failure"]["retryable"].is_boolean());
    only_v1(&daemon.said_v1());
    daemon.end();
}

#[test]
fn what_old_clients_hint_at_is_nothing_and_a_token_is_not_taken() {
    let (world, mut daemon) = serving(&[]);
    daemon
        .say_v1(&json!({ "type": "warmup", "cwd": "/x", "models": ["m"], "sessions": [{ "key": "main" }] }));
    daemon.say_v1(&json!({ "type": "refresh_token", "token": "sk-very-secret" }));
    let why = text(&daemon.told_v1("error", |_| true), "message");
    assert!(why.contains("no token is taken") && why.contains("hint:"), "{why}");
    daemon.say_v1(&json!({ "type": "query", "prompt": "say no", "ownerId": "somebody else" }));
    daemon.told_v1("error", |error| text(error, "message").contains("`ownerId`"));
    daemon.say_v1(&json!({ "type": "interrupt", "ownerId": "yet another" }));
    daemon.say_v1(&json!({ "type": "subscribe" }));
    daemon.told_v1("error", |error| text(error, "message").contains("hint: `protocolVersion` 2"));
    let said = daemon.said_v1();
    assert_eq!(said.len(), 4, "a hint has no answer: {said:?}");
    assert_eq!(
        (world.list("sessions").len(), world.list("runs").len()),
        (0, 0),
        "no session is made by a hint"
    );
    let ended = daemon.end();
    assert!(!format!("{ended:?}").contains("sk-very-secret"), "{ended:?}");
}

#[test]
fn an_old_query_may_name_a_model_instead_of_a_session() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    daemon.say_v1(&json!({ "type": "query", "prompt": "hello", "model": "small" }));
    daemon.told_v1("result", |_| true);
    daemon.say_v1(&json!({ "type": "query", "prompt": "hello again" }));
    daemon.told_v1("result", |result| result["text"] == "hello again");
    let keys: Vec<_> =
        world.list("sessions").iter().map(|session| session["legacySessionKey"].clone()).collect();
    assert_eq!(keys, ["default", "small"]);
    daemon.end();
}
