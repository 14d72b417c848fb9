//! Calls that are written down: how much one may ask for.

use std::sync::mpsc;

use omi_engine::{CallSink, TrialError};
use omi_kernel::report::WorkerEnd;
use serde_json::{Value, json};

use crate::support::{Probe, engine, limits, load};

/// The input that has a guest answer a text.
fn execute(text: &str) -> Value {
    json!([{ "execute-attempt": {
        "attempt": 1, "binding": 1, "omi-session": "s", "omi-run": "r", "omi-attempt": "a", "number": 1,
        "prompt": [{ "text": text }], "mode": "act", "tools": [],
    } }])
}

pub(crate) fn a_trial_counts_outputs_before_it_writes_them() {
    let engine = engine(limits());
    let mut trial = engine.trial(&load(&engine, "outputs_many"), 1).unwrap();
    let error = trial.call(0, &execute("go on")).map(drop).unwrap_err();
    assert!(matches!(error, TrialError::TooMany { outputs } if outputs > 5_000), "{error:?}");
    assert!(error.to_string().contains("outputs in one call; the limit is 4096"), "{error}");
}

pub(crate) fn what_is_written_down_is_small() {
    let engine = engine(limits());
    let guest = load(&engine, "correct");
    let call = |bytes: usize| engine.trial(&guest, 1).unwrap().call(0, &execute(&"x".repeat(bytes)));
    assert!(call(3 * 1024 * 1024).is_ok());
    let error = call(5 * 1024 * 1024).map(drop).unwrap_err();
    assert!(matches!(&error, TrialError::Trapped(text) if text.contains("too much data")), "{error:?}");
}

pub(crate) fn a_recorded_worker_counts_outputs_before_it_writes_them() {
    let engine = engine(limits());
    let guest = load(&engine, "outputs_many");
    let (sink, calls) = mpsc::channel();
    let calls_sink = CallSink::new(move |call| drop(sink.send(call)));
    let probe = Probe::recorded(engine, &guest, calls_sink);
    probe.execute("go on");
    let WorkerEnd::Trapped(failure) = probe.end() else { panic!("it goes on") };
    assert!(failure.code == "adapter_limit" && failure.message.contains("the limit is 4096"), "{failure:?}");
    drop(probe);
    let last = calls.iter().last().expect("a call");
    assert!(last.inputs[0]["execute-attempt"].is_object() && last.outputs.is_null(), "{}", last.inputs);
}
