//! Finds what is put inside the program: the bundled adapters, which `cargo xtask adapters` builds, and the folders that
//! `omi-agentd adapter new` copies out.

#[path = "build/agents.rs"]
mod agents;
#[path = "build/templates.rs"]
mod templates;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

fn main() {
    bundled();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it for every build script");
    if let Err(error) = templates::write(&root, Path::new(&out)) {
        println!("cargo::error=cannot put the beginnings of adapters into the program: {error}");
    }
    if let Err(error) = agents::write(&root, Path::new(&out)) {
        println!("cargo::error=cannot put the known agents into the program: {error}");
    }
}

fn bundled() {
    println!("cargo::rerun-if-env-changed=OMI_ADAPTERS");
    let folder = std::env::var_os("OMI_ADAPTERS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/adapters"),
        PathBuf::from,
    );
    for name in ["echo", "acp", "pi-mono", "a2a", "openai-chat"] {
        let component = folder.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", component.display());
        if let Ok(bytes) = std::fs::read(&component) {
            let variable = format!("OMI_ADAPTER_{}", name.to_uppercase().replace('-', "_"));
            println!("cargo::rustc-env={variable}={}", component.display());
            println!("cargo::rustc-env={variable}_DIGEST={}", hex(&Sha256::digest(&bytes)));
        } else {
            println!(
                "cargo::error=the bundled adapter `{}` is not built; hint: run `cargo xtask adapters`",
                component.display()
            );
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
