//! Checks what a component imports and exports, before anything of it runs.

use wasmtime::component::Component;
use wasmtime::component::types::{ComponentExtern, ComponentItem};

use crate::load::LoadError;

/// The versions of the contract that are served, by their first two numbers, oldest first. Each has a view of its own,
/// such as `v0_1`.
const LIVE: &[(u64, u64)] = &[(0, 1)];
/// The package of the contract.
const PACKAGE: &str = "omi:runtime-adapter/";
/// The only interface of the contract that is offered: a component may import types of the others, but no functions.
const IMPORT: &str = "log";
/// The interface that every adapter exports.
const EXPORT: &str = "runtime-adapter";
/// The packages of WASI that are there, though empty.
const WASI: &[&str] = &["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"];

/// Refuses a component that is no adapter of a version that is served; else says what it imports.
pub(crate) fn check(component: &Component) -> Result<Vec<String>, LoadError> {
    let engine = component.engine();
    let component_type = component.component_type();
    let exports: Vec<&str> = component_type.exports(engine).map(|(name, _)| name).collect();
    check_exports(&exports)?;
    let import = |(name, found): (&str, ComponentExtern<'_>)| {
        let is_type = |export: ComponentExtern<'_>| matches!(export.ty, ComponentItem::Type(_));
        let has_types_only = match found.ty {
            ComponentItem::ComponentInstance(all) => all.exports(engine).all(|(_, export)| is_type(export)),
            _ => false,
        };
        check_import(name, has_types_only).map(|()| name.to_owned())
    };
    component_type.imports(engine).map(import).collect()
}

/// The versions of the contract that are served, for a person.
pub(crate) fn served() -> String {
    LIVE.iter().map(|(major, minor)| format!("{major}.{minor}")).collect::<Vec<_>>().join(" and ")
}

/// One version that is served is enough: a component may keep others for other hosts.
fn check_exports(exports: &[&str]) -> Result<(), LoadError> {
    let version = |name: &&'_ str| {
        Some(name.strip_prefix(PACKAGE)?.strip_prefix(EXPORT)?.strip_prefix('@')?.to_owned())
    };
    let versions: Vec<String> = exports.iter().filter_map(version).collect();
    if versions.is_empty() {
        return Err(LoadError::NoExport);
    }
    if versions.iter().any(|version| is_live(version)) { Ok(()) } else { Err(not_served(&versions)) }
}

fn check_import(name: &str, has_types_only: bool) -> Result<(), LoadError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let foreign = || Err(LoadError::Import { name: name.to_owned() });
    if let Some(interface) = interface.strip_prefix(PACKAGE) {
        return match (interface == IMPORT, is_live(version)) {
            (true, true) => Ok(()),
            // A component of several versions has the types of each.
            (_, _) if has_types_only => Ok(()),
            (_, false) => Err(not_served(&[version.to_owned()])),
            (false, true) => foreign(),
        };
    }
    if WASI.iter().any(|package| interface.starts_with(package)) && version.starts_with("0.2.") {
        return Ok(());
    }
    foreign()
}

fn not_served(versions: &[String]) -> LoadError {
    let is_newer = versions.iter().any(|version| number(version) > LIVE.last().copied());
    let hint = if is_newer {
        "the component is newer than this host: update omi-agentd"
    } else {
        "the component is older than this host: rebuild it with the SDK of this host"
    };
    LoadError::Version { versions: versions.join(" and "), hint }
}

fn is_live(version: &str) -> bool {
    number(version).is_some_and(|number| LIVE.contains(&number))
}

/// The two numbers that make a version another contract, as long as the first is 0.
fn number(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use wasmtime::Engine;

    use super::*;

    /// What a component of this text may import, or why it is refused.
    fn checked(text: &str) -> Result<Vec<String>, LoadError> {
        let bytes = wat::parse_str(format!("(component {text})")).unwrap();
        check(&Component::from_binary(&Engine::default(), &bytes).unwrap())
    }

    fn exporting(versions: &[&str]) -> String {
        let export = |version: &&str| {
            format!(r#"(export "omi:runtime-adapter/runtime-adapter@{version}" (instance $i))"#)
        };
        format!("(instance $i) {}", versions.iter().map(export).collect::<String>())
    }

    fn hint_of(error: LoadError) -> (String, &'static str) {
        match error {
            LoadError::Version { versions, hint } => (versions, hint),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn only_the_log_and_an_empty_wasi_may_be_imported() {
        for name in ["omi:runtime-adapter/log@0.1.0", "omi:runtime-adapter/log@0.1.9", "wasi:io/poll@0.2.6"] {
            assert!(check_import(name, false).is_ok(), "{name}");
        }
        for name in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/types@0.2.0",
            "wasi:io/poll@0.3.0",
            "host:evil/x",
            "env",
            "omi:runtime-adapter/session@0.1.0",
        ] {
            assert!(matches!(check_import(name, false), Err(LoadError::Import { .. })), "{name}");
        }
    }

    #[test]
    fn types_of_any_version_may_be_imported_and_functions_of_this_one() {
        let export = exporting(&["0.1.0"]);
        let types = r#"(import "omi:runtime-adapter/session@0.2.0" (instance
            (type $why (enum "idle")) (export "why" (type (eq $why)))))"#;
        assert_eq!(checked(&format!("{types} {export}")).unwrap(), ["omi:runtime-adapter/session@0.2.0"]);
        let log = r#"(import "omi:runtime-adapter/log@0.2.0" (instance (export "write" (func))))"#;
        assert_eq!(hint_of(checked(&format!("{log} {export}")).unwrap_err()).0, "0.2.0");
        let resource =
            r#"(import "omi:runtime-adapter/session@0.1.0" (instance (export "r" (type (sub resource)))))"#;
        assert!(matches!(checked(&format!("{resource} {export}")), Err(LoadError::Import { .. })));
    }

    #[test]
    fn one_version_that_is_served_is_enough() {
        for versions in
            [&["0.1.3"][..], &["0.1.0", "0.2.0"], &["0.2.0", "0.1.0"], &["0.0.4", "1.0.0", "0.1.0"]]
        {
            assert!(checked(&exporting(versions)).is_ok(), "{versions:?}");
        }
        assert!(matches!(checked(""), Err(LoadError::NoExport)));
        let other = r#"(instance $i) (export "omi:runtime-adapter/runtime-adapter-x@0.1.0" (instance $i))"#;
        assert!(matches!(checked(other), Err(LoadError::NoExport)));
    }

    #[test]
    fn an_unknown_version_says_which_side_is_old() {
        for (versions, named, hint) in [
            (&["0.2.0"][..], "0.2.0", "update omi-agentd"),
            (&["0.0.4", "0.3.1"], "0.0.4 and 0.3.1", "update omi-agentd"),
            (&["1.1.0"], "1.1.0", "update omi-agentd"),
            (&["0.0.9"], "0.0.9", "rebuild it"),
        ] {
            let (found, says) = hint_of(checked(&exporting(versions)).unwrap_err());
            assert!(found == named && says.contains(hint), "{versions:?}: {found}: {says}");
        }
    }
}
