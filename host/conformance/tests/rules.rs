//! For every rule there is an adapter that breaks it, and the suite names exactly that rule.

use std::collections::BTreeSet;

use omi_conformance::rule::RULES;

use crate::{broken, judge};

/// The pretended programs of the guests that have one.
const LINE: Option<&str> = Some("tests/guests/line.peer.toml");

/// A rule, the guests of `tests/guests/examples` that break it and nothing else, and their peer file.
type Breaks = (&'static str, &'static [&'static str], Option<&'static str>);

/// Each rule with what breaks it alone.
const BREAKS: &[Breaks] = &[
    ("starts-within-limits", &["start_huge"], None),
    ("describe-returns", &["describe_trap", "describe_spin"], None),
    ("describe-stable", &["describe_changes"], None),
    ("describe-valid", &["describe_wrong"], None),
    ("grants-declared", &["grant_unnamed"], None),
    ("call-returns", &["answer_traps"], None),
    ("waits-never", &["answer_waits"], None),
    ("empty-call", &["empty_traps"], None),
    ("start-answered", &["ready_never", "ready_twice"], None),
    ("extension-ignored", &["extension_traps"], None),
    ("extra-ignored", &["extra_traps"], None),
    ("json-valid", &["extra_broken"], None),
    ("binding-answered", &["binding_never", "binding_twice"], None),
    ("binding-known", &["binding_invented"], None),
    ("native-id-own", &["binding_session_id"], None),
    ("attempt-finished", &["attempt_never", "attempt_ended_twice"], None),
    ("attempt-running", &["attempt_late"], None),
    ("cancel-answered", &["cancel_silent", "cancel_twice"], LINE),
    ("cancel-honest", &["cancel_overclaims"], LINE),
    ("cancel-ends", &["cancel_ignored"], Some("tests/guests/wait.peer.toml")),
    ("op-fresh", &["op_twice"], None),
    ("op-known", &["op_unknown"], None),
    ("scope-held", &["scope_unknown"], None),
    ("request-fresh", &["request_twice"], None),
    ("capabilities-kept", &["artifact_undeclared"], None),
    ("stop-quiet", &["stop_starts"], LINE),
    ("late-ignored", &["late_traps"], None),
    ("refusal-survived", &["refusal_hangs"], LINE),
    ("backpressure-kept", &["stdin_pushes"], LINE),
    ("pieces-joined", &["pieces_confused"], LINE),
    ("bytes-tolerated", &["utf8_traps"], LINE),
    ("exit-noticed", &["exit_ignored"], LINE),
    ("replay-same", &["replay_differs"], None),
    ("fuel-bounded", &["fuel_hungry"], None),
    ("memory-bounded", &["memory_grows"], None),
    ("outputs-bounded", &["outputs_many", "timer_again"], None),
    ("huge-inputs", &["huge_traps"], None),
    ("many-inputs", &["many_traps"], None),
];

/// Rules that older guests break among others: they are hostile in several ways at once.
const AMONG_OTHERS: &[(&str, &[&str])] =
    &[("call-returns", &["call_panic", "call_spin", "call_recurse"]), ("waits-never", &["wasi_wait"])];

/// Rules that are broken by files made in `files.rs`, because no adapter could be built that breaks them.
const IN_FILES: &[&str] = &[
    "component-valid",
    "component-size",
    "contract-exported",
    "contract-version",
    "contract-types",
    "imports-allowed",
    "recording-same",
];

#[test]
fn every_rule_has_what_breaks_it() {
    let listed: BTreeSet<&str> = BREAKS
        .iter()
        .map(|(rule, _, _)| *rule)
        .chain(AMONG_OTHERS.iter().map(|(rule, _)| *rule))
        .chain(IN_FILES.iter().copied())
        .collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(listed, rules);
}

#[test]
fn each_wrong_adapter_breaks_exactly_its_rule() {
    // Most of the time goes to compiling them.
    let (first, second) = BREAKS.split_at(BREAKS.len() / 2);
    let wrong = std::thread::scope(|scope| {
        let first = scope.spawn(|| wrongly_named(first));
        let mut wrong = wrongly_named(second);
        wrong.extend(first.join().expect("it does not panic"));
        wrong
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The guests that break another rule, too, or none.
fn wrongly_named(breaks: &[Breaks]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (rule, guests, peer) in breaks {
        for guest in *guests {
            let found = broken(&judge(&format!("guests/{guest}.wasm"), *peer));
            if found.is_empty() || found.iter().any(|(name, _)| name != rule) {
                wrong.push(format!("{guest} is to break `{rule}` alone: {found:#?}"));
            }
        }
    }
    wrong
}

#[test]
fn hostile_adapters_are_named_for_what_they_do() {
    for (rule, guests) in AMONG_OTHERS {
        for guest in *guests {
            let found = broken(&judge(&format!("guests/{guest}.wasm"), LINE));
            assert!(found.iter().any(|(name, _)| name == rule), "{guest} breaks `{rule}`: {found:#?}");
        }
    }
}
