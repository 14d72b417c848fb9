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
    let newer =
        r#"(component (instance $i) (export "omi:runtime-adapter/runtime-adapter@0.2.0" (instance $i)))"#;
    let error = refusal_of_text(newer);
    assert!(matches!(&error, LoadError::Version { version } if version == "0.2.0"), "{error}");
}

pub(crate) fn a_missing_file_is_named() {
    let error = omi_engine::read_component(Path::new("/no/such/adapter.wasm")).unwrap_err();
    assert!(error.to_string().contains("/no/such/adapter.wasm"), "{error}");
}

pub(crate) fn an_adapter_says_who_it_is() {
    let engine = engine(limits());
    for name in ["echo", "acp"] {
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
