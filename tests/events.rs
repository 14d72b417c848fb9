//! Server-sent events and the WebSocket: what is followed, what a client that comes again has missed, and what a chat
//! is shown.

use omi_tests::world::http::{HttpDaemon, ServerEvent};
use omi_tests::world::wire::text;
use omi_tests::world::{World, eventually, tester};
use serde_json::{Value, json};

fn is(kind: &str) -> impl Fn(&ServerEvent) -> bool {
    move |event| event.kind == kind
}

/// The events that are recorded, of those that were seen.
fn recorded(seen: &[ServerEvent]) -> Vec<Value> {
    seen.iter().filter(|event| event.id.is_some()).map(|event| event.data.clone()).collect()
}

#[test]
fn a_client_that_comes_again_has_missed_nothing_and_hears_nothing_twice() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let mut socket = client.websocket().expect("it is let in");
    let mut first = client.listen("/v1/events?after=0");
    socket.send("c", "query", "a", &json!({ "adapterId": "tester", "prompt": "say one two three" }));
    let mut seen = first.up_to(is("run.running"));
    drop(first);
    socket.hear(|message| message["type"] == "result");
    let last = seen.iter().rev().find_map(|event| event.id).expect("a cursor").to_string();
    // The header wins: a browser asks for the same address again.
    let mut again = client.with("last-event-id", &last).listen("/v1/events?after=0");
    seen.extend(again.up_to(is("run.succeeded")));
    let seen = recorded(&seen);
    let listed = world.list("events");
    let cursors: Vec<i64> = seen.iter().map(|event| event["cursor"].as_i64().expect("a cursor")).collect();
    assert!(cursors.windows(2).all(|pair| pair[0] < pair[1]), "{cursors:?}");
    for event in &listed {
        assert!(seen.contains(event), "it was not seen as it is recorded: {event}");
    }
    assert!(seen.iter().all(|event| listed.contains(event) || event["type"] == "message.delta"));
}

#[test]
fn text_streams_and_is_told_where_it_belongs() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.unix();
    let mut socket = client.websocket().expect("it is let in");
    let mut all = client.listen("/v1/events?after=0");
    socket.send("c", "query", "a", &json!({ "adapterId": "tester", "prompt": "slow" }));
    let live = all.up_to(is("text_delta")).pop().expect("text");
    assert_eq!((live.id, live.data["offset"].as_u64()), (None, Some(0)));
    let session = text(&live.data, "sessionId");
    // Somebody who comes in the middle of it is told the whole text, from the record and live.
    let mut late = client.listen(&format!("/v1/sessions/{session}/events?after=0&view=compact"));
    socket.send("c", "interrupt", "a", &json!({}));
    let seen = late.up_to(|event| event.kind == "status" && event.data["status"] == "cancelled");
    let told: String =
        seen.iter().filter(|event| event.kind == "token").map(|event| text(&event.data, "text")).collect();
    let run = world.list("runs").remove(0);
    assert_eq!(told, text(&run, "finalText"), "{seen:?}");
    let kinds = ["token", "message.final", "tool.call", "tool.result", "status", "error"];
    assert!(seen.iter().all(|event| kinds.contains(&event.kind.as_str())), "{seen:?}");
}

