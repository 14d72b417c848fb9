//! Cancellation never claims more than is known.

use omi_tests::world::{World, eventually};
use rustix::process::Signal;

#[test]
fn ctrl_c_cancels_and_says_what_is_known() {
    let world = World::new();
    world.register_tester(&[]);
    let running = world.start(&["run", "--adapter", "tester", "slow"]);
    running.prints("text", |all| all.contains("tick 1"));
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("accepted: true, adapter told: true, adapter confirmed: false"),
        "{ended:?}"
    );
    let types = world.event_types();
    let tail = ["run.cancellation_requested", "run.cancelling", "attempt.cancel_dispatch"];
    let begin = types.iter().position(|kind| kind == tail[0]).expect("the request is recorded");
    let lifecycle: Vec<&str> =
        types[begin..].iter().map(String::as_str).filter(|kind| *kind != "message.delta").collect();
    assert_eq!(lifecycle[..3], tail);
    assert_eq!(lifecycle[3..5], ["attempt.cancelled", "run.cancelled"]);
    let run = &world.list("runs")[0];
    assert_eq!(run["status"], "cancelled");
    assert!(run["finalText"].as_str().unwrap().starts_with("tick 1 "), "partial text is kept: {run}");
}

#[test]
fn an_agent_that_does_not_listen_is_ended_with_its_work() {
    let world = World::new();
    world.configure(&format!("cancel-grace-ms = 300\n{}", omi_tests::world::tester(&["deaf"], "")));
    let running = world.start(&["run", "--adapter", "tester", "work out.txt"]);
    let out = world.work().join("out.txt");
    eventually("the agent works", || out.exists());
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(world.list("runs")[0]["status"], "cancelled");
    let written = std::fs::read(&out).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(std::fs::read(&out).unwrap(), written, "nothing works after the cancellation");
}

#[test]
fn a_permission_that_is_asked_when_the_run_is_cancelled_is_closed() {
    let world = World::new();
    world.register_tester(&[]);
    let running = world.start(&["run", "--adapter", "tester", "--ask", "write out.txt late"]);
    running.says("? Write out.txt");
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let resolved =
        world.list("events").into_iter().find(|event| event["type"] == "approval.resolved").unwrap();
    assert_eq!(resolved["payload"]["outcome"], "cancelled");
    assert!(!world.work().join("out.txt").exists());
}
