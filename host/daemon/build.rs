//! Finds the bundled adapters, which `cargo xtask adapters` builds, so that they can be put inside the program.

use std::path::PathBuf;

fn main() {
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
