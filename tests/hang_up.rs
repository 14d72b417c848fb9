//! A program that drives the daemon goes away: the daemon ends, quietly, and leaves no process (SPEC 11.1, row 1).

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use omi_tests::world::wire::Serving;
use omi_tests::world::{Running, World, eventually};
use serde_json::json;

/// Lines of standard error that are no loop.
const LINES_MAX: usize = 5;

/// The daemon works with an agent that writes on and on, and nobody has stopped it.
fn working(world: &World) -> Running {
    world.register_tester(&[]);
    let mut running = Running::start_unread(&mut world.command(&["serve", "--stdio"]));
    for (request, prompt) in [("work", "work out.txt"), ("slow", "slow")] {
        let message = json!({ "type": "query", "protocolVersion": 2, "requestId": request,
            "clientId": "test", "adapterId": "tester", "prompt": prompt });
        running.write(&format!("{message}\n"));
    }
    let out = world.work().join("out.txt");
    eventually("the agent works", || out.exists());
    running
}

fn ended_quietly(world: &World, running: Running) {
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.stderr.lines().count();
    assert!(lines <= LINES_MAX, "{lines} lines: {ended:?}");
    let out = world.work().join("out.txt");
    let written = std::fs::read(&out).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(std::fs::read(&out).unwrap(), written, "the agent had ended before the daemon did");
    for run in world.list("runs") {
        assert_eq!(run["status"], "failed", "what became of it is on record: {run}");
    }
}

#[test]
fn who_stops_reading_is_noticed_and_the_daemon_ends() {
    let world = World::new();
    let mut running = working(&world);
    running.stop_reading();
    ended_quietly(&world, running);
}

#[test]
fn who_stops_reading_and_then_writing_leaves_nothing_behind() {
    let world = World::new();
    let mut running = working(&world);
    running.stop_reading();
    drop(running.stdin.take());
    ended_quietly(&world, running);
}

#[test]
fn a_log_that_nobody_takes_stops_nothing() {
    let world = World::new();
    let mut daemon = world.command(&["-vv", "serve", "--stdio"]);
    let daemon = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut daemon = daemon.expect("the program starts");
    drop(daemon.stderr.take());
    let mut stdin = daemon.stdin.take().expect("stdin is a pipe");
    let query = json!({ "type": "query", "protocolVersion": 2, "requestId": "a", "clientId": "test", "prompt": "hello" });
    writeln!(stdin, "{query}").expect("it reads");
    let lines = BufReader::new(daemon.stdout.take().expect("stdout is a pipe")).lines();
    let result = lines.map(|line| line.expect("text")).find(|line| line.contains(r#""type":"result""#));
    assert!(result.is_some_and(|result| result.contains(r#""terminalStatus":"succeeded""#)));
    drop(stdin);
    let mut code = None;
    eventually("it ends", || {
        code = daemon.try_wait().expect("it can be waited for");
        code.is_some()
    });
    assert_eq!(code.and_then(|code| code.code()), Some(0));
}

#[test]
fn who_stops_writing_hears_the_end_of_everything() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    daemon.hear("text_delta", "a");
    let ended = daemon.end();
    assert!(ended.stdout.contains(r#""terminalStatus":"failed""#), "{ended:?}");
    assert!(ended.stderr.lines().count() <= LINES_MAX, "{ended:?}");
}
