//! Everything that an agent starts ends with it: after a run and after the daemon no process is left.

use std::path::Path;

use omi_tests::world::wire::Serving;
use omi_tests::world::{World, eventually};

/// Processes that have this world's home in their environment, as all have that its daemon starts.
pub(crate) fn processes(world: &World) -> Vec<String> {
    let home = format!("HOME={}", world.path("home").display());
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path()) {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes()) {
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            found.push(format!(
                "{} {}",
                process.display(),
                String::from_utf8_lossy(&command).replace('\0', " ")
            ));
        }
    }
    found
}

/// Waits until no process of a world is left.
pub(crate) fn none_left(world: &World) {
    eventually("no process of this world is left", || processes(world).is_empty());
}

/// A script that does not end when it is told to. It stops by itself, should nobody stop it.
const DEAF: &str = "trap \"\" TERM HUP INT; i=0; while [ $i -lt 100 ]; do sleep 1; i=$((i+1)); done";

/// A script that leaves behind what is hard to end: in a session of its own, deaf to SIGTERM, with closed streams.
fn leaves_much_behind(marks: &Path) -> String {
    let marks = marks.display();
    format!(
        "setsid sh -c '{DEAF}' & (setsid sh -c 'exec >&- 2>&- <&-; {DEAF}' &) ; \
         (sh -c '{DEAF}' &) ; sleep 100 & touch {marks}; "
    )
}

fn probe(end: &str) -> World {
    let world = World::new();
    let script = leaves_much_behind(&world.path("marks")) + end;
    world.register_guest(
        "effect_probe",
        &format!("grants.agent = {{ command = [\"sh\", \"-c\", {script:?}] }}"),
    );
    world
}

#[test]
fn after_a_run_nothing_is_left() {
    let world = probe("exit 3");
    let ended = world.run(&["run", "--adapter", "effect_probe", "start agent"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("exit status 3"), "{ended:?}");
    none_left(&world);
}

#[test]
fn after_a_run_in_a_daemon_that_goes_on_only_the_daemon_is_left() {
    let world = probe("exit 3");
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent");
    assert_eq!(daemon.result("a")["terminalStatus"], "succeeded");
    eventually("only the daemon is left", || {
        processes(&world)
            .iter()
            .all(|process| process.starts_with(&format!("/proc/{} ", daemon.running.id())))
    });
    daemon.query("b", "echo", "still here");
    assert_eq!(daemon.result("b")["text"], "still here");
    daemon.end();
    none_left(&world);
}

#[test]
fn after_a_cancel_nothing_is_left() {
    let world = probe(DEAF);
    let config = std::fs::read_to_string(world.path("config.toml")).unwrap();
    world.configure(&format!("cancel-grace-ms = 200\n{config}"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent");
    eventually("the agent runs", || world.path("marks").exists());
    assert_eq!(daemon.stop("a")["terminalStatus"], "cancelled");
    daemon.end();
    none_left(&world);
}

#[test]
fn after_a_killed_daemon_nothing_is_left() {
    let world = probe(DEAF);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent");
    eventually("the agent runs", || world.path("marks").exists());
    daemon.kill();
    none_left(&world);
}

#[test]
fn an_agent_has_no_more_processes_than_it_may() {
    let world = World::new();
    // It stops by itself, should nobody stop it.
    let script = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; wait";
    let limits = "limits = { processes = 16 }";
    let grant = format!("grants.agent = {{ command = [\"sh\", \"-c\", {script:?}], {limits} }}");
    world.register_guest("effect_probe", &grant);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent");
    let result = daemon.result("a");
    assert_eq!(result["terminalStatus"], "succeeded", "the probe goes on: {result}");
    let said = result["text"].as_str().unwrap();
    assert!(!said.contains("exit status 0"), "{said}");
    daemon.query("b", "echo", "still here");
    assert_eq!(daemon.result("b")["text"], "still here");
    daemon.end();
    none_left(&world);
}
