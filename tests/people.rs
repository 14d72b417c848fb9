//! A run asks a person: the answer comes from any client, in time or not, and what nobody answered is never hidden.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, guest, guest_file, tester};
use serde_json::{Value, json};

/// What an agent that asks for a permission needs to be answered: its run, its attempt and the number.
fn asked(daemon: &Serving, request: &str) -> Value {
    let asked = daemon.hear("approval_requested", request);
    assert_eq!(asked["title"], "Write out.txt");
    assert_eq!(asked["options"][0]["optionId"], "allow");
    asked
}

#[test]
fn another_client_answers_a_request_for_permission() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt written");
    let asked = asked(&daemon, "a");
    daemon.hear_status("a", "waiting_approval");
    let answer = json!({ "runId": asked["runId"], "approval": asked["approval"], "optionId": "allow" });
    daemon.send("other", "approval_decision", "d", &answer);
    let ack = daemon.hear("ack", "d");
    assert_eq!((&ack["clientId"], &ack["attemptId"]), (&"other".into(), &asked["attemptId"]));
    let resolved = daemon.hear("approval_resolved", "a");
    assert_eq!((&resolved["outcome"], &resolved["by"]), (&"selected".into(), &"user".into()));
    assert_eq!(resolved["approval"], asked["approval"]);
    assert_eq!(daemon.result("a")["terminalStatus"], "succeeded");
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");

    let late = json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "allow" });
    daemon.send("other", "approval_decision", "late", &late);
    assert_eq!(daemon.refusal("late").0, "no_open_request", "each request is answered once");
    assert_eq!(world.list("requests"), Vec::<Value>::new());
}

#[test]
fn a_permission_is_refused_by_its_own_client_and_only_offered_options_count() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt written\nsay went on");
    let asked = asked(&daemon, "a");
    assert_eq!(world.list("requests")[0]["state"], "open");
    let odd = json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "maybe" });
    daemon.ask("approval_decision", "odd", &odd);
    let (_, why) = daemon.refusal("odd");
    assert!(why.contains("`maybe`") && why.contains("`allow`, `reject`"), "{why}");
    daemon.ask("approval_decision", "a", &json!({ "approval": asked["approval"], "decision": "rejected" }));
    daemon.hear("ack", "a");
    let result = daemon.result("a");
    assert_eq!((&result["terminalStatus"], &result["text"]), (&"succeeded".into(), &"went on".into()));
    assert!(!world.work().join("out.txt").exists());
}

