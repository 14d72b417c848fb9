//! The same request is the same run, whenever it comes again; a run that did not succeed is tried again.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, agent, tester};
use serde_json::{Value, json};

fn with_key(key: &str, prompt: &str) -> Value {
    json!({ "adapterId": "echo", "prompt": prompt, "idempotencyKey": key })
}

#[test]
fn a_request_that_comes_again_while_it_runs_is_acknowledged_and_told_nothing_twice() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    let first = daemon.hear("text_delta", "a");
    daemon.query("a", "tester", "slow");
    let ack = daemon.hear("ack", "a");
    assert_eq!((&ack["runId"], &ack["sessionId"]), (&first["runId"], &first["sessionId"]));
    assert_eq!((&ack["repeated"], &ack["clientId"]), (&true.into(), &first["clientId"]));
    daemon.ask("query", "a", &json!({ "adapterId": "tester", "prompt": "fast" }));
    let (code, why) = daemon.refusal("a");
    assert_eq!(code, "request_conflict");
    assert!(why.contains("used before") && !why.contains("slow"), "it reveals nothing: {why}");
    assert_eq!(daemon.stop("a")["runId"], first["runId"], "a conflict takes nothing from the run");
    assert_eq!(daemon.said_to("result", "a").len(), 1);
    daemon.query("a", "tester", "slow");
    let results = daemon.hear_all("result", "a", 2);
    assert_eq!((&results[1]["runId"], &results[1]["text"]), (&first["runId"], &results[0]["text"]));
    assert_eq!(daemon.said_to("ack", "a").len(), 1, "it is over");
    let texts = daemon.said_to("text_delta", "a");
    let told: String = texts.iter().map(|delta| text(delta, "text")).collect();
    assert_eq!(results[0]["text"], told, "no text twice");
    let events: Vec<_> = daemon.said().iter().map(|said| said["eventId"].clone()).collect();
    let events: Vec<_> = events.iter().filter_map(Value::as_str).collect();
    let once: std::collections::BTreeSet<_> = events.iter().collect();
    assert_eq!(once.len(), events.len(), "no event twice: {events:?}");
    assert_eq!(world.list("runs").len(), 1);
}

#[test]
fn a_run_that_is_over_is_answered_at_once_also_after_a_restart() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say hello\nexit");
    let first = daemon.result("a");
    assert_eq!((&first["terminalStatus"], &first["text"]), (&"failed".into(), &"hello".into()));
    daemon.end();
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say hello\nexit");
    let again = daemon.result("a");
    for field in ["runId", "sessionId", "attemptId", "terminalStatus", "text", "failure"] {
        assert_eq!(first[field], again[field], "{field}");
    }
    assert_eq!(daemon.said().len(), 2, "init and the result");
    assert_eq!(world.list("runs").len(), 1);
}

#[test]
fn a_key_is_one_run_for_every_client_and_another_input_is_a_conflict() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    daemon.send("one", "query", "a", &with_key("k", "hello"));
    let first = daemon.result("a");
    daemon.send("two", "query", "b", &with_key("k", "hello"));
    assert_eq!(daemon.result("b")["runId"], first["runId"]);
    daemon.send("two", "query", "c", &with_key("k", "something else"));
    let (code, why) = daemon.refusal("c");
    assert_eq!(code, "key_conflict");
    assert!(!why.contains("hello"), "it reveals nothing: {why}");
    daemon.end();
    let mut daemon = Serving::start(&world);
    daemon.send("three", "query", "d", &with_key("k", "hello"));
    assert_eq!(daemon.result("d")["runId"], first["runId"]);
    assert_eq!(world.list("runs").len(), 1);
}

#[test]
fn a_key_of_a_run_that_runs_is_followed_by_another_client() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    let slow = json!({ "adapterId": "tester", "prompt": "slow", "idempotencyKey": "k" });
    daemon.send("one", "query", "a", &slow);
    let first = daemon.hear("text_delta", "a");
    daemon.send("two", "query", "b", &slow);
    assert_eq!(daemon.hear("text_delta", "b")["runId"], first["runId"]);
    daemon.send("two", "interrupt", "b", &json!({}));
    assert_eq!(daemon.result("a")["terminalStatus"], "cancelled");
    assert_eq!(daemon.result("b")["terminalStatus"], "cancelled");
}

