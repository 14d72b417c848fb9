//! A run asks another one for work: with one worker, within its depth and budget, and stopped with its parent.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

/// A daemon with so many workers, and a run that streams until it is stopped.
fn with_parent(workers: usize) -> (World, Serving, Value) {
    let world = World::new();
    world.configure(&format!("workers-max = {workers}\n{}", tester(&[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("parent", "tester", "slow");
    let parent = daemon.hear("text_delta", "parent")["runId"].clone();
    (world, daemon, parent)
}

fn work(parent: &Value, mode: &str, adapter: &str, objective: &str) -> Value {
    json!({ "parentRunId": parent, "mode": mode, "adapterId": adapter, "objective": objective })
}

fn run_of(world: &World, run: &Value) -> Value {
    world.show(&["runs", run.as_str().unwrap(), "--json"])
}

#[test]
fn a_call_is_answered_with_its_result_although_there_is_one_worker() {
    let (world, mut daemon, parent) = with_parent(1);
    let mut call = work(&parent, "call", "echo", "Count the words");
    call["context"] = json!("one two three");
    daemon.ask("delegate", "d", &call);
    let delegated = daemon.hear("delegated", "d");
    assert!(text(&delegated, "delegationId").starts_with("del_"));
    let told = daemon.hear("delegation_result", "d");
    assert_eq!((&told["delegationId"], &told["runId"]), (&delegated["delegationId"], &delegated["runId"]));
    let result = &told["result"];
    assert_eq!(result["status"], "succeeded");
    let summary = text(result, "summary");
    assert!(summary.contains("Count the words") && summary.contains("one two three"), "{summary}");
    assert!(!summary.contains("tick"), "never the parent's transcript: {summary}");
    for field in ["artifacts", "verifiedEffects", "openQuestions"] {
        assert_eq!(result[field], json!([]), "{field}");
    }
    let child = run_of(&world, &delegated["runId"]);
    assert_eq!((&child["parentRunId"], &child["status"]), (&parent, &"succeeded".into()));
    assert_eq!((&child["mode"], &child["modelProfile"]), (&"ask".into(), &"worker".into()));

    // The same request again is the same delegation, and its result is known.
    daemon.ask("delegate", "d", &call);
    daemon.hear_all("delegation_result", "d", 2);
    let again = daemon.said_to("delegated", "d").pop().unwrap();
    assert_eq!((&again["delegationId"], &again["repeated"]), (&delegated["delegationId"], &true.into()));
    assert_eq!(world.list("runs").len(), 2);

    let mut go_on = work(&parent, "continue", "echo", "And the letters");
    go_on["childSessionId"] = delegated["sessionId"].clone();
    daemon.ask("delegate", "e", &go_on);
    let second = daemon.hear("delegation_result", "e");
    assert_eq!(second["sessionId"], delegated["sessionId"]);
    assert!(text(&second["result"], "summary").contains("And the letters"));

    assert_eq!(run_of(&world, &parent)["status"], "running");
    daemon.stop("parent");
    let listed = world.show(&["delegations", parent.as_str().unwrap(), "--json"]);
    let listed: Vec<_> =
        listed.as_array().unwrap().iter().map(|one| [&one["mode"], &one["status"]]).collect();
    assert_eq!(listed, [["call", "succeeded"], ["continue", "succeeded"]]);
}

#[test]
fn a_call_that_asks_a_person_asks_the_client_that_waits_for_it() {
    let (world, mut daemon, parent) = with_parent(2);
    let mut call = work(&parent, "call", "tester", "write out.txt written\nsay done");
    call["runMode"] = json!("act");
    daemon.ask("delegate", "d", &call);
    let delegated = daemon.hear("delegated", "d");
    let asked = daemon.hear("approval_requested", "d");
    assert_eq!((&asked["runId"], &asked["sessionId"]), (&delegated["runId"], &delegated["sessionId"]));
    assert_eq!(asked["attemptId"], daemon.hear_status("d", "waiting_approval")["attemptId"]);
    // The same request again is told nothing twice.
    daemon.ask("delegate", "d", &call);
    assert_eq!(daemon.hear_all("delegated", "d", 2)[1]["repeated"], true);
    // The name of the request is enough, as it is for a query.
    daemon.ask("approval_decision", "d", &json!({ "approval": asked["approval"], "optionId": "allow" }));
    assert_eq!(daemon.hear("approval_resolved", "d")["optionId"], "allow");
    let result = daemon.hear("delegation_result", "d");
    assert_eq!((&result["runId"], &result["result"]["summary"]), (&delegated["runId"], &"done".into()));
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");
    daemon.stop("parent");
    for (kind, count) in
        [("approval_requested", 1), ("delegation_result", 1), ("text_delta", 0), ("tool_activity", 0)]
    {
        assert_eq!(daemon.said_to(kind, "d").len(), count, "{kind}");
    }
}

#[test]
fn a_call_is_stopped_by_the_request_that_delegated_it() {
    let (world, mut daemon, parent) = with_parent(2);
    daemon.ask("delegate", "d", &work(&parent, "call", "tester", "slow"));
    daemon.hear_status("d", "running");
    daemon.ask("interrupt", "d", &json!({}));
    let ack = daemon.hear("cancel_ack", "d");
    assert_eq!(ack["accepted"], true, "{ack}");
    assert_eq!(daemon.hear("delegation_result", "d")["result"]["status"], "cancelled");
    assert_eq!(run_of(&world, &parent)["status"], "running");
    daemon.stop("parent");
}

#[test]
fn a_spawn_goes_on_beside_its_parent_and_its_end_is_an_event() {
    let (world, mut daemon, parent) = with_parent(2);
    daemon.ask("subscribe", "s", &json!({ "runId": parent }));
    daemon.hear("ack", "s");
    daemon.ask("delegate", "d", &work(&parent, "spawn", "echo", "hello"));
    let delegated = daemon.hear("delegated", "d");
    let over = daemon.hear_that("event", "s", |message| message["event"]["type"] == "delegation.completed");
    assert_eq!(over["event"]["payload"]["childRunId"], delegated["runId"]);
    daemon.stop("parent");
    assert_eq!(run_of(&world, &delegated["runId"])["status"], "succeeded");
    assert_eq!(daemon.said_to("delegation_result", "d"), Vec::<Value>::new(), "nobody waits for it");
}

#[test]
fn a_call_that_would_wait_for_ever_is_refused() {
    let world = World::new();
    world.configure(&tester(&[], "workers-max = 1"));
    let mut daemon = Serving::start(&world);
    daemon.query("parent", "tester", "slow");
    let parent = daemon.hear("text_delta", "parent")["runId"].clone();
    daemon.ask("delegate", "d", &work(&parent, "call", "tester", "say hello"));
    let (code, why) = daemon.refusal("d");
    assert_eq!(code, "no_worker_for_call");
    assert!(why.contains("`tester`") && why.contains("hint:"), "{why}");
    assert_eq!(world.list("runs").len(), 1, "nothing half");
    daemon.stop("parent");
}

#[test]
fn depth_and_budget_are_enforced() {
    let (world, mut daemon, parent) = with_parent(4);
    let refused = |daemon: &mut Serving, request: &str, parent: &Value, field: &str, value: Value| {
        let mut fields = work(parent, "spawn", "echo", "hello");
        fields[field] = value;
        daemon.ask("delegate", request, &fields);
        daemon.refusal(request).0
    };
    assert_eq!(refused(&mut daemon, "b1", &parent, "maxBudgetUsd", json!(0)), "invalid_budget");
    assert_eq!(refused(&mut daemon, "b2", &parent, "maxBudgetUsd", json!(10.5)), "invalid_budget");
    assert_eq!(refused(&mut daemon, "d1", &parent, "maxDepth", json!(0)), "invalid_depth");
    assert_eq!(refused(&mut daemon, "d2", &parent, "maxDepth", json!(6)), "invalid_depth");
    assert_eq!(refused(&mut daemon, "o", &parent, "objective", json!("  ")), "empty_prompt");
    let context = json!("x".repeat(4001));
    assert_eq!(refused(&mut daemon, "c", &parent, "context", context), "too_long");
    let session = json!(format!("ses_{}", "0".repeat(32)));
    assert_eq!(refused(&mut daemon, "s", &parent, "childSessionId", session), "continue_names_session");

    // One child spends all it may, another one more than that.
    let mut child = work(&parent, "spawn", "tester", "cost 1\nslow");
    child["maxBudgetUsd"] = json!(1);
    daemon.ask("delegate", "child", &child);
    let child = daemon.hear("delegated", "child")["runId"].clone();
    daemon.ask("subscribe", "use", &json!({ "runId": child, "afterCursor": 0 }));
    daemon.hear_that("event", "use", |message| message["event"]["type"] == "usage.updated");
    assert_eq!(refused(&mut daemon, "spent", &child, "maxBudgetUsd", json!(1)), "budget_spent");
    let mut more = work(&parent, "call", "tester", "cost 2\nslow");
    more["maxBudgetUsd"] = json!(1);
    daemon.ask("delegate", "more", &more);
    let result = daemon.hear("delegation_result", "more")["result"].clone();
    assert_eq!((&result["status"], &result["error"]["code"]), (&"failed".into(), &"budget_exceeded".into()));
    // Another one that spends nothing, but is deep enough.
    daemon.ask("delegate", "free", &work(&parent, "spawn", "tester", "slow"));
    let free = daemon.hear("delegated", "free")["runId"].clone();
    daemon.ask("subscribe", "free-s", &json!({ "runId": free, "afterCursor": 0 }));
    daemon.hear("text_delta", "free-s");
    assert_eq!(refused(&mut daemon, "too deep", &free, "maxDepth", json!(1)), "too_deep");
    daemon.stop("parent");
    assert_eq!(world.list("runs").len(), 4, "what was refused left nothing");
}

#[test]
fn who_is_cancelled_takes_what_it_delegated_along() {
    let (world, mut daemon, parent) = with_parent(2);
    daemon.ask("delegate", "d", &work(&parent, "call", "tester", "slow"));
    let child = daemon.hear("delegated", "d")["runId"].clone();
    daemon.ask("subscribe", "s", &json!({ "runId": child, "afterCursor": 0 }));
    daemon.hear("text_delta", "s");
    assert_eq!(daemon.stop("parent")["terminalStatus"], "cancelled");
    let result = daemon.hear("delegation_result", "d");
    assert_eq!(result["result"]["status"], "cancelled");
    assert!(text(&result["result"], "summary").starts_with("tick"), "partial text: {result}");
    assert_eq!(run_of(&world, &child)["status"], "cancelled");
}

#[test]
fn only_a_run_that_is_executed_delegates() {
    let (world, mut daemon, parent) = with_parent(1);
    daemon.stop("parent");
    daemon.ask("delegate", "over", &work(&parent, "spawn", "echo", "hello"));
    assert_eq!(daemon.refusal("over").0, "cannot_delegate");
    let unknown = json!(format!("run_{}", "0".repeat(32)));
    daemon.ask("delegate", "unknown", &work(&unknown, "spawn", "echo", "hello"));
    assert_eq!(daemon.refusal("unknown").0, "not_found");
    assert_eq!(world.list("runs").len(), 1);
}
