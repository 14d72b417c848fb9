//! Bad input gets one line that names the thing and the next step; nothing is lost, nothing panics.

use omi_tests::world::wire::Serving;
use omi_tests::world::{Ended, Running, World, guest_file, program, tester};
use rustix::process::{Pid, Resource, Rlimit};

/// One line on standard error that names the thing, and no panic.
fn refused(ended: &Ended, code: i32, named: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    let line = ended.stderr.lines().find(|line| named.iter().all(|name| line.contains(name)));
    assert!(line.is_some(), "no line with {named:?}: {ended:?}");
}

fn last_run(world: &World) -> serde_json::Value {
    world.list("runs")[0].clone()
}

#[test]
fn a_configuration_with_an_unknown_key() {
    let world = World::new();
    world.configure("colour = 'red'\n");
    refused(&world.run(&["run", "x"], ""), 1, &["config.toml:1", "colour"]);
}

#[test]
fn a_registration_that_does_not_exist() {
    let world = World::new();
    refused(&world.run(&["run", "--adapter", "nobody", "x"], ""), 1, &["`nobody`", "hint:", "`echo`"]);
}

#[test]
fn components_that_are_missing_or_none() {
    let world = World::new();
    let cases: [(&str, Option<&[u8]>, &str); 4] = [
        ("missing.wasm", None, "missing.wasm"),
        ("empty.wasm", Some(b""), "empty"),
        ("text.wasm", Some(b"hello"), "text"),
        ("core.wasm", Some(b"\0asm\x01\0\0\0"), "core"),
    ];
    for (file, bytes, named) in cases {
        if let Some(bytes) = bytes {
            // It was one when it was installed.
            std::fs::copy(guest_file("effect_probe"), world.path(file)).unwrap();
            world.install(&world.path(file));
            std::fs::write(world.path(file), bytes).unwrap();
            let path = world.path(file).display().to_string();
            let again = world.run(&["adapter", "install", &path, "--yes"], "");
            refused(&again, 1, &[file, "not a WebAssembly component", "hint: "]);
        }
        let code = if bytes.is_some() { "component_changed" } else { "component_rejected" };
        world.configure(&format!("[registrations.x]\ncomponent = '{file}'\n"));
        refused(&world.run(&["run", "--adapter", "x", "hello"], ""), 1, &["run     failed", named, code]);
        let run = last_run(&world);
        assert_eq!(
            (&run["status"], run["attempts"].as_array().map(Vec::len)),
            (&"failed".into(), Some(0)),
            "{run}"
        );
    }
}

#[test]
fn an_agent_that_does_not_exist() {
    let world = World::new();
    world.configure("[registrations.x]\ncomponent = 'acp'\ngrants.agent.command = ['no-such-agent']\n");
    refused(&world.run(&["run", "--adapter", "x", "hello"], ""), 1, &["run     failed", "no-such-agent"]);
    assert_eq!(last_run(&world)["attempts"][0]["status"], "failed");
}

#[test]
fn a_registration_that_grants_nothing() {
    let world = World::new();
    world.configure("[registrations.x]\ncomponent = 'acp'\n");
    let ended = world.run(&["run", "--adapter", "x", "hello"], "");
    refused(&ended, 1, &["run     failed", "[registrations.x.grants.agent]"]);
}

#[test]
fn an_agent_that_exits_at_once() {
    let world = World::new();
    world.register_tester(&["exit"]);
    refused(&world.run(&["run", "--adapter", "tester", "hello"], ""), 1, &["run     failed", "7"]);
    assert_eq!(last_run(&world)["status"], "failed");
}

#[test]
fn an_agent_that_exits_in_the_middle_of_a_turn() {
    let world = World::new();
    world.register_tester(&[]);
    let ended = world.run(&["run", "--adapter", "tester", "say half\nexit"], "");
    refused(&ended, 1, &["run     failed", "9"]);
    let run = last_run(&world);
    assert_eq!(
        (&run["status"], &run["finalText"]),
        (&"failed".into(), &"half".into()),
        "partial text is kept: {run}"
    );
}

#[test]
fn an_agent_that_prints_garbage() {
    let world = World::new();
    let config = "[registrations.tester.config]\ninitializeTimeoutMs = 1500\n";
    world.configure(&tester(&["garbage"], config));
    refused(
        &world.run(&["run", "--adapter", "tester", "hello"], ""),
        1,
        &["run     failed", "This is not JSON"],
    );
}

