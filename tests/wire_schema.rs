//! The schema of the wire against a daemon that serves: every message that is said and heard is in it, and each kind of
//! message is said.

use std::collections::BTreeSet;

use omi_tests::world::schema::Schema;
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, agent, guest, guest_file, tester};
use serde_json::{Value, json};

/// A daemon, and everything that it was told.
struct Talk {
    daemon: Serving,
    heard: Vec<Value>,
}

impl Talk {
    fn ask(&mut self, kind: &str, request: &str, fields: &Value) {
        let mut message =
            json!({ "type": kind, "protocolVersion": 2, "requestId": request, "clientId": "test" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            message[name.as_str()] = value.clone();
        }
        self.say(message);
    }

    fn query(&mut self, request: &str, adapter: &str, prompt: &str) {
        self.ask("query", request, &json!({ "adapterId": adapter, "prompt": prompt, "mode": "act" }));
    }

    fn say(&mut self, message: Value) {
        self.daemon.say_v1(&message);
        self.heard.push(message);
    }
}

fn schema(world: &World) -> Schema {
    Schema::new(world.show(&["schema", "wire"]))
}

fn is_v1(message: &Value) -> bool {
    message["protocolVersion"] != 2
}

/// Each message is what the schema has, and each kind that it has was there.
fn covered(schema: &Schema, definition: &str, messages: &[&Value]) {
    for message in messages {
        if let Some(why) = schema.wrong(definition, message) {
            panic!("{definition}: {message}\n{why}");
        }
    }
    let said: BTreeSet<&str> = messages.iter().filter_map(|message| message["type"].as_str()).collect();
    let known = schema.kinds(definition);
    assert_eq!(known.contains(&"init".to_owned()), definition.ends_with("FromDaemon"));
    let never: Vec<&String> = known.iter().filter(|kind| !said.contains(kind.as_str())).collect();
    assert!(known.len() > 5 && never.is_empty(), "{definition}: never said: {never:?}");
}

/// What clients and daemon say to each other about runs.
fn runs(talk: &mut Talk) {
    talk.query("a", "tester", "think hm\nread in.txt\nwrite out.txt written\nsay one");
    let asked = talk.daemon.hear("approval_requested", "a");
    talk.ask("approval_decision", "a", &json!({ "approval": asked["approval"], "optionId": "allow" }));
    talk.daemon.result("a");
    talk.query("slow", "tester", "slow");
    let slow = talk.daemon.hear("text_delta", "slow");
    let objective =
        json!({ "parentRunId": slow["runId"], "mode": "call", "objective": "hello", "adapterId": "echo" });
    talk.ask("delegate", "d", &objective);
    talk.daemon.hear("delegation_result", "d");
    talk.ask("interrupt", "slow", &json!({ "runId": slow["runId"] }));
    talk.daemon.hear("cancel_ack", "slow");
    talk.daemon.result("slow");
    talk.query("exit", "tester", "exit");
    let failed = talk.daemon.result("exit");
    assert!(failed["failure"].is_object(), "{failed}");
    talk.ask("retry", "again", &json!({ "runId": failed["runId"], "adapterId": "echo" }));
    talk.daemon.result("again");
    talk.query("locked", "locked", "say in");
    talk.daemon.hear("auth_required", "locked");
    talk.ask("authenticate", "locked", &json!({ "methodId": "key" }));
    talk.daemon.hear("auth_success", "locked");
    talk.daemon.result("locked");
    talk.query("made", "person_probe", "ask 7\nname-text hello\nfinish");
    let asked = talk.daemon.hear("input_requested", "made");
    talk.ask("provide_input", "made", &json!({ "request": asked["request"], "value": ["any", 1] }));
    talk.daemon.hear("input_provided", "made");
}

/// What they say about tools.
fn tools(talk: &mut Talk) {
    let weather = json!({ "name": "weather", "inputSchema": { "type": "object" }, "timeoutMs": 60_000 });
    let query = json!({ "adapterId": "handed", "prompt": "call weather {}", "tools": [weather] });
    talk.ask("query", "tools", &query);
    let used = talk.daemon.hear("tool_use", "tools");
    talk.ask("tool_result", "tools", &json!({ "callId": used["callId"], "result": "rain" }));
    talk.daemon.result("tools");
    talk.ask("direct_control_tool", "direct", &json!({ "name": "list_agent_sessions", "input": {} }));
    talk.daemon.hear("control_tool_result", "direct");
    talk.ask(
        "control_tool",
        "control",
        &json!({ "name": "get_agent_run", "input": { "runId": used["runId"] } }),
    );
    talk.daemon.hear("control_tool_result", "control");
}

/// And about everything else.
fn others(talk: &mut Talk) {
    talk.ask("subscribe", "s", &json!({ "afterCursor": 0 }));
    talk.daemon.hear_that("event", "s", |event| event["event"]["type"] == "run.succeeded");
    talk.ask("unsubscribe", "s", &json!({}));
    talk.ask("subscribe", "gap", &json!({ "afterCursor": 1_000_000 }));
    talk.daemon.hear("gap", "gap");
    let a = talk.daemon.result("a");
    talk.ask(
        "update_session",
        "u",
        &json!({ "sessionId": a["sessionId"], "status": "archived", "metadata": {} }),
    );
    talk.ask("invalidate_session", "i", &json!({ "sessionId": a["sessionId"] }));
    let id = |prefix: &str| format!("{prefix}_{}", "0".repeat(32));
    talk.ask("update_artifact", "ua", &json!({ "artifactId": id("art"), "state": "opened" }));
    talk.ask("revoke_grant", "rg", &json!({ "grantId": id("grant") }));
    talk.ask("install_component", "ic", &json!({ "path": "/none.wasm" }));
    talk.ask("remove_component", "rc", &json!({ "path": "/none.wasm" }));
    talk.ask("warmup", "w", &json!({ "cwd": "/x", "models": ["m"], "sessions": [{ "key": "k" }] }));
    talk.ask("refresh_owner", "ro", &json!({ "ownerId": "desktop-local-user" }));
    talk.ask("refresh_token", "rt", &json!({ "token": "t" }));
    for request in ["ua", "rg", "ic", "rc", "rt"] {
        talk.daemon.refusal(request);
    }
    talk.daemon.hear("ack", "ro");
}

/// And what a client of v1 says and is told.
fn old(talk: &mut Talk) {
    let query = |prompt: &str| json!({ "type": "query", "id": prompt, "adapterId": "tester", "prompt": prompt, "more": 1 });
    talk.say(query("think hm\nread in.txt\nsay done"));
    talk.daemon.told_v1("result", |result| text(result, "text").ends_with("done"));
    talk.say(query("exit"));
    talk.daemon.told_v1("error", |error| error.get("failure").is_some());
    talk.say(json!({ "type": "query", "sessionKey": "l", "adapterId": "locked-again", "prompt": "say in" }));
    talk.daemon.told_v1("auth_required", |_| true);
    talk.say(json!({ "type": "authenticate", "methodId": "key" }));
    talk.daemon.told_v1("auth_success", |_| true);
    talk.daemon.told_v1("result", |result| result["text"] == "in");
    talk.say(json!({ "type": "interrupt", "protocolVersion": 1 }));
    talk.say(json!({ "type": "invalidate_session", "sessionKey": "l" }));
    talk.say(json!({ "type": "warmup", "models": ["m"] }));
    talk.say(json!({ "type": "refresh_token", "token": "t" }));
    talk.daemon.told_v1("error", |error| text(error, "message").contains("token"));
}

#[test]
fn everything_that_is_said_and_heard_is_in_the_schema() {
    let world = World::new();
    let handed = agent("handed", &[], "tools = true");
    let agents =
        [agent("locked", &["locked"], ""), agent("locked-again", &["locked"], ""), handed, tester(&[], "")];
    world.configure(&format!("cancel-grace-ms = 200\n{}{}", guest("person_probe"), agents.concat()));
    world.install(&guest_file("person_probe"));
    std::fs::write(world.work().join("in.txt"), "hello").unwrap();
    let schema = schema(&world);
    let mut talk = Talk { daemon: Serving::start(&world), heard: vec![] };
    runs(&mut talk);
    tools(&mut talk);
    others(&mut talk);
    old(&mut talk);
    talk.say(json!({ "type": "stop" }));
    let Talk { daemon, heard } = talk;
    let ended = daemon.running.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let init = said.iter().filter(|message| message["type"] == "init");
    let of_v1 = said.iter().filter(|message| is_v1(message));
    covered(&schema, "V1FromDaemon", &init.chain(of_v1).collect::<Vec<_>>());
    covered(&schema, "V2FromDaemon", &said.iter().filter(|message| !is_v1(message)).collect::<Vec<_>>());
    let stop = heard.iter().filter(|message| message["type"] == "stop");
    covered(&schema, "V1ToDaemon", &heard.iter().filter(|message| is_v1(message)).collect::<Vec<_>>());
    let of_v2 = heard.iter().filter(|message| !is_v1(message));
    covered(&schema, "V2ToDaemon", &of_v2.chain(stop).collect::<Vec<_>>());
}

#[test]
fn what_the_schema_does_not_have_the_daemon_does_not_take() {
    let world = World::new();
    let schema = schema(&world);
    let mut talk = Talk { daemon: Serving::start(&world), heard: vec![] };
    let run = format!("run_{}", "0".repeat(32));
    for (number, (kind, fields)) in [
        ("query", json!({})),
        ("query", json!({ "prompt": 1 })),
        ("query", json!({ "prompt": "x", "colour": 1 })),
        ("query", json!({ "prompt": "x", "resume": "native" })),
        ("query", json!({ "prompt": "x", "sessionId": "ses_1" })),
        ("query", json!({ "prompt": "x", "mode": "dance" })),
        ("query", json!({ "prompt": "x", "mode": null })),
        ("query", json!({ "prompt": "x", "modelProfile": "painter" })),
        ("query", json!({ "prompt": "x", "ownerId": 1 })),
        ("interrupt", json!({ "runId": 1 })),
        ("retry", json!({ "runId": run, "anyway": "yes" })),
        ("approval_decision", json!({ "approval": -1, "optionId": "x" })),
        ("approval_decision", json!({ "approval": 1, "decision": "maybe" })),
        ("delegate", json!({ "parentRunId": run, "mode": "lend", "objective": "x" })),
        ("subscribe", json!({ "afterCursor": -1 })),
        ("unsubscribe", json!({ "colour": 1 })),
        ("authenticate", json!({})),
        ("refresh_owner", json!({})),
        ("warmup", json!({ "sessions": [{}] })),
        ("dance", json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let request = number.to_string();
        talk.ask(kind, &request, &fields);
        assert_eq!(talk.daemon.refusal(&request).0, "invalid_message", "{kind} {fields}");
        let message = talk.heard.last().unwrap();
        assert!(schema.wrong("V2ToDaemon", message).is_some(), "the schema has {message}");
    }
}
