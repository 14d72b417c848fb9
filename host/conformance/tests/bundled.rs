//! Every bundled adapter, judged whole.

use crate::{broken, judge, not_run};

#[test]
fn echo_keeps_every_rule() {
    let report = judge("adapters/echo.wasm", None);
    assert_eq!(broken(&report), []);
    // It has no runtime, so nothing of it hangs, asks, exits or is refused.
    let needs_runtime = ["attempt/permission", "cancel/running", "stop/running"];
    assert!(needs_runtime.iter().all(|case| not_run(&report).contains(case)), "{:?}", not_run(&report));
}

#[test]
fn acp_keeps_every_rule_and_only_what_it_cannot_do_is_not_judged() {
    let report = judge("adapters/acp.wasm", Some("adapters/acp/acp.peer.toml"));
    assert_eq!(broken(&report), []);
    assert_eq!(not_run(&report), ["attempt/two-at-once"]);
    assert!(report.cases.iter().any(|case| case.name == "exit/step-2"), "its agent is lost at each step");
}

#[test]
fn openai_chat_keeps_every_rule_and_only_what_it_cannot_do_is_not_judged() {
    let report = judge("adapters/openai-chat.wasm", Some("adapters/openai-chat/openai-chat.peer.toml"));
    assert_eq!(broken(&report), []);
    // It offers no tools, so it asks for nothing, and it starts no program.
    let cannot = [
        "attempt/permission",
        "attempt/permission-denied",
        "cancel/permission",
        "stdin/full",
        "output/noise",
    ];
    assert_eq!(not_run(&report), cannot);
    assert!(report.cases.iter().any(|case| case.name == "attempt/two-at-once"), "it answers several at once");
}

#[test]
fn a2a_keeps_every_rule_and_only_what_it_cannot_do_is_not_judged() {
    let report = judge("adapters/a2a.wasm", Some("adapters/a2a/a2a.peer.toml"));
    assert_eq!(broken(&report), []);
    // What an agent asks is information, which no case gives; and it starts no program.
    let permission = ["attempt/permission", "attempt/permission-denied", "cancel/permission"];
    assert_eq!(not_run(&report), [permission.as_slice(), &["stdin/full", "output/noise"]].concat());
    assert!(report.cases.iter().any(|case| case.name == "exit/step-1"), "its server is lost at each step");
}

#[test]
fn pi_mono_keeps_every_rule_and_only_what_needs_two_sessions_is_not_judged() {
    let report = judge("adapters/pi-mono.wasm", Some("adapters/pi-mono/pi-mono.peer.toml"));
    assert_eq!(broken(&report), []);
    assert_eq!(not_run(&report), ["binding/two", "attempt/two-at-once"]);
    assert!(report.cases.iter().any(|case| case.name == "exit/step-2"), "its pi is lost at each step");
}

#[test]
fn without_a_peer_what_needs_a_runtime_is_not_run_and_never_passed() {
    let report = judge("adapters/acp.wasm", None);
    assert_eq!(broken(&report), []);
    let not_run = not_run(&report);
    for case in ["start/stop", "attempt/answer", "cancel/running", "exit/each-step", "replay/same"] {
        assert!(not_run.contains(&case), "{case}: {not_run:?}");
    }
}

#[test]
fn a_correct_adapter_of_each_kind_keeps_every_rule() {
    for (guest, peer) in [
        ("guests/correct.wasm", None),
        ("guests/readme_mine.wasm", None),
        ("guests/line_correct.wasm", Some("tests/guests/line.peer.toml")),
        ("guests/http_line.wasm", Some("tests/guests/http.peer.toml")),
    ] {
        assert_eq!(broken(&judge(guest, peer)), [], "{guest}");
    }
}
