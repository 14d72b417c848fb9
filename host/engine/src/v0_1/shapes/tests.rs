//! Inputs and outputs as JSON, led by the types of a real adapter.

use std::path::PathBuf;

use serde_json::json;
use wasmtime::Engine;

use super::super::wit::{activity, session};
use super::*;

/// Those of `echo`, from where `cargo xtask adapters` puts it.
fn shapes() -> Shapes {
    let folder = std::env::var_os("OMI_ADAPTERS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/adapters"),
        PathBuf::from,
    );
    let file = folder.join("echo.wasm");
    let component = Component::from_file(&Engine::default(), &file);
    let component = component.unwrap_or_else(|error| panic!("{error:#}; hint: run `cargo xtask adapters`"));
    Shapes::of(&component).unwrap()
}

#[test]
fn what_is_read_is_written_in_one_way() {
    let shapes = shapes();
    let stdout = |data: Value| json!([{ "stdout": { "op": 1, "data": data, "end": "open", "extra": "" } }]);
    let open = |more: &[(&str, Value)]| {
        let mut settings = json!({ "cwd": "/", "mcp-servers": [], "history": [], "history-left-out": 0 });
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        json!({ "binding": 1, "omi-session": "s", "settings": settings })
    };
    let mut whole = open(&[("model", json!(null)), ("system-prompt", json!("hi")), ("extra", json!(""))]);
    whole["extra"] = json!("");
    for (read, written) in [
        (json!([]), json!([])),
        (json!([{ "timer": 3 }]), json!([{ "timer": 3 }])),
        (stdout(json!("a \u{e9}")), stdout(json!("a \u{e9}"))),
        (stdout(json!({ "base64": "//4=" })), stdout(json!({ "base64": "//4=" }))),
        (stdout(json!({ "base64": "aGk=" })), stdout(json!("hi"))),
        (stdout(json!([104, 105])), stdout(json!("hi"))),
        (stdout(json!([255, 254])), stdout(json!({ "base64": "//4=" }))),
        (json!([{ "stdout": { "op": 1, "data": "", "end": "split" } }]), {
            json!([{ "stdout": { "op": 1, "data": "", "end": "split", "extra": "" } }])
        }),
        (json!([{ "open-binding": open(&[("system-prompt", json!("hi"))]) }]), {
            json!([{ "open-binding": whole }])
        }),
    ] {
        let inputs = shapes.read_inputs(&read).unwrap_or_else(|error| panic!("{read}: {error}"));
        assert_eq!(shapes.write_inputs(&inputs), written, "{read}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let shapes = shapes();
    let stdout =
        |data: Value, end: &str| json!([{ "timer": 1 }, { "stdout": { "op": 1, "data": data, "end": end } }]);
    for (wrong, says) in [
        (json!({}), "a list is expected, not {}"),
        (json!([{ "stdout": [] }]), "[0]: stdout: an object is expected, not []"),
        (
            json!([{ "stdout": { "op": 1, "odd": 1 } }]),
            "[0]: stdout: `odd`: there is no such member, but op, data, end",
        ),
        (json!([{ "stdout": { "op": 1, "end": "open" } }]), "[0]: stdout: data: it is missing"),
        (json!([{ "Timer": 1 }]), "[0]: `Timer`: there is no such case"),
        (json!([{ "timer": 1, "stdout": 2 }]), "there is no such case"),
        (stdout(json!(""), "Open"), "[1]: stdout: end: `Open`: there is no such name"),
        (
            stdout(json!(5), "open"),
            "[1]: stdout: data: bytes (a string, numbers, or an object with `base64`)",
        ),
        (stdout(json!({ "base64": "?" }), "open"), "[1]: stdout: data: base64: "),
        (stdout(json!([256]), "open"), "256"),
        (json!([{ "timer": "soon" }]), "soon"),
    ] {
        let error = shapes.read_inputs(&wrong).unwrap_err();
        assert!(error.contains(says), "{wrong}: {error}");
    }
}

#[test]
fn a_number_that_json_does_not_have_is_none() {
    let shapes = shapes();
    let used = |cost_usd| {
        let (input_tokens, output_tokens) = (Some(1), None);
        let (cache_read_tokens, cache_write_tokens) = (None, None);
        let extra = String::new();
        let usage = session::Usage {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cost_usd,
            extra,
        };
        let event = activity::Event::Usage(usage);
        let event = activity::AttemptEvent { attempt: 1, event, extra: String::new() };
        shapes.write_outputs(&[Output::AttemptEvent(event)])
    };
    let written = |cost: Value| {
        let usage = json!({
            "input-tokens": 1, "output-tokens": null, "cache-read-tokens": null, "cache-write-tokens": null,
            "cost-usd": cost, "extra": "",
        });
        json!([{ "attempt-event": { "attempt": 1, "event": { "usage": usage }, "extra": "" } }])
    };
    assert_eq!(used(Some(0.5)), written(json!(0.5)));
    for cost in [None, Some(f64::NAN), Some(f64::INFINITY)] {
        assert_eq!(used(cost), written(json!(null)), "{cost:?}");
    }
}
