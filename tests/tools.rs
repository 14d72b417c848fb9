//! Control tools over the wire: one message a call, and JSON in a text as its answer.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

/// What a control tool answered to a request.
fn answered(daemon: &Serving, request: &str) -> Value {
    let message = daemon.hear("control_tool_result", request);
    serde_json::from_str(&text(&message, "result")).expect("JSON in a text")
}

#[test]
fn the_first_message_names_the_control_tools_and_each_can_be_called() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    let init = daemon.said().remove(0);
    let names = init["agentControlTools"].as_array().unwrap().clone();
    assert_eq!(names.len(), 7, "{init}");
    for (number, name) in names.iter().enumerate() {
        let request = format!("t{number}");
        daemon.ask("direct_control_tool", &request, &json!({ "name": name, "input": { "colour": 1 } }));
        let told = daemon.hear("control_tool_result", &request);
        assert_eq!(told["name"], *name);
        assert_eq!(answered(&daemon, &request)["error"]["code"], "invalid_tool_input", "{name}");
    }
    daemon.ask("control_tool", "unknown", &json!({ "name": "spawn_agent" }));
    assert_eq!(answered(&daemon, "unknown")["error"]["code"], "unknown_control_tool");
    let guarded = json!({ "name": "list_agent_sessions", "input": {}, "ownerId": "somebody" });
    daemon.ask("direct_control_tool", "guarded", &guarded);
    assert_eq!(daemon.refusal("guarded").0, "owner_mismatch");
    daemon.end();
}

#[test]
fn a_tool_called_about_a_request_delegates_as_its_run_and_a_repeated_call_makes_nothing_new() {
    let world = World::new();
    world.configure(&format!("workers-max = 3\n{}", tester(&[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("parent", "tester", "slow");
    let parent = daemon.hear("text_delta", "parent")["runId"].clone();
    let call = json!({ "mode": "call", "objective": "Count the words", "adapterId": "echo" });
    daemon.ask("control_tool", "parent", &json!({ "name": "delegate_agent", "input": call }));
    let done = answered(&daemon, "parent");
    assert_eq!((&done["ok"], &done["terminalStatus"]), (&json!(true), &json!("succeeded")), "{done}");
    assert_eq!(done["delegation"]["parentRunId"], parent);
    assert_eq!(done["childSession"]["omiSessionId"], done["delegation"]["childOmiSessionId"]);
    assert_eq!(done["result"]["summary"], "Count the words");

    let spawn = json!({ "mode": "spawn", "objective": "more", "adapterId": "echo", "parentRunId": parent });
    for _ in 0..2 {
        daemon.ask("direct_control_tool", "s", &json!({ "name": "delegate_agent", "input": spawn }));
    }
    let spawned: Vec<Value> = daemon
        .hear_all("control_tool_result", "s", 2)
        .iter()
        .map(|message| serde_json::from_str(&text(message, "result")).unwrap())
        .collect();
    assert_eq!(spawned[0]["childRun"]["runId"], spawned[1]["childRun"]["runId"], "the same request");
    assert_eq!(spawned[0]["terminalStatus"], Value::Null, "nobody waits for it");

    let get = json!({ "name": "get_agent_run", "input": { "runId": parent } });
    daemon.ask("direct_control_tool", "g", &get);
    let shown = answered(&daemon, "g");
    assert_eq!(shown["childDelegations"].as_array().unwrap().len(), 2, "{shown}");
    let child = json!({ "name": "get_agent_run", "input": { "runId": spawned[0]["childRun"]["runId"] } });
    daemon.ask("direct_control_tool", "c", &child);
    assert_eq!(answered(&daemon, "c")["parentDelegations"][0]["parentRunId"], parent);
    daemon.ask("direct_control_tool", "l", &json!({ "name": "list_agent_sessions" }));
    let listed = answered(&daemon, "l");
    let of_parent =
        listed["sessions"].as_array().unwrap().iter().find(|one| one["activeRun"]["runId"] == parent);
    assert!(of_parent.is_some(), "{listed}");

    let cancel = json!({ "name": "cancel_agent_run", "input": { "runId": parent } });
    daemon.ask("direct_control_tool", "x", &cancel);
    assert_eq!(answered(&daemon, "x")["cancellation"]["accepted"], true);
    assert_eq!(daemon.result("parent")["terminalStatus"], "cancelled");
    daemon.end();
}
