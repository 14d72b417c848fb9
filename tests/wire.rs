//! What every message of wire v2 keeps to: whose it is, whose all this is, and what comes with the end of a run.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

#[test]
fn two_clients_with_the_same_name_for_a_request_never_meet() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    let of = |client: &str, kind: &str| {
        let client = client.to_owned();
        let kind = kind.to_owned();
        move |message: &Value| {
            message["clientId"] == client.as_str()
                && message["requestId"] == "1"
                && message["type"] == kind.as_str()
        }
    };
    let prompt = |prompt: &str| json!({ "adapterId": "tester", "prompt": prompt });
    daemon.send("ann", "query", "1", &prompt("slow"));
    daemon.send("bob", "query", "1", &prompt("write out.txt written\nsay bob is done"));
    daemon.running.message("text for ann", of("ann", "text_delta"));
    let asked = daemon.running.message("a question for bob", of("bob", "approval_requested"));
    // Each answer and each interrupt is about the request of its own client.
    let answer = json!({ "approval": asked["approval"], "optionId": "allow" });
    daemon.send("ann", "approval_decision", "1", &answer);
    let refused = daemon.running.message("a refusal for ann", of("ann", "error"));
    assert_eq!(refused["code"], "no_open_request", "{refused}");
    daemon.send("bob", "approval_decision", "1", &answer);
    daemon.running.message("an acknowledgement for bob", of("bob", "ack"));
    daemon.send("ann", "interrupt", "1", &json!({}));
    let ann = daemon.running.message("the end for ann", of("ann", "result"));
    let bob = daemon.running.message("the end for bob", of("bob", "result"));
    assert_eq!((&ann["terminalStatus"], &bob["terminalStatus"]), (&"cancelled".into(), &"succeeded".into()));
    assert_eq!(bob["text"], "bob is done");
    assert_ne!(ann["runId"], bob["runId"]);
    for (client, run) in [("ann", &ann["runId"]), ("bob", &bob["runId"])] {
        let said = daemon.said().into_iter().filter(|message| message["clientId"] == client);
        assert!(said.filter(|message| !message["runId"].is_null()).all(|message| message["runId"] == *run));
    }
    // The same holds of subscriptions.
    daemon.send("ann", "subscribe", "s", &json!({}));
    daemon.send("bob", "subscribe", "s", &json!({}));
    daemon.hear_all("ack", "s", 2);
    daemon.send("ann", "unsubscribe", "s", &json!({}));
    daemon.hear_all("ack", "s", 3);
    daemon.send("bob", "query", "2", &json!({ "adapterId": "echo", "prompt": "hello" }));
    let is_end =
        |message: &Value| message["event"]["type"] == "run.succeeded" && message["clientId"] == "bob";
    daemon.hear_that("event", "s", is_end);
    assert!(daemon.said_to("event", "s").iter().all(|event| event["clientId"] == "bob"));
    daemon.end();
}

#[test]
fn an_owner_in_a_message_is_a_guard_and_nothing_else() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    let init = daemon.said()[0].clone();
    let me = text(&init, "ownerId");
    for (number, kind) in
        ["query", "warmup", "refresh_owner", "subscribe", "update_session"].into_iter().enumerate()
    {
        let request = format!("other-{number}");
        let session = format!("ses_{}", "0".repeat(32));
        let mut fields = json!({ "ownerId": "somebody else" });
        match kind {
            "query" => fields["prompt"] = json!("hello"),
            "update_session" => fields = json!({ "ownerId": "", "sessionId": session, "title": "x" }),
            _ => {}
        }
        daemon.ask(kind, &request, &fields);
        let (code, why) = daemon.refusal(&request);
        assert!(code == "owner_mismatch" && why.contains("hint:"), "{kind}: {code} {why}");
        assert!(!why.contains(&me), "who it is instead is in `init`");
    }
    assert_eq!((world.list("runs").len(), world.list("sessions").len()), (0, 0), "before anything is done");
    daemon.say_v1(&json!({ "type": "stop", "ownerId": "somebody else" }));
    daemon.running.message("a refusal to stop", |message| {
        message["code"] == "owner_mismatch" && message["requestId"] == ""
    });
    daemon.ask("refresh_owner", "mine", &json!({ "ownerId": me }));
    daemon.hear("ack", "mine");
    daemon.ask("query", "run", &json!({ "ownerId": me, "prompt": "hello" }));
    assert_eq!(daemon.result("run")["terminalStatus"], "succeeded");
    daemon.say_v1(&json!({ "type": "stop", "ownerId": me }));
    assert_eq!(daemon.running.ended().code, Some(0));
}

