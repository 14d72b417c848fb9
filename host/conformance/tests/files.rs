//! Files that are no adapters, and recordings of another one.

use omi_conformance::{Options, Recording, check};

use crate::{broken, engine, judge_bytes, root};

fn names(bytes: &[u8]) -> Vec<&'static str> {
    broken(&judge_bytes("file", bytes, None)).into_iter().map(|(rule, _)| rule).collect()
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component")
}

#[test]
fn what_is_no_component_is_named_so() {
    assert_eq!(names(b"hello"), ["component-valid"]);
    assert_eq!(names(b""), ["component-valid"]);
    assert_eq!(names(&wat("(module)")), ["component-valid"]);
}

#[test]
fn a_component_that_is_no_adapter_of_this_host_is_named_so() {
    assert_eq!(names(&wat("(component)")), ["contract-exported"]);
    let exporting = |version: &str| {
        wat(&format!(
            "(component (instance $i) (export \"omi:runtime-adapter/runtime-adapter@{version}\" (instance $i)))"
        ))
    };
    assert_eq!(names(&exporting("0.9.0")), ["contract-version"]);
    assert_eq!(names(&exporting("0.1.0")), ["contract-types"]);
    let importing = wat("(component (import \"wasi:sockets/tcp@0.2.0\" (instance)) (instance $i)
            (export \"omi:runtime-adapter/runtime-adapter@0.1.0\" (instance $i)))");
    assert_eq!(names(&importing), ["imports-allowed"]);
}

#[test]
fn a_file_that_is_too_large_is_named_so() {
    let mut bytes = wat("(component)");
    bytes.resize(130 * 1024 * 1024, 0);
    assert_eq!(names(&bytes), ["component-size"]);
}

/// A recording of `echo`, by hand.
const ECHO: &str = r#"{"omi-recording":1,"contract":"0.1","adapter":"echo","version":"0.1.0","digest":"","seed":1}
{"now-ms":0,"inputs":[{"start":{"registration":"echo","config":"{}","host-version":"0.1.0","host-extensions":[],"grants":[],"limits":{"inputs-per-call":256,"outputs-per-call":4096,"call-ms":1000,"chunk-bytes":65536,"stdin-queue-bytes":4194304,"inline-bytes":65536,"processes":8,"timers":64,"requests":16,"blob-bytes":67108864},"seed":1}}],"outputs":[{"ready":{"runtime":"echo 0.1.0"}}]}
{"now-ms":5,"inputs":[{"open-binding":{"binding":1,"omi-session":"ses_1","settings":{"cwd":"/work","mcp-servers":[],"history":[],"history-left-out":0}}}],"outputs":[{"binding-opened":{"binding":1,"native-id":"echo-1","fidelity":"none","effective-mcp":[],"model":null}}]}
"#;

#[test]
fn a_recording_is_a_case_and_another_adapter_does_not_pass_it() {
    let judge = |component: &str| {
        let bytes = std::fs::read(root().join("target").join(component)).expect("a built component");
        let recordings = vec![("by-hand".to_owned(), Recording::parse(ECHO).unwrap())];
        let options = Options { only: Some("recording/".to_owned()), recordings, ..Options::default() };
        broken(&check(&engine(), component, &bytes, options, &mut |_| {}))
    };
    assert_eq!(judge("adapters/echo.wasm"), []);
    let other = judge("guests/correct.wasm");
    assert!(matches!(&other[..], [("recording-same", what)] if what.contains("echo 0.1.0")), "{other:?}");
}
