//! Time and workers are limited: a run that takes too long is timed out, and no more run than may.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, agent, eventually, tester};
use serde_json::{Value, json};

#[test]
fn a_run_that_takes_too_long_is_timed_out_with_what_it_said() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.ask("query", "a", &json!({ "adapterId": "tester", "prompt": "slow", "timeoutMs": 700 }));
    let result = daemon.result("a");
    assert_eq!(
        (&result["terminalStatus"], &result["failure"]["code"]),
        (&"timed_out".into(), &"run_deadline".into())
    );
    assert!(text(&result, "text").starts_with("tick 1 "), "partial text is kept: {result}");
    daemon.query("b", "tester", "say still here");
    assert_eq!(daemon.result("b")["text"], "still here");
    daemon.ask("query", "c", &json!({ "adapterId": "tester", "prompt": "slow", "timeoutMs": 0 }));
    assert!(daemon.refusal("c").1.contains("hint:"));
}

#[test]
fn the_command_line_has_a_time_limit_and_an_exit_code_for_it() {
    let world = World::new();
    world.register_tester(&[]);
    let ended = world.run(&["run", "--adapter", "tester", "--timeout", "500ms", "slow"], "");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("timed out"), "{ended:?}");
    assert_eq!(world.list("runs")[0]["status"], "timed_out");
}

#[test]
fn a_registration_has_a_time_limit_for_all_its_runs() {
    let world = World::new();
    world.configure(&tester(&[], "run-timeout-ms = 500"));
    let ended = world.run(&["run", "--adapter", "tester", "slow"], "");
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn an_agent_without_a_sign_of_progress_is_ended_with_its_work() {
    let world = World::new();
    world.configure(&tester(&[], "no-progress-ms = 700"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "work out.txt");
    let result = daemon.result("a");
    assert_eq!(
        (&result["terminalStatus"], &result["failure"]["code"]),
        (&"timed_out".into(), &"no_progress".into())
    );
    let out = world.work().join("out.txt");
    eventually("the agent has stopped", || {
        let before = std::fs::read(&out).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::fs::read(&out).unwrap() == before
    });
    daemon.query("b", "tester", "say a b c d e f g h i j k l m n o p q r s t u v w x y z");
    assert_eq!(daemon.result("b")["terminalStatus"], "succeeded", "one that goes on is left alone");
}

/// The place of a run's event in the order of all.
fn cursor(world: &World, run: &Value, kind: &str) -> i64 {
    let events = world.list("events");
    let found = events.iter().find(|event| event["runId"] == *run && event["type"] == kind);
    found
        .and_then(|event| event["cursor"].as_i64())
        .unwrap_or_else(|| panic!("no {kind} of {run}: {events:?}"))
}

fn run_of(world: &World, run: &Value) -> Value {
    world.show(&["runs", run.as_str().unwrap(), "--json"])
}

#[test]
fn one_cap_is_over_all_registrations() {
    let world = World::new();
    world.configure(&format!("workers-max = 1\n{}{}", agent("one", &[], ""), agent("two", &[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "one", "slow");
    let a = daemon.hear("text_delta", "a")["runId"].clone();
    daemon.query("b", "two", "say at last");
    let b = daemon.hear_status("b", "queued")["runId"].clone();
    daemon.query("c", "two", "say never");
    let c = daemon.hear_status("c", "queued")["runId"].clone();
    let waiting = run_of(&world, &b);
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&"queued".into(), &json!([])));
    let stopped = daemon.stop("c");
    assert_eq!(stopped["terminalStatus"], "cancelled", "a queued run leaves the queue at once");
    assert_eq!(run_of(&world, &a)["status"], "running");
    daemon.stop("a");
    assert_eq!(daemon.result("b")["text"], "at last");
    assert!(cursor(&world, &b, "run.starting") > cursor(&world, &a, "run.cancelled"));
    assert_eq!(run_of(&world, &c)["attempts"], json!([]));
}

#[test]
fn a_registration_has_a_cap_of_its_own() {
    let world = World::new();
    world.configure(&tester(&[], "workers-max = 1"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    let a = daemon.hear("text_delta", "a")["runId"].clone();
    daemon.query("b", "tester", "say at last");
    let b = daemon.hear_status("b", "queued")["runId"].clone();
    daemon.query("c", "echo", "beside them");
    assert_eq!(daemon.result("c")["text"], "beside them", "other registrations are not held up");
    assert_eq!(run_of(&world, &b)["status"], "queued");
    daemon.stop("a");
    assert_eq!(daemon.result("b")["text"], "at last");
    assert!(cursor(&world, &b, "run.starting") > cursor(&world, &a, "run.cancelled"));
}

#[test]
fn a_run_that_waits_for_a_person_frees_its_place() {
    let world = World::new();
    world.configure(&format!("workers-max = 1\n{}", tester(&[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt written\nsay mine");
    let asked = daemon.hear("approval_requested", "a");
    daemon.hear_status("a", "waiting_approval");
    daemon.query("b", "tester", "say beside");
    assert_eq!(daemon.result("b")["text"], "beside");
    assert_eq!(run_of(&world, &asked["runId"])["status"], "waiting_approval");
    daemon.ask("approval_decision", "a", &json!({ "approval": asked["approval"], "optionId": "allow" }));
    assert_eq!(daemon.result("a")["text"], "mine");
}

#[test]
fn a_parent_with_one_place_waits_for_all_that_it_called() {
    let world = World::new();
    world.configure(&format!("workers-max = 1\n{}", tester(&[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("parent", "tester", "slow");
    let parent = daemon.hear("text_delta", "parent")["runId"].clone();
    for call in ["first", "second"] {
        let fields = json!({ "parentRunId": parent, "mode": "call", "adapterId": "echo", "objective": call });
        daemon.ask("delegate", call, &fields);
    }
    for call in ["first", "second"] {
        assert_eq!(daemon.hear("delegation_result", call)["result"]["status"], "succeeded");
    }
    daemon.stop("parent");
}
