//! Agents that misbehave as real processes do: what is written, read, left open and left behind, through the daemon.

use std::time::{Duration, Instant};

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Ended, World, tester};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::trees::none_left;

/// Less than any deadline of the adapter or the daemon that these tests do not set: it did not wait for one.
const AT_ONCE: Duration = Duration::from_secs(25);

/// A world whose tester has this manner, a state folder, and these lines in its `[config]`.
fn world(manner: &str, config: &str) -> World {
    let world = World::new();
    let state = world.path("agent").display().to_string();
    let config = format!("[registrations.tester.config]\n{config}");
    let manner: Vec<&str> = [manner, "--state", &state].into_iter().filter(|word| !word.is_empty()).collect();
    world.configure(&tester(&manner, &config));
    world
}

fn run(world: &World, prompt: &str) -> Ended {
    world.run(&["run", "--adapter", "tester", prompt], "")
}

#[test]
fn noise_between_the_messages_is_skipped() {
    let world = world("noisy", "");
    let ended = run(&world, "say käse ☂ and more");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "käse ☂ and more\n"), "{ended:?}");
}

#[test]
fn messages_in_pieces_are_whole() {
    let world = world("drip", "");
    let ended = run(&world, "say käse ☂ and more");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "käse ☂ and more\n"), "{ended:?}");
}

#[test]
fn a_line_of_megabytes_is_read() {
    let world = world("", "");
    let ended = run(&world, "big 5000000\nsay end");
    assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
    assert!(ended.stdout.len() > 5_000_000 && ended.stdout.ends_with("bend\n"), "{}", ended.stdout.len());
}

#[test]
fn a_line_over_the_limit_is_a_failure_with_a_name_and_not_the_end_of_memory() {
    let world = world("", "lineBytesMax = 65536");
    let ended = run(&world, "big 5000000\nsay end");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("line_too_long"), "{ended:?}");
    assert_eq!(run(&world, "say again").code, Some(0));
}

#[test]
fn a_flood_on_standard_error_holds_nothing_up() {
    let world = world("", "");
    let ended = run(&world, "noise 5000000");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "still here\n"), "{ended:?}");
}

#[test]
fn a_flood_of_updates_is_complete_and_in_order() {
    let world = world("", "");
    let ended = run(&world, "flood 20000");
    let said = ended.stdout.split_whitespace().map(str::parse::<u32>);
    assert!(ended.code == Some(0) && said.eq((0..20_000).map(Ok)), "{:?}", ended.stderr);
    let kept = world.list("events").iter().filter(|event| event["type"] == "message.delta").count();
    assert!(kept < 200, "pieces are put together before they are kept: {kept}");
}

#[test]
fn an_agent_that_stops_reading_is_ended_after_its_time() {
    let world = world("unread", "stdinTimeoutMs = 500");
    let prompt = format!("say {}", "x".repeat(100_000));
    let ended = run(&world, &prompt);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("agent_stuck"), "{ended:?}");
    none_left(&world);
}

#[test]
fn what_no_client_knows_is_refused_and_goes_on() {
    let world = world("", "");
    let ended = run(&world, "unknown\nsay on");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("-32601") && ended.stdout.ends_with("on\n"), "{ended:?}");
}

#[test]
fn an_agent_that_never_answers_is_given_up_at_each_step() {
    for (manner, config, code) in [
        ("mute", "initializeTimeoutMs = 400", "initialize_timeout"),
        ("stall", "sessionTimeoutMs = 400", "session_timeout"),
    ] {
        let world = world(manner, config);
        let began = Instant::now();
        let ended = run(&world, "say hi");
        assert!(ended.code == Some(1) && ended.stderr.contains(code), "{ended:?}");
        assert!(began.elapsed() < AT_ONCE, "{manner}: {:?}", began.elapsed());
        none_left(&world);
    }
}

#[test]
fn an_agent_that_crashes_while_a_session_opens_is_started_once_more() {
    let world = world("crash-once", "");
    let ended = run(&world, "say back again");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "back again\n"), "{ended:?}");
    let attempts = &world.list("runs")[0]["attempts"];
    assert_eq!(attempts[1]["retryReason"], "worker_lost", "{attempts}");
}

#[test]
fn a_crash_in_mid_turn_ends_the_run_at_once_also_with_the_pipe_held_open() {
    for (instruction, world) in [("exit", world("", "")), ("orphan", world("", ""))] {
        let began = Instant::now();
        let ended = run(&world, &format!("say half\n{instruction}"));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("exit status 9"), "{instruction}: {ended:?}");
        assert!(began.elapsed() < AT_ONCE, "{instruction}: {:?}", began.elapsed());
        none_left(&world);
    }
}

