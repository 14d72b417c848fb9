//! The TypeScript client: it is of the document that is served, and follows a real daemon, in Node and in a browser.

mod browser;
mod node;
mod proxy;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Where the client is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/typescript").canonicalize().expect("the client")
}

/// A file of the built client.
fn built(name: &str) -> String {
    let file = folder().join("dist").join(name);
    let hint = format!("{} is not built; hint: cargo xtask test --long", file.display());
    std::fs::read_to_string(&file).expect(&hint)
}

#[test]
fn the_types_of_the_client_are_of_the_document() {
    let document = std::fs::read(folder().join("../../host/daemon/docs/openapi.json")).unwrap();
    let types = std::fs::read_to_string(folder().join("src/api.ts")).unwrap();
    let head = format!("// whose SHA-256 is {:x}.", Sha256::digest(document));
    assert!(
        types.lines().nth(1) == Some(&head),
        "clients/typescript/src/api.ts is not of host/daemon/docs/openapi.json; hint: cargo xtask client"
    );
}

#[test]
fn what_uses_the_client_installs_nothing_else() {
    let manifest = std::fs::read_to_string(folder().join("package.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&manifest["private"], &manifest["dependencies"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(manifest["license"], "MIT OR Apache-2.0");
    let tools = manifest["devDependencies"].as_object().unwrap();
    let is_exact = |version: &str| version.split('.').all(|part| part.parse::<u32>().is_ok());
    assert!(tools.values().all(|version| version.as_str().is_some_and(is_exact)), "{tools:?}");
}
