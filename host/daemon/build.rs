//! Finds what is put inside the program: the bundled adapters, which `cargo xtask adapters` builds, and the folders that
//! `omi-agentd adapter new` copies out.

#[path = "build/templates.rs"]
mod templates;

use std::path::{Path, PathBuf};

fn main() {
    bundled();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it for every build script");
    if let Err(error) = templates::write(&root, Path::new(&out)) {
        println!("cargo::error=cannot put the beginnings of adapters into the program: {error}");
    }
}

fn bundled() {
    println!("cargo::rerun-if-env-changed=OMI_ADAPTERS");
    let folder = std::env::var_os("OMI_ADAPTERS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/adapters"),
        PathBuf::from,
    );
    for name in ["echo", "acp"] {
        let component = folder.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", component.display());
        if component.is_file() {
            println!("cargo::rustc-env=OMI_ADAPTER_{}={}", name.to_uppercase(), component.display());
        } else {
            println!(
                "cargo::error=the bundled adapter `{}` is not built; hint: run `cargo xtask adapters`",
                component.display()
            );
        }
    }
}