#[test]
fn an_interrupt_that_is_mistaken_about_its_run_stops_nothing() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    let delta = daemon.hear("text_delta", "a");
    let other = |prefix: &str| format!("{prefix}_{}", "0".repeat(32));
    for (request, fields) in [
        ("session", json!({ "runId": delta["runId"], "sessionId": other("ses") })),
        ("attempt", json!({ "runId": delta["runId"], "attemptId": other("att") })),
        ("run", json!({ "runId": other("run"), "sessionId": delta["sessionId"] })),
    ] {
        daemon.ask("interrupt", request, &fields);
        assert_eq!(daemon.refusal(request).0, "not_found");
    }
    assert_eq!(world.list("runs")[0]["status"], "running");
    let whole =
        json!({ "sessionId": delta["sessionId"], "attemptId": delta["attemptId"], "eventId": "evt_any" });
    daemon.ask("interrupt", "a", &whole);
    assert_eq!(daemon.hear("cancel_ack", "a")["accepted"], true);
    assert_eq!(daemon.result("a")["terminalStatus"], "cancelled");
    daemon.end();
}

#[test]
fn what_is_spoken_is_said_first_in_one_line_for_every_version() {
    let world = World::new();
    let daemon = Serving::start(&world);
    let init = &daemon.said()[0];
    assert_eq!(
        (&init["type"], &init["protocolVersion"], &init["sessionId"]),
        (&"init".into(), &json!(2), &"".into())
    );
    assert_eq!((&init["protocolVersions"], &init["ownerId"]), (&json!([1, 2]), &"desktop-local-user".into()));
    assert!(init["agentControlTools"].is_array() && init["runtimeVersion"].is_string(), "{init}");
    let words: Vec<_> = init["runtimeCapabilities"].as_array().unwrap().iter().map(Value::as_str).collect();
    for word in ["approvals", "log_in", "retry", "delegation", "subscriptions", "v1"] {
        assert!(words.contains(&Some(word)), "{word}: {words:?}");
    }
    daemon.end();
}

#[test]
fn a_hint_is_acknowledged_and_makes_nothing_and_a_token_is_not_taken() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    let hint =
        json!({ "cwd": "/x", "model": "m", "models": ["m"], "sessions": [{ "key": "k", "model": "m" }] });
    daemon.ask("warmup", "w", &hint);
    daemon.hear("ack", "w");
    daemon.ask("warmup", "odd", &json!({ "colour": "red" }));
    assert!(daemon.refusal("odd").1.contains("`colour`"));
    daemon.ask("refresh_token", "t", &json!({ "token": "sk-very-secret" }));
    let (code, why) = daemon.refusal("t");
    assert!(code == "unsupported" && why.contains("hint:") && why.contains("secrets"), "{code}: {why}");
    daemon.ask("query", "old", &json!({ "prompt": "hello", "resume": "native-1" }));
    assert!(daemon.refusal("old").1.contains("`resume`"), "that is a word of v1");
    assert_eq!(world.list("sessions").len(), 0, "no session is made by a hint");
    assert!(!format!("{:?}", daemon.end()).contains("sk-very-secret"));
}

