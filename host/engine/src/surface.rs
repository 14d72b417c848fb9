//! Checks what a component imports and exports, before anything of it runs.

use wasmtime::component::Component;

use crate::load::LoadError;

/// The package of the contract.
const PACKAGE: &str = "omi:runtime-adapter/";
/// The interfaces of the contract that a component may import: `log`, and those that have types only.
const IMPORTABLE: &[&str] = &["log", "description", "session", "activity", "effects"];
/// The interface that every adapter exports.
const EXPORT: &str = "runtime-adapter";
/// The packages of WASI that are there, though empty.
const WASI: &[&str] = &["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"];

/// Refuses a component that is not an adapter of this version of the contract; else says what it imports.
pub(crate) fn check(component: &Component) -> Result<Vec<String>, LoadError> {
    let engine = component.engine();
    let component_type = component.component_type();
    let exports: Vec<&str> = component_type.exports(engine).map(|(name, _)| name).collect();
    check_exports(&exports)?;
    let import = |name: &str| check_import(name).map(|()| name.to_owned());
    component_type.imports(engine).map(|(name, _)| import(name)).collect()
}

fn check_exports(exports: &[&str]) -> Result<(), LoadError> {
    let mut versions = exports.iter().filter_map(|name| {
        let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
        (interface == EXPORT).then_some(version)
    });
    match versions.next() {
        Some(version) if is_live(version) => Ok(()),
        Some(version) => Err(LoadError::Version { version: version.to_owned() }),
        None => Err(LoadError::NoExport),
    }
}

fn check_import(name: &str) -> Result<(), LoadError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if let Some(interface) = interface.strip_prefix(PACKAGE)
        && IMPORTABLE.contains(&interface)
    {
        return if is_live(version) {
            Ok(())
        } else {
            Err(LoadError::Version { version: version.to_owned() })
        };
    }
    if WASI.iter().any(|package| interface.starts_with(package)) && version.starts_with("0.2.") {
        return Ok(());
    }
    Err(LoadError::Import { name: name.to_owned() })
}

fn is_live(version: &str) -> bool {
    version.starts_with("0.1.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_log_and_an_empty_wasi_may_be_imported() {
        for name in
            ["omi:runtime-adapter/log@0.1.0", "omi:runtime-adapter/session@0.1.9", "wasi:io/poll@0.2.6"]
        {
            assert!(check_import(name).is_ok(), "{name}");
        }
        for name in
            ["wasi:sockets/tcp@0.2.6", "wasi:http/types@0.2.0", "wasi:io/poll@0.3.0", "host:evil/x", "env"]
        {
            assert!(matches!(check_import(name), Err(LoadError::Import { .. })), "{name}");
        }
        let other = check_import("omi:runtime-adapter/log@0.2.0");
        assert!(matches!(other, Err(LoadError::Version { version }) if version == "0.2.0"));
    }

    #[test]
    fn the_export_is_there_in_a_live_version() {
        assert!(check_exports(&["extra", "omi:runtime-adapter/runtime-adapter@0.1.3"]).is_ok());
        assert!(matches!(check_exports(&["wasi:cli/run@0.2.6"]), Err(LoadError::NoExport)));
        let other = check_exports(&["omi:runtime-adapter/runtime-adapter@0.2.0"]);
        assert!(matches!(other, Err(LoadError::Version { version }) if version == "0.2.0"));
    }
}