#[test]
fn a_chat_is_shown_calls_results_the_whole_message_and_why_it_failed() {
    let world = World::new();
    let broken =
        "[registrations.broken]\ncomponent = 'acp'\ngrants.agent = { command = ['/no/such/agent'] }\n";
    world.configure(&format!("{}{broken}", tester(&[], "")));
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let mut chat = client.listen("/v1/events?view=compact&after=0");
    let mut socket = client.websocket().expect("it is let in");
    socket.send("c", "query", "a", &json!({ "adapterId": "tester", "prompt": "write out.txt hello" }));
    let asked =
        socket.hear(|message| matches!(message["type"].as_str(), Some("approval_requested" | "result")));
    if asked["type"] == "approval_requested" {
        let option = asked["options"][0]["optionId"].clone();
        socket.send(
            "c",
            "approval_decision",
            "a",
            &json!({ "approval": asked["approval"], "optionId": option }),
        );
        socket.hear(|message| message["type"] == "result");
    }
    let seen = chat.up_to(|event| event.data["status"] == "succeeded");
    let count = |kind: &str| seen.iter().filter(|event| event.kind == kind).count();
    assert!(count("tool.call") == 1 && count("tool.result") == 1, "{seen:?}");
    socket.send("c", "query", "s", &json!({ "adapterId": "tester", "prompt": "say one two" }));
    let whole = chat.up_to(is("message.final")).pop().expect("a message");
    assert_eq!(text(&whole.data, "text"), "one two");
    socket.send("c", "query", "b", &json!({ "adapterId": "broken", "prompt": "hi" }));
    socket.hear(|message| message["type"] == "result" && message["requestId"] == "b");
    let seen = chat.up_to(is("error"));
    assert!(seen.iter().any(|event| event.data["status"] == "failed"), "{seen:?}");
    let error = seen.last().expect("an error");
    let failed = seen.iter().find(|event| event.data["status"] == "failed").expect("a status");
    assert!(failed.id.is_none() && error.id.is_some(), "who knows the cursor has heard both: {seen:?}");
    assert!(error.data["code"].is_string() && error.data["message"].is_string(), "{error:?}");
}

#[test]
fn what_is_not_there_or_cannot_be_is_said() {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let nobody = format!("ses_{}", "0".repeat(32));
    for (path, status, code) in [
        (format!("/v1/sessions/{nobody}/events"), 404, "not_found"),
        ("/v1/sessions/x/events".to_owned(), 404, "not_found"),
        (format!("/v1/events?session={nobody}"), 404, "not_found"),
        ("/v1/events?run=run_1".to_owned(), 404, "not_found"),
        ("/v1/events?after=-1".to_owned(), 400, "invalid_parameter"),
        ("/v1/events?after=x".to_owned(), 400, "invalid_parameter"),
        ("/v1/events?view=huge".to_owned(), 400, "invalid_parameter"),
        ("/v1/events?colour=red".to_owned(), 400, "invalid_parameter"),
        ("/v1/nothing".to_owned(), 404, "not_found"),
    ] {
        assert_eq!(client.get(&path).problem(), (status, code.to_owned()), "{path}");
    }
    assert_eq!(client.post("/v1/events", &json!({})).problem(), (405, "method_not_allowed".to_owned()));
    let unknown = client.listen("/v1/events?after=1000000").event();
    assert_eq!((unknown.kind.as_str(), &unknown.data["reason"]), ("gap", &json!("unknown")));
}

#[test]
fn a_websocket_speaks_the_wire_and_its_end_ends_no_run() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let mut socket = client.websocket().expect("it is let in");
    assert_eq!(socket.message().expect("a message")["type"], "init");
    socket.text("{");
    assert_eq!(socket.message().expect("a message")["code"], "invalid_message");
    socket.send("c", "query", "a", &json!({ "adapterId": "tester", "prompt": "slow" }));
    let run = socket.hear(|message| message["type"] == "text_delta")["runId"].clone();
    drop(socket);
    let mut other = client.websocket().expect("it is let in");
    other.send("d", "interrupt", "x", &json!({ "runId": run }));
    let acknowledged = other.hear(|message| message["type"] == "cancel_ack");
    assert_eq!(acknowledged["accepted"], true, "it went on until then: {acknowledged}");
    eventually("the run is over", || world.list("runs")[0]["status"] == "cancelled");
    other.text("{\"type\":\"stop\"}");
    assert_eq!(other.message(), None, "that connection ends");
    assert_eq!(client.get("/healthz").status, 200, "and nothing else");
}

#[test]
fn a_browser_names_its_key_among_the_protocols() {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let nobody = daemon.tcp().with_key(None);
    let offered =
        |key: &str| nobody.with("sec-websocket-protocol", &format!("omi.v2, omi-key.{key}")).websocket();
    assert_eq!(offered("x").err(), Some(401));
    let socket = offered(&daemon.key).expect("it is let in");
    assert_eq!(socket.protocol.as_deref(), Some("omi.v2"), "the key is not said again");
}