#[test]
fn the_command_line_has_keys_and_shows_what_came_of_them() {
    let world = World::new();
    let arguments = ["run", "--idempotency-key", "k", "--title", "Greeting", "hello"];
    let first = world.run(&arguments, "");
    let again = world.run(&arguments, "");
    assert_eq!((first.code, first.stdout.as_str()), (Some(0), "hello\n"), "{first:?}");
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "hello\n"), "{again:?}");
    assert!(again.stderr.contains("accepted before"), "{again:?}");
    assert_eq!(world.list("runs").len(), 1);
    assert_eq!(world.list("sessions")[0]["title"], "Greeting");
    let other = world.run(&["run", "--idempotency-key", "k", "good bye"], "");
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(other.stderr.contains("idempotency key was used before"), "{other:?}");
}

#[test]
fn a_failed_run_fails_over_to_another_registration_under_the_same_run() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say half\nexit");
    let failed = daemon.result("a");
    assert_eq!(failed["terminalStatus"], "failed");
    daemon.ask("retry", "b", &json!({ "runId": failed["runId"], "adapterId": "echo" }));
    let result = daemon.result("b");
    assert_eq!((&result["terminalStatus"], &result["runId"]), (&"succeeded".into(), &failed["runId"]));
    assert_eq!(result["text"], "say half\nexit", "echo says what it is told");
    assert_eq!(result["sessionId"], failed["sessionId"]);
    let run = world.show(&["runs", &text(&failed, "runId"), "--json"]);
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.iter().map(|one| &one["adapterId"]).collect::<Vec<_>>(), ["tester", "echo"]);
    assert_eq!(attempts[1]["retryReason"], "failover");
    assert_eq!(run["errorCode"], Value::Null, "what is over now succeeded: {run}");

    daemon.ask("retry", "c", &json!({ "runId": failed["runId"] }));
    let (code, why) = daemon.refusal("c");
    assert!(why.contains("the run is succeeded"), "{code}: {why}");
    assert_eq!(daemon.hear("error", "c")["runId"], failed["runId"]);
    daemon.ask("retry", "d", &json!({ "runId": failed["runId"], "adapterId": "nobody" }));
    assert!(daemon.refusal("d").1.contains("`nobody`"));
    let checkpoint = format!("art_{}", "0".repeat(32));
    daemon.ask("retry", "e", &json!({ "runId": failed["runId"], "checkpointArtifactId": checkpoint }));
    daemon.refusal("e");
}

#[test]
fn a_cancelled_run_is_tried_again_and_its_first_request_follows_it() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    daemon.hear("text_delta", "a");
    let cancelled = daemon.stop("a");
    daemon.ask("retry", "b", &json!({ "runId": cancelled["runId"] }));
    let delta = daemon.hear("text_delta", "b");
    assert_ne!(delta["attemptId"], cancelled["attemptId"]);
    daemon.query("a", "tester", "slow");
    let same_attempt = |message: &Value| message["attemptId"] == delta["attemptId"];
    daemon.hear_that("text_delta", "a", same_attempt);
    daemon.ask("interrupt", "b", &json!({}));
    assert_eq!(daemon.hear_that("result", "a", same_attempt)["terminalStatus"], "cancelled");
    assert_eq!(daemon.result("b")["terminalStatus"], "cancelled");
}

#[test]
fn profiles_and_models_of_a_registration_are_recorded_and_survive_a_failover() {
    let world = World::new();
    let models = "models = { worker = 'small', main_reasoner = 'large' }";
    world.configure(&format!(
        "{}{}",
        tester(&[], models),
        agent("other", &[], "models = { worker = 'tiny' }")
    ));
    let mut daemon = Serving::start(&world);
    let fields = json!({ "adapterId": "tester", "prompt": "exit", "modelProfile": "worker" });
    daemon.ask("query", "a", &fields);
    let failed = daemon.result("a");
    let run = || world.show(&["runs", &text(&failed, "runId"), "--json"]);
    assert_eq!((&run()["modelProfile"], &run()["requestedModelId"]), (&"worker".into(), &"small".into()));
    daemon.ask("retry", "b", &json!({ "runId": failed["runId"], "adapterId": "other" }));
    daemon.result("b");
    assert_eq!((&run()["modelProfile"], &run()["requestedModelId"]), (&"worker".into(), &"tiny".into()));
}
