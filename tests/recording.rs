//! A conversation with a real process is recorded, and replayed without it.

use std::path::Path;

use omi_tests::world::{Ended, World, guest_file, tester};
use serde_json::Value;

/// What the agent of the registration is given, and no recording has.
const SECRET: &str = "sk-0123456789";
/// What an MCP server is given.
const MCP_KEY: &str = "mcp-key-987654";

/// The first line of a recording of `echo`.
const HEADER: &str = "{\"omi-recording\":1,\"contract\":\"0.1\",\"adapter\":\"echo\",\"version\":\"0.1.0\",\
    \"digest\":\"\",\"seed\":1}\n";

/// Records a prompt to the test agent, with a secret in its environment and in that of an MCP server.
fn record(world: &World, prompt: &str) -> Ended {
    std::fs::write(world.path("key"), SECRET).unwrap();
    let more = format!(
        "[[registrations.tester.mcp-servers]]\ntransport = \"stdio\"\nname = \"tools\"\ncommand = \"true\"\n\
         env = {{ TOOL_KEY = \"{MCP_KEY}\" }}\n"
    );
    let config = tester(&[], &more)
        .replace("grants.agent = { ", "grants.agent = { secrets = { KEY = { file = \"key\" } }, ");
    world.configure(&config);
    let to = world.path("talk.jsonl").display().to_string();
    world.run(&["record", "--to", &to, "--adapter", "tester", prompt], "")
}

fn replay(world: &World, more: &[&str]) -> Ended {
    let file = world.path("talk.jsonl").display().to_string();
    let words: Vec<&str> = ["replay", &file].iter().chain(more).copied().collect();
    world.run(&words, "")
}

fn calls(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_recorded_conversation_gives_the_same_events_without_the_agent() {
    let world = World::new();
    let recorded = record(&world, "say hello to everybody\nenv KEY");
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    assert!(recorded.stdout.contains("hello to everybody"), "it runs as `run` does: {recorded:?}");
    // The agent is gone for good.
    world.configure("");
    let replayed = replay(&world, &["--json"]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let report: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert_eq!((&report["sameEvents"], &report["sameComponent"]), (&true.into(), &true.into()), "{report:#}");
    assert_eq!(report["sameOutputs"], true, "also every effect: {report:#}");
    let file = world.path("talk.jsonl").display().to_string();
    let case = world.run(&["adapter", "check", "acp", "--case", "recording/", "--recording", &file], "");
    assert!(case.code == Some(0) && case.stdout.contains("ok       recording/talk"), "{case:?}");
}

#[test]
fn a_recording_has_no_secret_in_it() {
    let world = World::new();
    let recorded = record(&world, "env KEY");
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let text = std::fs::read_to_string(world.path("talk.jsonl")).unwrap();
    assert!(text.contains("TOOL_KEY") && text.contains("[redacted]"), "what hides them is there: {text}");
    assert!(!text.contains(SECRET) && !text.contains(MCP_KEY), "{text}");
}

#[test]
fn another_conversation_than_the_recorded_one_is_shown_where_it_differs() {
    let world = World::new();
    assert_eq!(record(&world, "say one").code, Some(0));
    let file = world.path("talk.jsonl");
    assert!(calls(&file).len() > 3);
    let text = std::fs::read_to_string(&file).unwrap();
    // The agent said something else in the past than what was recorded of it.
    let changed = text.replacen("\\\"text\\\":\\\"one", "\\\"text\\\":\\\"two", 1);
    assert_ne!(changed, text);
    std::fs::write(&file, changed).unwrap();
    let replayed = replay(&world, &[]);
    assert_eq!(replayed.code, Some(1), "{replayed:?}");
    let (differ, now) = (replayed.stdout.contains("events     differ"), replayed.stdout.contains("two"));
    assert!(differ && now, "{}", replayed.stdout);
    let other = replay(&world, &["--component", "echo"]);
    assert!(other.code == Some(1) && other.stdout.contains("another component"), "{other:?}");
}

#[test]
fn what_cannot_be_replayed_is_said_in_one_line() {
    let world = World::new();
    let file = world.path("talk.jsonl");
    // What the worker was told is nothing of the contract: that is no trap of the adapter, though none is recorded.
    let nonsense = format!("{HEADER}{{\"now-ms\":0,\"inputs\":[{{\"no-such\":1}}],\"outputs\":null}}\n");
    for (text, says) in [
        ("", "the recording is empty"),
        (HEADER, "nothing was recorded"),
        (&nonsense, "no inputs of the contract"),
        ("{\"a\": 1}\n", "line 1 of the recording"),
    ] {
        std::fs::write(&file, text).unwrap();
        let replayed = replay(&world, &[]);
        assert_eq!(replayed.code, Some(2), "{replayed:?}");
        let words = [says, "hint: "];
        assert!(words.iter().all(|word| replayed.stderr.contains(word)), "{words:?}: {replayed:?}");
        assert_eq!(replayed.stderr.lines().count(), 1, "{replayed:?}");
    }
    let refused = record(&world, "say one");
    assert!(
        refused.stderr.contains("name a file that is not there yet"),
        "nothing is overwritten: {refused:?}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"a\": 1}\n");
}

#[test]
fn no_file_stays_where_nothing_was_recorded() {
    let world = World::new();
    let to = world.path("talk.jsonl").display().to_string();
    let nobody = world.run(&["record", "--to", &to, "--adapter", "nope", "hello"], "");
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("no registration `nope`"), "{nobody:?}");
    assert!(!world.path("talk.jsonl").exists());
    let nowhere = world.path("no/talk.jsonl").display().to_string();
    let refused = world.run(&["record", "--to", &nowhere, "hello"], "");
    assert!(refused.stderr.contains("hint: make the folder first"), "{refused:?}");
}

#[test]
fn what_an_installed_component_said_is_replayed_by_the_command_that_is_printed() {
    let world = World::new();
    world.register_guest("correct", "");
    let to = world.path("my talk.jsonl").display().to_string();
    let recorded = world.run(&["record", "--to", &to, "--adapter", "correct", "hello"], "");
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let (_, command) = recorded.stderr.split_once("hint: omi-agentd replay ").expect("a hint");
    let component = guest_file("correct").canonicalize().unwrap().display().to_string();
    assert_eq!(command.lines().next(), Some(&*format!("'{to}' --component {component}")));
    // Its writer was ended in the middle of a character.
    let whole = std::fs::read(&to).unwrap();
    std::fs::write(&to, [&whole, &b"{\"now-ms\":9,\"inputs\":\"\xc3"[..]].concat()).unwrap();
    let replayed = world.run(&["replay", &to, "--component", &component], "");
    assert!(replayed.code == Some(0) && replayed.stdout.contains("its last 23 bytes"), "{replayed:?}");
    let judged = world.run(&["adapter", "check", &component, "--recording", &to, "--case", "recording/"], "");
    assert!(judged.code == Some(0) && judged.stderr.contains("the last 23 bytes of"), "{judged:?}");
}
