//! `adapter check` as its user sees it: what is judged, what is said of a broken rule, and the exit codes.

use omi_tests::world::{Ended, World, guest_file};
use serde_json::Value;

fn check(world: &World, component: &str, more: &[&str]) -> Ended {
    let words: Vec<&str> = ["adapter", "check", component].iter().chain(more).copied().collect();
    world.run(&words, "")
}

fn guest(name: &str) -> String {
    guest_file(name).display().to_string()
}

#[test]
fn a_bundled_component_is_judged_whole_by_its_name() {
    let world = World::new();
    let ended = check(&world, "acp", &["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&report["clean"], &report["level"], &report["broken"]),
        (&true.into(), &"full".into(), &0.into())
    );
    assert!(report["passed"].as_u64() > Some(50), "its agent is played: {report:#}");
    // It was judged on a host that is only played: no record was made of it.
    assert!(!world.path("state/omi-agentd.sqlite3").exists());
}

#[test]
fn a_broken_rule_is_named_with_its_reason_and_what_led_there_and_can_be_replayed_alone() {
    let (world, guest) = (World::new(), guest("attempt_late"));
    let ended = check(&world, &guest, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let replay = format!("omi-agentd adapter check {guest} --case attempt/answer --calls");
    for words in [
        "BROKEN   attempt/answer: attempt-running",
        "nothing is said about an attempt that is not running",
        "text would appear under the wrong run",
        ">> {\"execute-attempt\":",
        "<< {\"attempt-finished\":",
        replay.as_str(),
    ] {
        assert!(ended.stdout.contains(words), "no `{words}` in:\n{}", ended.stdout);
    }
    let alone = check(&world, &guest, &["--case", "attempt/answer", "--calls"]);
    assert_eq!(alone.code, Some(1));
    assert!(!alone.stdout.contains("attempt/second") && !alone.stdout.contains('…'), "{}", alone.stdout);
}

#[test]
fn what_nobody_plays_is_not_run_and_a_peer_file_plays_it() {
    let (world, guest) = (World::new(), guest("line_correct"));
    let alone = check(&world, &guest, &["--level", "core"]);
    assert_eq!(alone.code, Some(0));
    assert!(alone.stdout.contains("not run  attempt/answer: it starts a program under the grant `agent`"));
    std::fs::write(world.path("wrong.toml"), "[[process]]\nname = 'x'\n").unwrap();
    let wrong = world.path("wrong.toml").display().to_string();
    let refused = check(&world, &guest, &["--peer", &wrong]);
    assert_eq!(refused.code, Some(2), "that is no judgement: {refused:?}");
    assert!(refused.stderr.contains("line 2: unknown field `name`"), "{}", refused.stderr);
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/line.peer.toml");
    let played = check(&world, &guest, &["--peer", peer, "--case", "attempt/"]);
    assert!(played.code == Some(0) && played.stdout.contains("ok       attempt/answer"), "{played:?}");
}

#[test]
fn programs_get_junit_with_every_case() {
    let (world, guest) = (World::new(), guest("binding_twice"));
    let file = world.path("report.xml").display().to_string();
    let ended = check(&world, &guest, &["--level", "core", "--junit", &file, "--json"]);
    assert_eq!(ended.code, Some(1));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let xml = std::fs::read_to_string(&file).unwrap();
    let cases = report["cases"].as_array().unwrap().len();
    assert_eq!(xml.matches("<testcase ").count(), cases);
    assert!(xml.contains("type=\"binding-answered\"") && xml.contains("<skipped"), "{xml}");
    assert_eq!(xml.matches("<failure").count() as u64, report["broken"].as_u64().unwrap());
}

#[test]
fn what_cannot_be_judged_is_said_in_one_line_and_is_no_judgement() {
    let world = World::new();
    let missing = check(&world, "no-such.wasm", &[]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("cannot read `no-such.wasm`"), "{}", missing.stderr);
    let case = check(&world, "echo", &["--case", "no/such"]);
    assert_eq!(case.code, Some(2));
    assert!(case.stderr.contains("no case `no/such`") && case.stderr.contains("hint:"), "{}", case.stderr);
    std::fs::write(world.path("text.wasm"), "hello").unwrap();
    let text = check(&world, &world.path("text.wasm").display().to_string(), &[]);
    assert_eq!(text.code, Some(1), "a file that is no component breaks a rule");
    assert!(text.stdout.contains("component-valid"), "{}", text.stdout);
}