#[test]
fn an_agent_that_prints_a_line_of_10_mb_first() {
    let world = World::new();
    world.register_tester(&["long-line"]);
    let ended = world.run(&["run", "--adapter", "tester", "say fine"], "");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "fine\n"),
        "noise within the cap is noise: {ended:?}"
    );
    world.configure(&tester(&["long-line"], "[registrations.tester.config]\nlineBytesMax = 1048576\n"));
    let ended = world.run(&["run", "--adapter", "tester", "say fine"], "");
    refused(&ended, 1, &["run     failed", "1048576"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    let world = World::new();
    assert_eq!(world.run(&["run", "first"], "").code, Some(0));
    let before = world.list("events").len();
    // Files of this process may not grow: what SQLite gets is what a full disk gives.
    let mut command = std::process::Command::new("/bin/sh");
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    command.args(["-c", script]).arg(program("omi-agentd"));
    command.arg("--state-dir").arg(world.path("state")).args(["run", "second"]);
    world.settle(&mut command);
    let ended = Running::start(&mut command).ended();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("omi-agentd.sqlite3") && ended.stderr.contains("hint:"), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    assert_eq!(world.list("events").len(), before, "nothing half");
    assert_eq!(world.run(&["run", "third"], "").code, Some(0), "and it goes on when there is room");
}

#[test]
fn while_nothing_can_be_recorded_everybody_is_told_and_nobody_waits() {
    let world = World::new();
    world.register_tester(&[]);
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program("omi-agentd"));
    command.arg("--state-dir").arg(world.path("state"));
    command.arg("--config").arg(world.path("config.toml")).args(["serve", "--stdio"]);
    world.settle(&mut command);
    let mut daemon = Serving { running: Running::start(&mut command) };
    daemon.query("slow", "tester", "slow");
    daemon.hear("text_delta", "slow");
    let pid = Pid::from_raw(i32::try_from(daemon.running.id()).unwrap());
    let files_may_grow_to = |bytes| {
        rustix::process::prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    files_may_grow_to(Some(1));
    for request in ["a", "b", "c"] {
        daemon.query(request, "echo", "hello");
        assert_eq!(daemon.refusal(request).0, "store_unavailable");
    }
    files_may_grow_to(None);
    daemon.query("d", "echo", "hello");
    assert_eq!(daemon.result("d")["terminalStatus"], "succeeded", "it goes on when there is room");
    assert_eq!(daemon.stop("slow")["terminalStatus"], "cancelled", "nothing was lost");
}

#[test]
fn a_state_folder_that_cannot_be_written() {
    let world = World::new();
    let ended = world.run(&["--state-dir", "/proc/omi-agentd", "run", "x"], "");
    assert_eq!(ended.code, Some(2), "--state-dir twice is wrong usage: {ended:?}");
    let mut command = std::process::Command::new(program("omi-agentd"));
    command.args(["--state-dir", "/proc/omi-agentd", "run", "x"]);
    world.settle(&mut command);
    let ended = Running::start(&mut command).ended();
    refused(&ended, 1, &["/proc/omi-agentd", "hint:"]);
}

#[test]
fn a_database_of_a_newer_version_and_one_that_is_none() {
    let world = World::new();
    assert_eq!(world.run(&["run", "x"], "").code, Some(0));
    let database = world.path("state/omi-agentd.sqlite3");
    let good = std::fs::read(&database).unwrap();
    let mut newer = good.clone();
    // The user version is the 32-bit number at offset 60 of the file.
    newer[60..64].copy_from_slice(&999_u32.to_be_bytes());
    std::fs::write(&database, &newer).unwrap();
    refused(&world.run(&["run", "x"], ""), 1, &["omi-agentd.sqlite3", "999", "hint:"]);
    refused(&world.run(&["runs"], ""), 1, &["omi-agentd.sqlite3", "999", "hint:"]);
    std::fs::write(&database, b"this is no database, but it may be dear to somebody").unwrap();
    refused(&world.run(&["run", "x"], ""), 1, &["omi-agentd.sqlite3", "damaged", "hint:"]);
    let kept = std::fs::read(&database).unwrap();
    assert!(kept.starts_with(b"this is no database"), "it is never deleted");
    std::fs::write(&database, &good).unwrap();
    assert_eq!(world.list("runs").len(), 1);
}

#[test]
fn ids_that_are_none() {
    let world = World::new();
    refused(&world.run(&["run", "--session", "ses_1", "x"], ""), 1, &["`ses_1`", "session id"]);
    let unknown = format!("ses_{}", "0".repeat(32));
    refused(&world.run(&["run", "--session", &unknown, "x"], ""), 1, &["no session", &unknown]);
    refused(&world.run(&["run", "   "], ""), 1, &["prompt is empty"]);
    refused(&world.run(&["events", "nonsense"], ""), 1, &["`nonsense`"]);
}
