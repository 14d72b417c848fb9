//! `serve --stdio`: wire protocol v2, several requests on one pipe.

use omi_tests::world::{Running, World};
use serde_json::{Value, json};

fn send(running: &mut Running, message: &Value) {
    running.write(&format!("{message}\n"));
}

fn query(request: &str, adapter: &str, prompt: &str) -> Value {
    json!({ "type": "query", "protocolVersion": 2, "requestId": request, "clientId": "test",
        "adapterId": adapter, "prompt": prompt })
}

fn is(message: &Value, kind: &str, request: &str) -> bool {
    message["type"] == kind && message["requestId"] == request
}

#[test]
fn requests_run_side_by_side_and_every_message_says_whose_it_is() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = world.start(&["serve", "--stdio"]);
    daemon.message("init", |message| message["type"] == "init");
    send(&mut daemon, &query("a", "tester", "say one two three"));
    send(&mut daemon, &query("b", "echo", "four five"));
    let a = daemon.message("the result of a", |message| is(message, "result", "a"));
    let b = daemon.message("the result of b", |message| is(message, "result", "b"));
    assert_eq!((&a["terminalStatus"], &a["text"]), (&"succeeded".into(), &"one two three".into()));
    assert_eq!((&b["terminalStatus"], &b["text"]), (&"succeeded".into(), &"four five".into()));
    assert_ne!(a["runId"], b["runId"]);
    assert!(a["attemptId"].as_str().unwrap().starts_with("att_") && a["eventId"].is_string(), "{a}");
    assert_ne!(a["adapterSessionId"], a["sessionId"]);
    drop(daemon.stdin.take());
    let ended = daemon.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = |request: &str| -> String {
        let messages = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let deltas = messages.filter(|message| is(message, "text_delta", request));
        deltas.map(|delta| delta["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((text("a").as_str(), text("b").as_str()), ("one two three", "four five"), "no text twice");
}

#[test]
fn an_interrupt_is_acknowledged_once_and_truthfully() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = world.start(&["serve", "--stdio"]);
    send(&mut daemon, &query("a", "tester", "slow"));
    let delta = daemon.message("a delta", |message| is(message, "text_delta", "a"));
    let interrupt = |request: &str| json!({ "type": "interrupt", "protocolVersion": 2, "requestId": request, "clientId": "test" });
    send(&mut daemon, &interrupt("a"));
    let ack = daemon.message("an acknowledgement", |message| is(message, "cancel_ack", "a"));
    assert_eq!(
        (&ack["accepted"], &ack["dispatchAttempted"], &ack["adapterAcknowledged"]),
        (&true.into(), &true.into(), &false.into())
    );
    for field in ["sessionId", "runId", "attemptId"] {
        assert!(ack[field].is_string() && ack[field] == delta[field], "{field}: {ack}");
    }
    let result = daemon.message("the result", |message| is(message, "result", "a"));
    assert_eq!(result["terminalStatus"], "cancelled");
    assert!(result["text"].as_str().unwrap().starts_with("tick"), "{result}");
    send(&mut daemon, &interrupt("never"));
    let ack = daemon.message("another one", |message| is(message, "cancel_ack", "never"));
    assert_eq!(ack["accepted"], false);
    drop(daemon.stdin.take());
    let ended = daemon.ended();
    assert_eq!(ended.stdout.matches("\"cancel_ack\"").count(), 2, "{ended:?}");
}

#[test]
fn a_session_keeps_its_native_session_and_runs_one_prompt_at_a_time() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = world.start(&["serve", "--stdio"]);
    let of_task = |request: &str, prompt: &str| {
        let mut query = query(request, "tester", prompt);
        query["externalRefKind"] = json!("task");
        query["externalRefId"] = json!("task-1");
        query
    };
    send(&mut daemon, &of_task("a", "say one"));
    send(&mut daemon, &of_task("b", "say two"));
    let a = daemon.message("the result of a", |message| is(message, "result", "a"));
    let b = daemon.message("the result of b", |message| is(message, "result", "b"));
    assert_eq!(a["sessionId"], b["sessionId"]);
    assert_eq!(a["adapterSessionId"], b["adapterSessionId"]);
    let ends: Vec<_> = world
        .event_types()
        .into_iter()
        .filter(|kind| kind == "run.running" || kind == "run.succeeded")
        .collect();
    assert_eq!(ends, ["run.running", "run.succeeded", "run.running", "run.succeeded"]);
}

#[test]
fn the_same_request_is_the_same_run_and_another_prompt_is_a_conflict() {
    let world = World::new();
    let mut daemon = world.start(&["serve", "--stdio"]);
    send(&mut daemon, &query("a", "echo", "hello"));
    let first = daemon.message("the result", |message| is(message, "result", "a"));
    drop(daemon.stdin.take());
    daemon.ended();
    let mut daemon = world.start(&["serve", "--stdio"]);
    send(&mut daemon, &query("a", "echo", "hello"));
    let again = daemon.message("the same result", |message| is(message, "result", "a"));
    assert_eq!((&first["runId"], &again["runId"]), (&again["runId"], &first["runId"]));
    send(&mut daemon, &query("a", "echo", "something else"));
    let error = daemon.message("a conflict", |message| is(message, "error", "a"));
    assert!(error["message"].as_str().unwrap().contains("used before"), "{error}");
    assert_eq!(world.list("runs").len(), 1);
}

#[test]
fn what_cannot_be_read_is_answered_and_nothing_ends() {
    let world = World::new();
    let mut daemon = world.start(&["serve", "--stdio"]);
    daemon.write("not json\n");
    daemon.message("an error", |message| message["type"] == "error");
    let mut odd = query("b", "echo", "x");
    odd["colour"] = json!("red");
    send(&mut daemon, &odd);
    let error = daemon.message("an error", |message| is(message, "error", "b"));
    assert!(error["message"].as_str().unwrap().contains("colour"), "{error}");
    send(&mut daemon, &query("c", "nobody", "x"));
    let error = daemon.message("an error", |message| is(message, "error", "c"));
    assert!(error["message"].as_str().unwrap().contains("`nobody`"), "{error}");
    send(&mut daemon, &query("d", "echo", "still here"));
    daemon.message("a result", |message| is(message, "result", "d"));
}
