//! The version, the start of a session, and what is made of a session that is taken up.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{
    Adapter, BindingSettings, Event, Fidelity, Input, OpenBinding, Output, Scope, Spawn, Why,
};

use super::script::{PI, PROBE, Script, commands, state};
use crate::PiMono;

fn spawn(out: &[Output]) -> Spawn {
    let spawn = out.iter().find_map(|output| match output {
        Output::Spawn(spawn) => Some(spawn.clone()),
        _ => None,
    });
    spawn.unwrap_or_else(|| panic!("nothing is started: {out:?}"))
}

fn runtime(out: &[Output]) -> String {
    let ready = out.iter().find_map(|output| match output {
        Output::Ready(ready) => Some(ready.runtime.clone()),
        _ => None,
    });
    ready.unwrap_or_else(|| panic!("not ready: {out:?}"))
}

fn opened(script: &Script) -> (String, Fidelity, Option<String>) {
    match script.out.last() {
        Some(Output::BindingOpened(opened)) => {
            (opened.native_id.clone(), opened.fidelity, opened.model.clone())
        }
        other => panic!("not opened: {other:?}"),
    }
}

#[test]
fn the_version_is_asked_first_on_whichever_stream_it_comes() {
    let mut script = Script::started("{}");
    let spawned = spawn(&script.out);
    assert_eq!(
        (spawned.op, spawned.args.as_slice(), spawned.scope),
        (PROBE, &["--version".to_owned()][..], Scope::Worker)
    );
    script.send(testkit::line(PROBE, "1.5.2"));
    assert_eq!(runtime(&script.out), "pi 1.5.2");
    let mut script = Script::started("{}");
    script.send(testkit::exited(PROBE, 0, "(node:1) a warning\n0.74.2\n"));
    assert_eq!(runtime(&script.out), "pi 0.74.2");
}