#[test]
fn an_agent_that_does_not_end_is_ended() {
    let world = world("stubborn", "");
    let ended = run(&world, "say hi");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hi\n"), "{ended:?}");
    assert!(world.path("agent/pid").exists(), "it was the one that takes no notice");
    none_left(&world);
}

#[test]
fn a_cancel_that_was_lost_is_said_again() {
    let world = world("lossy", "");
    let running = world.start(&["run", "--adapter", "tester", "slow"]);
    running.prints("text", |all| all.contains("tick 1"));
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let events = Value::from(world.list("events")).to_string();
    assert!(events.contains("reported_by_runtime"), "the agent stopped by itself: {events}");
}

#[test]
fn an_agent_that_breaks_while_it_is_cancelled_is_replaced_and_the_session_goes_on() {
    let world = world("wedge", "");
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    daemon.hear("text_delta", "a");
    assert_eq!(daemon.stop("a")["terminalStatus"], "cancelled");
    let session = text(&daemon.hear("status", "a"), "sessionId");
    daemon.ask("query", "b", &json!({ "prompt": "say and on", "sessionId": session }));
    let result = daemon.result("b");
    assert_eq!(
        (&result["terminalStatus"], &result["text"]),
        (&"succeeded".into(), &"and on".into()),
        "{result}"
    );
    assert!(world.event_types().contains(&"binding.resumed".to_owned()), "{:?}", world.event_types());
}

#[test]
fn a_log_in_that_only_the_next_process_knows_of_is_used_by_it() {
    let world = world("cached", "");
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say in");
    let asked = daemon.hear("input_requested", "a");
    assert_eq!(asked["kind"], "authentication");
    let answer = json!({ "runId": asked["runId"], "request": asked["request"], "value": "key" });
    daemon.ask("provide_input", "key", &answer);
    let result = daemon.result("a");
    assert_eq!((&result["terminalStatus"], &result["text"]), (&"succeeded".into(), &"in".into()), "{result}");
    let attempts = world.list("runs")[0]["attempts"].as_array().cloned().unwrap_or_default();
    assert_eq!(attempts.len(), 3, "one for the log-in, one that found out, one in the next process");
    assert_eq!(attempts[2]["retryReason"], "worker_lost");
}

#[test]
fn a_configured_log_in_that_needs_a_restart_costs_one_attempt() {
    for config in ["authMethod = \"key\"", "authMethod = \"key\"\nloginNeedsRestart = true"] {
        let world = world("cached", config);
        let ended = run(&world, "say in");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "in\n"), "{config}: {ended:?}");
        assert_eq!(world.list("runs")[0]["attempts"].as_array().map(Vec::len), Some(2), "{config}");
    }
}

#[test]
fn a_session_that_only_seems_to_be_there_is_not_taken_for_it() {
    let world = world("gullible", "loadProvesNothing = true");
    assert_eq!(run(&world, "say one").code, Some(0));
    let session = world.list("sessions")[0]["sessionId"].as_str().expect("an id").to_owned();
    let second = world.run(&["run", "--session", &session, "say two"], "");
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(world.event_types().contains(&"binding.resumed".to_owned()), "what replays its history is there");
    std::fs::remove_dir_all(world.path("agent")).expect("the agent forgets");
    let third = world.run(&["run", "--session", &session, "say three"], "");
    assert_eq!((third.code, third.stdout.as_str()), (Some(0), "three\n"), "{third:?}");
    let runs = world.list("runs");
    let last = runs.iter().find(|run| run["attempts"].as_array().is_some_and(|all| all.len() == 2));
    let last = last.expect("one attempt found out").clone();
    assert_eq!(last["attempts"][1]["retryReason"], "stale_binding", "and it is on record: {last}");
}

#[test]
fn a_question_of_the_agent_is_answered_by_a_person() {
    let world = world("", "");
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "question colour");
    let asked = daemon.hear("input_requested", "a");
    assert_eq!((&asked["kind"], &asked["prompt"]), (&"input".into(), &"Which colour?".into()));
    assert_eq!(asked["schema"]["properties"]["colour"]["type"], "string", "{asked}");
    let answer =
        json!({ "runId": asked["runId"], "request": asked["request"], "value": { "colour": "blue" } });
    daemon.ask("provide_input", "i", &answer);
    let result = daemon.result("a");
    let said = result["text"].as_str().unwrap_or_default();
    assert!(said.contains(r#""action":"accept""#) && said.contains(r#""colour":"blue""#), "{result}");
}

#[test]
fn a_question_that_nobody_can_be_asked_is_declined() {
    let world = world("", "");
    let ended = run(&world, "question colour\nsay on");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(r#""action":"decline""#) && ended.stdout.ends_with("on\n"), "{ended:?}");
}
