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

#[test]
fn a_case_is_meant_by_its_whole_name_first_and_programs_get_junit_in_any_case() {
    let world = World::new();
    let cases = |more: &[&str]| -> Vec<String> {
        let ended = check(&world, "acp", &[&["--json", "--case"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        report["cases"].as_array().unwrap().iter().map(|case| case["case"].as_str().unwrap().into()).collect()
    };
    assert_eq!(cases(&["component/load"]), ["component/load"]);
    assert_eq!(cases(&["exit/step-1"]), ["component/load", "exit/step-1"]);
    assert!(cases(&["exit/step-"]).len() > 3);
    let file = world.path("report.xml").display().to_string();
    let full = check(&world, "acp", &["--level", "core", "--case", "exit/step-1", "--junit", &file]);
    assert_eq!(full.code, Some(2), "{full:?}");
    assert!(full.stderr.contains("`exit/step-1` is judged at level full; hint: "), "{full:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("component/load"));
}

#[test]
fn the_last_line_says_how_it_went_and_whether_it_was_judged_only_in_part() {
    let (world, line) = (World::new(), guest("line_correct"));
    let last = |ended: &Ended| ended.stdout.lines().last().unwrap_or_default().to_owned();
    let whole = check(&world, "acp", &["--strict"]);
    assert_eq!(whole.code, Some(0), "what it cannot do is not for want of a peer file: {whole:?}");
    assert!(
        last(&whole).starts_with("passed ") && last(&whole).ends_with(" 0 broken, 1 not run"),
        "{whole:?}"
    );
    assert!(whole.stdout.lines().filter(|line| line.contains("wasi:cli")).count() <= 1, "{}", whole.stdout);
    let part = check(&world, &line, &["--level", "core"]);
    assert_eq!(part.code, Some(0), "{part:?}");
    assert!(last(&part).contains("judged only in part: ") && last(&part).contains("hint: "), "{part:?}");
    assert!(part.stderr.contains("`line_correct.peer.toml`, `line-correct.peer.toml`"), "{part:?}");
    let strict = check(&world, &line, &["--level", "core", "--strict"]);
    assert!(strict.code == Some(2) && strict.stderr.contains("--strict"), "{strict:?}");
    let broken = check(&world, &guest("binding_twice"), &["--level", "core", "--strict"]);
    assert!(broken.code == Some(1) && last(&broken).starts_with("BROKEN "), "{broken:?}");
}

#[test]
fn a_peer_file_has_the_name_that_the_author_gave_and_what_it_plays_for_nobody_is_told() {
    let world = World::new();
    let built = world.path("my_first.wasm");
    std::fs::copy(guest_file("line_correct"), &built).unwrap();
    let peer =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/guests/line.peer.toml")).unwrap();
    let more = "\n[[process]]\ngrant = 'agent'\n[[http]]\ngrant = 'no-such'\n";
    std::fs::write(world.work().join("my-first.peer.toml"), peer + more).unwrap();
    let ended = check(&world, built.to_str().unwrap(), &["--case", "attempt/answer", "--strict"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("ok       attempt/answer"), "{ended:?}");
    for words in ["another [[process]] for `agent`", "[[http]] for `no-such`"] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
