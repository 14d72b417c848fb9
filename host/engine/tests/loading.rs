//! Components that cannot be used are refused with a reason, before anything of them runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use omi_engine::LoadError;

use crate::support::{cache_dir, component, engine, limits, load};

fn refusal(bytes: &[u8]) -> LoadError {
    engine(limits()).load("it", bytes).unwrap_err()
}

fn refusal_of_text(text: &str) -> LoadError {
    refusal(&wat::parse_str(text).unwrap())
}

pub(crate) fn what_is_no_component_is_named() {
    let echo = component("echo");
    let module = wat::parse_str("(module)").unwrap();
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"#!/bin/sh\necho hi\n", "does not begin like"),
        (&module, "core module"),
        (&echo[..echo.len() / 2], "hint: the file is damaged"),
    ] {
        let error = refusal(bytes);
        assert!(matches!(error, LoadError::NotAComponent { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("hint: ") && !text.contains('\n'), "{text}");
    }
}

pub(crate) fn a_foreign_import_is_named() {
    let adapter = r#"(instance $i) (export "omi:runtime-adapter/runtime-adapter@0.1.0" (instance $i))"#;
    for import in ["wasi:sockets/tcp@0.2.6", "wasi:http/types@0.2.0", "evil:host/shell@1.0.0"] {
        let error = refusal_of_text(&format!(r#"(component (import "{import}" (instance)) {adapter})"#));
        assert!(matches!(&error, LoadError::Import { name } if name == import), "{error}");
    }
}

pub(crate) fn a_component_that_is_no_adapter_is_refused() {
    assert!(matches!(refusal_of_text("(component)"), LoadError::NoExport));
    let hollow =
        r#"(component (instance $i) (export "omi:runtime-adapter/runtime-adapter@0.1.0" (instance $i)))"#;
    let error = refusal_of_text(hollow);
    assert!(matches!(&error, LoadError::Mismatch { what } if what.contains("describe")), "{error}");
}

pub(crate) fn another_version_of_the_contract_is_named() {
    let exporting = |version: &str| {
        let name = format!("omi:runtime-adapter/runtime-adapter@{version}");
        refusal_of_text(&format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#)).to_string()
    };
    for (version, hint) in
        [("0.2.0", "hint: the component is newer"), ("0.0.9", "hint: the component is older")]
    {
        let text = exporting(version);
        assert!(text.contains(version) && text.contains("serves 0.1;") && text.contains(hint), "{text}");
    }
}

pub(crate) fn a_component_of_several_versions_is_run_in_the_one_that_is_served() {
    let other = "omi:runtime-adapter/runtime-adapter@0.2.0";
    let mut bytes = component("echo");
    // An export section with one export: an imported instance that has types only, under the name of the other version.
    let length = u8::try_from(other.len()).unwrap();
    bytes.extend([11, length + 6, 1, 0, length]);
    bytes.extend(other.as_bytes());
    bytes.extend([5, 1, 0]);
    let adapter = engine(limits()).load("echo", &bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(adapter.descriptor().adapter_id, "echo");
}

pub(crate) fn an_empty_export_of_a_newer_version_hides_nothing() {
    let mut bytes = component("echo");
    let name = "omi:runtime-adapter/runtime-adapter@0.1.9";
    let length = u8::try_from(name.len()).unwrap();
    // Before all other exports: an imported instance that has types only, under a name that is compatible, too.
    let export = [&[11, length + 6, 1, 0, length], name.as_bytes(), &[5, 1, 0]].concat();
    let first = first_section(&bytes, 11);
    bytes.splice(first..first, export);
    let engine = engine(limits());
    let adapter = engine.load("echo", &bytes).unwrap_or_else(|error| panic!("{error}"));
    let described = engine.trial(&adapter, 1).unwrap().describe().unwrap();
    assert_eq!(described["adapter-id"], "echo");
}

/// Where the first section of a kind begins in a component.
fn first_section(bytes: &[u8], kind: u8) -> usize {
    let mut at = 8;
    while bytes[at] != kind {
        let digits = 1 + bytes[at + 1..].iter().take_while(|digit| **digit >= 128).count();
        let length = bytes[at + 1..][..digits].iter().rev();
        let length = length.fold(0, |length, digit| length << 7 | usize::from(digit & 127));
        at += 1 + digits + length;
    }
    at
}

pub(crate) fn types_of_another_version_need_no_host() {
    let text = r#"(component
        (import "omi:runtime-adapter/session@0.2.0"
            (instance (type $why (enum "idle")) (export "why" (type (eq $why)))))
        (instance $i) (export "omi:runtime-adapter/runtime-adapter@0.1.0" (instance $i)))"#;
    // It links; what is missing is only the rest of an adapter.
    let error = refusal_of_text(text);
    assert!(matches!(&error, LoadError::Mismatch { what } if what.contains("describe")), "{error}");
}

pub(crate) fn a_missing_file_is_named() {
    let error = omi_engine::read_component(Path::new("/no/such/adapter.wasm")).unwrap_err();
    assert!(error.to_string().contains("/no/such/adapter.wasm"), "{error}");
}

pub(crate) fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("adapter.wasm");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
    let error = omi_engine::read_component(&pipe).unwrap_err();
    assert!(error.to_string().contains("it is no regular file"), "{error}");
}

pub(crate) fn an_adapter_says_who_it_is() {
    let engine = engine(limits());
    for name in ["echo", "acp", "pi-mono", "a2a", "openai-chat"] {
        let adapter = load(&engine, name);
        assert_eq!(adapter.descriptor().adapter_id, name);
        assert_eq!(adapter.digest().len(), 64);
        assert!(adapter.imports().iter().any(|name| name == "omi:runtime-adapter/log@0.1.0"));
        assert_eq!(adapter.digest(), load(&engine, name).digest());
    }
}

pub(crate) fn the_cache_is_private() {
    load(&engine(limits()), "echo");
    let mode = std::fs::metadata(cache_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
