//! The daemon is killed: what it had acknowledged is there, what ran is orphaned, and nothing it started lives on.

use omi_tests::world::wire::Serving;
use omi_tests::world::{World, eventually};
use rustix::process::Signal;

#[test]
fn a_killed_daemon_leaves_an_orphan_and_no_process() {
    let world = World::new();
    world.register_tester(&[]);
    let running = world.start(&["run", "--adapter", "tester", "work out.txt"]);
    let out = world.work().join("out.txt");
    eventually("the agent works", || out.exists());
    running.signal(Signal::KILL);
    assert_eq!(running.ended().code, None);

    eventually("the agent has stopped", || {
        let before = std::fs::read(&out).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::fs::read(&out).unwrap() == before
    });
    assert_eq!(world.list("runs")[0]["status"], "running", "nobody has looked yet");
    assert_eq!(world.run(&["run", "hello"], "").code, Some(0), "another daemon can take the folder over");
    let runs = world.list("runs");
    assert_eq!(runs[1]["status"], "orphaned");
    assert_eq!(runs[1]["attempts"][0]["status"], "orphaned");
    let types = world.event_types();
    let orphaned: Vec<_> = types.iter().filter(|kind| kind.ends_with(".orphaned")).collect();
    assert_eq!(orphaned, ["attempt.orphaned", "run.orphaned"]);
    assert_eq!(world.run(&["run", "again"], "").code, Some(0));
    let again = world.event_types().iter().filter(|kind| kind.ends_with(".orphaned")).count();
    assert_eq!(again, 2, "an orphan is recorded once");
}

#[test]
fn a_second_daemon_on_the_same_folder_is_refused() {
    let world = World::new();
    let first = world.start(&["serve", "--stdio"]);
    first.message("init", |message| message["type"] == "init");
    let second = world.run(&["serve", "--stdio"], "");
    assert_eq!(second.code, Some(1), "{second:?}");
    let pid = first.id().to_string();
    assert!(second.stderr.contains("another omi-agentd") && second.stderr.contains(&pid), "{second:?}");
    assert!(second.stderr.contains("--state-dir"), "{second:?}");
    assert_eq!(world.run(&["runs"], "").code, Some(0), "looking is always allowed");
}

#[test]
fn a_daemon_that_is_told_to_end_records_what_became_of_its_runs() {
    let world = World::new();
    world.register_tester(&[]);
    let mut serving = Serving::start(&world);
    serving.query("q", "tester", "work out.txt");
    let out = world.work().join("out.txt");
    eventually("the agent works", || out.exists());
    serving.running.write("{\"type\":\"stop\"}\n");
    let result = serving.result("q");
    assert_eq!(result["terminalStatus"], "failed", "{result}");
    assert_eq!(serving.running.ended().code, Some(0));
    let run = &world.list("runs")[0];
    assert_eq!(run["status"], "failed", "{run}");
    assert_ne!(run["errorMessage"], serde_json::Value::Null, "it says why: {run}");
    assert_eq!(run["attempts"][0]["status"], "failed", "nothing is left to be orphaned: {run}");
    let written = std::fs::read(&out).unwrap();
    assert_eq!(world.run(&["run", "hello"], "").code, Some(0), "the folder is free");
    assert_eq!(std::fs::read(&out).unwrap(), written, "the agent had ended before the daemon did");
    assert!(!world.event_types().iter().any(|kind| kind.ends_with(".orphaned")));
}

#[test]
fn what_a_killed_run_had_said_is_kept() {
    let world = World::new();
    world.register_tester(&[]);
    let mut serving = Serving::start(&world);
    serving.query("q", "tester", "slow");
    serving.hear("text_delta", "q");
    let pieces = || world.event_types().iter().filter(|kind| *kind == "message.delta").count();
    eventually("a piece is recorded", || pieces() > 0);
    serving.kill();
    let before = pieces();
    for _ in 0..2 {
        Serving::start(&world).end();
        assert_eq!(pieces(), before, "no message ever had this text whole");
    }
}

#[test]
fn a_question_outlives_a_daemon_that_is_told_to_end() {
    let world = World::new();
    world.register_tester(&[]);
    let mut serving = Serving::start(&world);
    serving.query("q", "tester", "write out.txt written");
    serving.hear_status("q", "waiting_approval");
    assert_eq!(serving.end().code, Some(0));
    Serving::start(&world).end();
    let asked = &world.list("requests")[0];
    assert_eq!((&asked["kind"], &asked["state"]), (&"approval".into(), &"orphaned".into()), "{asked}");
    assert_eq!(world.list("runs")[0]["status"], "orphaned");
    assert!(!world.event_types().contains(&"approval.resolved".to_owned()), "nobody answered");
}

#[test]
fn a_run_that_is_being_bound_fails_with_its_daemon() {
    let world = World::new();
    world.configure(&agent_of(&["sleep", "60"]));
    let mut serving = Serving::start(&world);
    serving.query("q", "mute", "say hello");
    serving.hear_status("q", "starting");
    serving.running.write("{\"type\":\"stop\"}\n");
    assert_eq!(serving.result("q")["terminalStatus"], "failed");
    assert_eq!(serving.running.ended().code, Some(0));
    let run = &world.list("runs")[0];
    assert_eq!(
        (&run["status"], &run["attempts"][0]["retryable"]),
        (&"failed".into(), &false.into()),
        "{run}"
    );
}

fn agent_of(command: &[&str]) -> String {
    format!("[registrations.mute]\ncomponent = 'acp'\ngrants.agent = {{ command = {command:?} }}\n")
}