#[test]
fn information_is_given_from_the_wire() {
    let world = World::new();
    world.configure(&format!("cancel-grace-ms = 200\n{}", guest("person_probe")));
    world.install(&guest_file("person_probe"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "person_probe", r#"ask 7 {"type":"string"}"#);
    let asked = daemon.hear("input_requested", "a");
    assert_eq!((&asked["request"], &asked["kind"]), (&json!(7), &"input".into()));
    assert_eq!((&asked["prompt"], &asked["schema"]), (&"Which one?".into(), &json!({ "type": "string" })));
    daemon.hear_status("a", "waiting_input");
    let odd = json!({ "attemptId": asked["attemptId"], "approval": 7, "decision": "rejected" });
    daemon.ask("approval_decision", "odd", &odd);
    assert_eq!(daemon.refusal("odd").0, "no_open_request", "it is no request for permission");
    let answer = json!({ "attemptId": asked["attemptId"], "request": 7, "value": "the blue one" });
    daemon.send("other", "provide_input", "i", &answer);
    daemon.hear("ack", "i");
    assert_eq!(daemon.hear("input_provided", "a")["outcome"], "provided");
    daemon.hear_that("text_delta", "a", |delta| delta["text"].as_str().unwrap().contains("the blue one"));
    assert_eq!(daemon.stop("a")["terminalStatus"], "cancelled", "the probe ends no turn by itself");
}

#[test]
fn a_log_in_is_chosen_and_another_attempt_begins_with_it() {
    let world = World::new();
    world.register_tester(&["locked"]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say in");
    let asked = daemon.hear("input_requested", "a");
    assert_eq!((&asked["kind"], &asked["methods"][0]["id"]), (&"authentication".into(), &"key".into()));
    let odd = json!({ "runId": asked["runId"], "request": asked["request"], "value": "door" });
    daemon.ask("provide_input", "odd", &odd);
    assert!(daemon.refusal("odd").1.contains("`key`"));
    let answer = json!({ "runId": asked["runId"], "request": asked["request"], "value": "key" });
    daemon.ask("provide_input", "key", &answer);
    let result = daemon.result("a");
    assert_eq!((&result["terminalStatus"], &result["text"]), (&"succeeded".into(), &"in".into()), "{result}");
    let run = &world.list("runs")[0];
    assert_eq!(run["attempts"][1]["retryReason"], "auth_recovery", "{run}");
    assert_eq!(run["attempts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_log_in_is_chosen_at_the_terminal() {
    let world = World::new();
    world.register_tester(&["locked"]);
    let ended = world.run(&["run", "--adapter", "tester", "--ask", "say in"], "2\n1\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "in\n"), "{ended:?}");
    assert!(ended.stderr.contains("`2` is none of them") && ended.stderr.contains("Key"), "{ended:?}");
    let given_up = world.run(&["run", "--adapter", "tester", "--ask", "say in"], "\n");
    assert_eq!(given_up.code, Some(1), "{given_up:?}");
    assert!(given_up.stderr.contains("auth_required"), "{given_up:?}");
}

#[test]
fn what_is_typed_ahead_answers_the_next_question() {
    let prompt = "write a.txt first\nwrite b.txt second\nsay done";
    for (typed, second) in [("1\n1\n", true), ("1\n2\n", false), ("1\n", false)] {
        let world = World::new();
        world.register_tester(&[]);
        let ended = world.run(&["run", "--adapter", "tester", "--ask", prompt], typed);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
        assert!(world.work().join("a.txt").exists(), "{typed:?}: {ended:?}");
        assert_eq!(world.work().join("b.txt").exists(), second, "{typed:?}: {ended:?}");
        assert!(!ended.stderr.contains("error"), "{typed:?}: {ended:?}");
    }
}

#[test]
fn information_is_given_at_the_terminal() {
    let world = World::new();
    world.configure(&format!("cancel-grace-ms = 200\n{}", guest("person_probe")));
    world.install(&guest_file("person_probe"));
    let mut running = world.start(&["run", "--adapter", "person_probe", "--ask", "ask 7"]);
    running.says("? Which one?");
    running.write("the blue one\n");
    running.prints("the answer", |all| all.contains("provided 7") && all.contains("the blue one"));
    running.signal(rustix::process::Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "the probe ends no turn by itself: {ended:?}");
    assert!(ended.stderr.contains("see https://example.org/choose"), "{ended:?}");
}

#[test]
fn what_nobody_answers_expires_and_the_run_goes_on() {
    let world = World::new();
    world.configure(&format!("wait-timeout-ms = 200\n{}", tester(&[], "")));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt written\nsay went on");
    let resolved = daemon.hear("approval_resolved", "a");
    assert_eq!((&resolved["outcome"], &resolved["by"]), (&"expired".into(), &"deadline".into()));
    assert_eq!(daemon.result("a")["text"], "went on");
    assert!(!world.work().join("out.txt").exists());
}

/// A daemon is killed while its run waits for a permission; another one has looked at what it left.
fn orphaned() -> (World, Value) {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt written\nsay done");
    let asked = asked(&daemon, "a");
    daemon.hear_status("a", "waiting_approval");
    daemon.kill();
    Serving::start(&world).end();
    (world, asked)
}

#[test]
fn a_request_of_a_killed_daemon_is_listed_and_its_run_is_tried_again() {
    let (world, asked) = orphaned();
    let requests = world.list("requests");
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!((&requests[0]["state"], &requests[0]["runId"]), (&"orphaned".into(), &asked["runId"]));
    assert_eq!(requests[0]["title"], "Write out.txt");
    assert_eq!(world.list("runs")[0]["status"], "orphaned");
    let types = world.event_types();
    for kind in ["attempt.orphaned", "run.orphaned"] {
        assert!(types.iter().any(|recorded| recorded == kind), "{kind}: {types:?}");
    }

    let mut daemon = Serving::start(&world);
    let answer =
        json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "allow" });
    daemon.ask("approval_decision", "late", &answer);
    assert_eq!(daemon.refusal("late").0, "no_open_request", "nobody would hear the answer");
    daemon.ask("retry", "again", &json!({ "runId": asked["runId"] }));
    let anew = self::asked(&daemon, "again");
    assert_eq!(anew["runId"], asked["runId"]);
    assert_ne!(anew["attemptId"], asked["attemptId"]);
    daemon.ask("approval_decision", "again", &json!({ "approval": anew["approval"], "optionId": "allow" }));
    let result = daemon.result("again");
    assert_eq!((&result["terminalStatus"], &result["text"]), (&"succeeded".into(), &"done".into()));
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");
    let run = world.show(&["runs", &text(&asked, "runId"), "--json"]);
    let attempts: Vec<_> = run["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(attempts, ["orphaned", "succeeded"]);
    assert_eq!(run["attempts"][1]["resumeFromAttemptId"], asked["attemptId"]);
    assert_eq!(world.list("requests"), Vec::<Value>::new(), "its run is over");
}

#[test]
fn an_orphaned_run_is_tried_again_at_the_terminal() {
    let (world, asked) = orphaned();
    let ended = world.run(&["retry", &text(&asked, "runId"), "--ask"], "1\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
    assert!(ended.stderr.contains("? Write out.txt"), "{ended:?}");
    let runs = world.list("runs");
    assert_eq!((runs.len(), &runs[0]["attempts"][1]["retryReason"]), (1, &"retry".into()));
}