#[test]
fn a_log_in_is_answered_by_authenticate_and_confirmed() {
    let world = World::new();
    world.register_tester(&["locked"]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say in");
    let required = daemon.hear("auth_required", "a");
    let asked = daemon.hear("input_requested", "a");
    assert_eq!(
        (&required["eventId"], &required["runId"]),
        (&asked["eventId"], &asked["runId"]),
        "one and the same"
    );
    assert_eq!(required["methods"][0]["id"], "key");
    daemon.ask("authenticate", "odd", &json!({ "runId": asked["runId"], "methodId": "door" }));
    assert_eq!(daemon.refusal("odd").0, "no_such_option");
    daemon.ask("authenticate", "other", &json!({ "methodId": "key" }));
    assert_eq!(daemon.refusal("other").0, "not_found", "that request has no run");
    daemon.ask("authenticate", "a", &json!({ "methodId": "key" }));
    assert_eq!(daemon.hear("ack", "a")["attemptId"], asked["attemptId"]);
    let result = daemon.result("a");
    assert_eq!(result["text"], "in");
    let success = daemon.hear("auth_success", "a");
    assert_eq!(success["attemptId"], result["attemptId"], "of the attempt that began with it");
    assert_eq!(daemon.said_to("auth_success", "a").len(), 1);
    daemon.ask("authenticate", "late", &json!({ "runId": asked["runId"], "methodId": "key" }));
    assert_eq!(daemon.refusal("late").0, "no_open_request");
    daemon.end();
}

#[test]
fn a_tool_is_shown_with_its_name_and_the_beginning_of_its_output() {
    let world = World::new();
    world.register_tester(&[]);
    std::fs::write(world.work().join("in.txt"), "é".repeat(3000)).unwrap();
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "read in.txt");
    daemon.result("a");
    let activity = daemon.said_to("tool_activity", "a");
    assert!(!text(&activity[0], "name").is_empty());
    assert!(activity.iter().all(|tool| tool["name"] == activity[0]["name"]), "{activity:?}");
    let shown = daemon.said_to("tool_result_display", "a");
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((&shown[0]["name"], &shown[0]["toolUseId"]), (&activity[0]["name"], &"call-1".into()));
    assert_eq!(text(&shown[0], "output").chars().count(), 2000);
    daemon.end();
}

#[test]
fn an_end_has_what_the_run_made_in_that_order_and_how_it_failed() {
    let world = World::new();
    world.register_guest("person_probe", &tester(&[], ""));
    let mut daemon = Serving::start(&world);
    let prompt = "name-text hello\nname-extra {\"k\":1}\nfinish";
    daemon.query("a", "person_probe", prompt);
    let made = daemon.result("a");
    let artifacts = made["artifacts"].as_array().unwrap();
    let listed = world.show(&["artifacts", &text(&made, "runId"), "--json"]);
    assert_eq!(artifacts.len(), 2, "{made}");
    for (artifact, listed) in artifacts.iter().zip(listed.as_array().unwrap().iter().rev()) {
        for field in ["artifactId", "kind", "uri", "displayName"] {
            assert_eq!(artifact[field], listed[field], "{field}");
        }
        assert_eq!(artifact.as_object().unwrap().len(), 4, "{artifact}");
    }
    assert!(made.get("failure").is_none(), "{made}");
    daemon.query("b", "tester", "exit");
    let failed = daemon.result("b");
    assert_eq!((&failed["terminalStatus"], &failed["artifacts"]), (&"failed".into(), &json!([])));
    let failure = &failed["failure"];
    let run = &world.list("runs")[0];
    assert_eq!((&failure["code"], &failure["userMessage"]), (&run["errorCode"], &run["errorMessage"]));
    assert_eq!(
        (&failure["adapterId"], &failure["retryable"]),
        (&"tester".into(), &run["attempts"][0]["retryable"])
    );
    daemon.end();
}