#[test]
fn a_pi_that_cannot_say_its_version_is_not_begun_with() {
    let mut script = Script::started("{}");
    script.send(testkit::exited(PROBE, 1, "SyntaxError: no enableCompileCache"));
    assert_eq!(script.failed(), "fatal version_failed");
    let mut script = Script::started(r#"{"startTimeoutMs": 1000}"#);
    script.out = script.kit.advance(1000);
    assert_eq!(script.failed(), "retryable version_timeout");
    let mut kit = TestKit::<PiMono>::new();
    kit.start("{}");
    let out = kit.send(testkit::refused(PROBE, Why::Failed("no such program".to_owned())));
    assert!(matches!(&out[..], [Output::Fault(_)]), "{out:?}");
}

#[test]
fn an_unknown_version_claims_nothing_and_says_so() {
    let mut script = Script::open_with("{}", "a fork of pi");
    assert_eq!(opened(&script).1, Fidelity::None);
    script.out = script.kit.execute(1, 1, "do it");
    let [Event::Progress(note)] = &script.events()[..] else { panic!("{:?}", script.out) };
    assert!(note.text.contains("does not say its version"), "{}", note.text);
}

#[test]
fn only_a_pi_that_keeps_its_sessions_says_native() {
    for (version, fidelity) in [
        ("0.74.2", Fidelity::None),
        ("0.98.0", Fidelity::None),
        ("0.99.0", Fidelity::Native),
        ("1.5.2", Fidelity::Native),
    ] {
        let script = Script::open_with("{}", version);
        assert_eq!(opened(&script), ("s1".to_owned(), fidelity, Some("mock/one".to_owned())), "{version}");
    }
    assert_eq!(PiMono::describe().capabilities.resume, Fidelity::Native, "the best case");
}

#[test]
fn the_process_of_a_session_is_started_on_its_behalf_with_what_was_asked_for() {
    let mut script = Script::ready("{}", "1.5.2");
    let settings = BindingSettings {
        model: Some("mock/two".to_owned()),
        system_prompt: Some("/etc/hostname".to_owned()),
        ..BindingSettings::in_folder("/work")
    };
    let open = |settings| {
        Input::OpenBinding(OpenBinding {
            binding: 1,
            omi_session: "s".to_owned(),
            settings,
            extra: String::new(),
        })
    };
    script.send(open(settings.clone()));
    script.out = script.kit.advance(0);
    let spawned = spawn(&script.out);
    assert_eq!((spawned.op, spawned.scope), (PI, Scope::Binding(1)));
    // The line feed keeps pi from reading a file of that name.
    let expected =
        ["--mode", "rpc", "--no-approve", "--model", "mock/two", "--append-system-prompt", "/etc/hostname\n"];
    assert_eq!(spawned.args, expected);
    let mut script = Script::ready(r#"{"systemPrompt": "replace"}"#, "1.5.2");
    script.send(open(settings));
    script.out = script.kit.advance(0);
    assert!(spawn(&script.out).args.contains(&"--system-prompt".to_owned()));
}

#[test]
fn what_the_folder_of_a_session_brings_along_runs_only_if_the_registration_says_so() {
    let arguments = |config, version| {
        let mut script = Script::ready(config, version);
        script.out = script.kit.open(1, "/work");
        script.out.extend(script.kit.advance(0));
        spawn(&script.out).args
    };
    for version in ["0.74.2", "a fork of pi"] {
        assert_eq!(arguments("{}", version), ["--mode", "rpc", "--no-extensions", "--offline"], "{version}");
    }
    assert_eq!(arguments("{}", "1.5.2"), ["--mode", "rpc", "--no-approve"]);
    for version in ["0.74.2", "1.5.2"] {
        assert_eq!(arguments(r#"{"projectExtensions": true}"#, version), ["--mode", "rpc"]);
    }
}

#[test]
fn without_the_gate_nothing_is_begun_unless_the_registration_says_so() {
    let started = |config| {
        let mut script = Script::ready(config, "1.5.2");
        script.out = script.kit.open(1, "/work");
        script.out.extend(script.kit.advance(0));
        script
            .send(testkit::spawned(PI))
            .answers(&state("s1", 0))
            .answers(&commands(&["omi-gate-not", "skill:x"]));
        script
    };
    assert_eq!(started("{}").failed(), "fatal gate_missing");
    assert_eq!(opened(&started(r#"{"gate": "off"}"#)).0, "s1");
    let mut script = Script::ready("{}", "1.5.2");
    script.out = script.kit.open(1, "/work");
    script.out.extend(script.kit.advance(0));
    script.send(testkit::spawned(PI)).answers(&state("s1", 0)).answers(&commands(&["omi-gate:1"]));
    assert_eq!(opened(&script).0, "s1", "another extension has the name too");
}

#[test]
fn a_session_is_taken_up_by_its_id_and_what_comes_is_checked() {
    let resumed = |id: &str, messages| {
        let mut script = Script::ready("{}", "1.5.2");
        script.out = script.kit.resume(1, "s1", "/work");
        script.out.extend(script.kit.advance(0));
        assert_eq!(spawn(&script.out).args, ["--mode", "rpc", "--no-approve", "--session-id", "s1"]);
        script.send(testkit::spawned(PI)).answers(&state(id, messages));
        script
    };
    let mut script = resumed("s1", 3);
    script.answers(&commands(&["omi-gate"]));
    assert_eq!(opened(&script).0, "s1");
    let script = resumed("s1", 0);
    assert_eq!(script.failed(), "stale session_not_found", "pi made a new one");
    assert!(script.out.iter().any(|output| matches!(output, Output::Kill(kill) if kill.process == PI)));
    script.kit.settled();
    assert_eq!(resumed("s2", 3).failed(), "stale session_not_found");
}

#[test]
fn an_old_pi_takes_up_nothing() {
    let mut script = Script::ready("{}", "0.87.1");
    script.out = script.kit.resume(1, "s1", "/work");
    script.out.extend(script.kit.advance(0));
    assert_eq!(script.failed(), "stale not_durable");
    assert!(!script.out.iter().any(|output| matches!(output, Output::Spawn(_))), "nothing was started");
}

#[test]
fn a_pi_that_does_not_start_says_why() {
    let mut script = Script::ready("{}", "1.5.2");
    script.out = script.kit.open(1, "/work");
    script.out.extend(script.kit.advance(0));
    script.send(testkit::spawned(PI)).send(testkit::exited(PI, 1, "Error: Unknown option"));
    assert_eq!(script.failed(), "fatal pi_exited");
    script.kit.settled();
    let mut script = Script::ready(r#"{"startTimeoutMs": 1000}"#, "1.5.2");
    script.out = script.kit.open(1, "/work");
    script.out.extend(script.kit.advance(0));
    script.out = script.kit.advance(1000);
    assert_eq!(script.failed(), "fatal start_timeout");
}

#[test]
fn a_session_that_is_closed_in_the_same_call_starts_nothing() {
    let mut script = Script::ready("{}", "1.5.2");
    script.out = script.kit.open(1, "/work");
    script.send(testkit::close(1));
    assert_eq!(script.failed(), "stale closed");
    assert!(!script.out.iter().any(|output| matches!(output, Output::Kill(_))), "{:?}", script.out);
    assert_eq!(script.kit.advance(10), []);
    script.kit.settled();
}

#[test]
fn a_session_is_begun_also_where_there_is_no_timer() {
    let mut script = Script::ready("{}", "1.5.2");
    script.out = script.kit.open(1, "/work");
    let [Output::SetTimer(timer)] = &script.out[..] else { panic!("{:?}", script.out) };
    script.send(testkit::refused(timer.op, Why::Limit("64 timers".to_owned())));
    assert_eq!(spawn(&script.out).op, PI);
}

#[test]
fn a_closed_session_ends_its_pi_and_another_can_be_opened() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.send(testkit::close(1));
    assert!(matches!(&script.out[..], [Output::Kill(kill)] if kill.process == PI), "{:?}", script.out);
    script.out = script.kit.open(2, "/work");
    script.out.extend(script.kit.advance(0));
    let second = spawn(&script.out).op;
    // The end of the first pi is not that of the second.
    script.send(testkit::exited(PI, 0, ""));
    assert_eq!(script.out, []);
    script.send(testkit::spawned(second));
    assert_eq!(script.commands(), ["get_state"]);
}
