//! The rules of the tree: who may import what, how large files are, where the gate is, what must not change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of a file, at most (how we work, rule 5).
const LINES_MAX: usize = 400;

/// Which of our packages each package may depend on (ARCHITECTURE §1).
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("host/kernel", &[]),
    ("host/store", &["omi-kernel"]),
    ("host/engine", &["omi-kernel", "omi-figures"]),
    ("host/conformance", &["omi-kernel", "omi-engine"]),
    ("host/daemon", &["omi-kernel", "omi-store", "omi-engine", "omi-conformance"]),
    ("guest-sdk", &[]),
    ("adapters/a2a", &["omi-adapter-sdk"]),
    ("adapters/acp", &["omi-adapter-sdk"]),
    ("adapters/echo", &["omi-adapter-sdk"]),
    ("adapters/openai-chat", &["omi-adapter-sdk"]),
    ("adapters/pi-mono", &["omi-adapter-sdk"]),
    ("adapters/examples/rust", &["omi-adapter-sdk"]),
    ("tests", &["omi-figures"]),
    ("tests/agents", &[]),
    ("tests/guests", &["omi-adapter-sdk"]),
    ("tests/figures", &[]),
    ("tests/model", &["omi-kernel", "omi-store", "omi-figures"]),
    ("xtask", &["omi-tests"]),
];

/// What stops at a crate's edge: the crate's name in Rust, and the only packages that may name it. The model reads rows
/// behind the store's back and measures SQLite without the store.
const STOPS_AT: &[(&str, &[&str])] = &[
    ("wasmtime", &["host/engine"]),
    ("rusqlite", &["host/store", "tests/model"]),
    ("wit_bindgen", &["guest-sdk"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// Every file below a folder of ours, with its path relative to the root.
fn files(extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).expect("a folder of ours").map(|entry| entry.expect("an entry"))
        {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') && name != "node_modules" {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let relative = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((relative, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

fn of<'f>(files: &'f [(String, String)], folder: &str) -> impl Iterator<Item = &'f (String, String)> {
    let folder = format!("{folder}/");
    files.iter().filter(move |(path, _)| path.starts_with(&folder))
}

fn none_of(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_is_not_too_long() {
    let mut violations = Vec::new();
    for (path, text) in files("rs") {
        if !text.starts_with("//!") {
            violations.push(format!("{path}: begins with no `//!` line that says what it is"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            violations.push(format!("{path}: {lines} lines, {LINES_MAX} at most: one noun per file"));
        }
        if path.ends_with("/mod.rs") {
            violations.push(format!("{path}: is `foo.rs` beside `foo/` here"));
        }
        for name in ["utils", "helpers", "helper", "manager", "common", "types"] {
            if path.ends_with(&format!("/{name}.rs")) {
                violations.push(format!("{path}: `{name}` is no noun of ours"));
            }
        }
    }
    none_of(&violations);
}

#[test]
fn crates_depend_in_one_direction() {
    let mut violations = Vec::new();
    let manifests: BTreeMap<String, String> = files("toml").into_iter().collect();
    let members: Vec<&String> =
        manifests.iter().filter(|(_, text)| text.contains("[package]")).map(|(path, _)| path).collect();
    for path in members {
        let folder = path.trim_end_matches("/Cargo.toml");
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(member, _)| *member == folder) else {
            violations.push(format!("{folder}: a crate that ARCHITECTURE §1 does not know"));
            continue;
        };
        let table: toml::Table = manifests[path].parse().expect("a manifest is TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
            for (name, _) in
                named.filter(|(name, _)| name.starts_with("omi-") && !allowed.contains(&name.as_str()))
            {
                violations.push(format!("{path}: must not know `{name}`"));
            }
        }
        if !manifests[path].contains("[lints]\nworkspace = true") {
            violations.push(format!("{path}: does not use the workspace's lints"));
        }
    }
    none_of(&violations);
}

#[test]
fn foreign_types_stop_where_they_should() {
    let mut violations = Vec::new();
    let sources = files("rs");
    for (crate_name, homes) in STOPS_AT {
        let uses = format!("{crate_name}::");
        let at_home = |path: &str| homes.iter().any(|home| path.starts_with(&format!("{home}/")));
        let elsewhere = |path: &str| !at_home(path) && path != "tests/tidy.rs";
        for (path, _) in sources.iter().filter(|(path, text)| elsewhere(path) && text.contains(&uses)) {
            violations.push(format!("{path}: names `{crate_name}`, which stops in {homes:?}"));
        }
    }
    for folder in ["host/kernel", "host/store", "host/engine", "guest-sdk", "adapters"] {
        for (path, _) in of(&sources, folder).filter(|(_, text)| text.contains("anyhow")) {
            violations.push(format!("{path}: `anyhow` belongs to the daemon and the tests"));
        }
    }
    none_of(&violations);
}

#[test]
fn the_kernel_does_nothing() {
    let forbidden = [
        "async fn",
        "std::fs",
        "std::process",
        "std::net",
        "std::thread",
        "::now()",
        "SystemTime",
        "HashMap",
        "unsafe",
    ];
    let mut violations = Vec::new();
    for (path, text) in of(&files("rs"), "host/kernel/src") {
        for word in forbidden.iter().filter(|word| text.contains(**word)) {
            violations.push(format!("{path}: `{word}` in the kernel"));
        }
    }
    none_of(&violations);
}

#[test]
fn there_is_one_gate_and_one_place_that_decides_about_permissions() {
    let sources = files("rs");
    let calls = |needle: &str| -> Vec<String> {
        // A test that plays the kernel decides as the kernel does.
        let is_ours = |path: &str| path.starts_with("host/") && path.contains("/src/");
        let ours = |(path, _): &&(String, String)| is_ours(path) && !path.starts_with("host/kernel/");
        let each = |(path, text): &(String, String)| vec![path.clone(); text.matches(needle).count()];
        sources.iter().filter(ours).flat_map(each).collect()
    };
    assert_eq!(calls("authorize("), ["host/engine/src/gate.rs"], "there is exactly one call");
    let in_the_kernel = |(path, text): &(String, String)| {
        let of_tests = path.contains("/tests") || path == "host/kernel/src/grant.rs";
        (path.starts_with("host/kernel/src") && !of_tests && text.contains("authorize("))
            .then(|| path.clone())
    };
    let recorded: Vec<String> = sources.iter().filter_map(in_the_kernel).collect();
    assert_eq!(recorded, ["host/kernel/src/decide/access.rs"], "and the one that records it");
    assert_eq!(calls("LegacyPermissionPolicy"), Vec::<String>::new(), "the kernel alone decides");
    let legacy = |(path, text): &&(String, String)| {
        path.starts_with("host/kernel/src") && text.contains("LegacyPermissionPolicy::answer(")
    };
    let deciding: Vec<&String> = sources.iter().filter(legacy).map(|(path, _)| path).collect();
    assert_eq!(deciding, ["host/kernel/src/decide/approval.rs"]);
}

#[test]
fn sql_is_in_the_store_and_in_migrations() {
    let mut violations = Vec::new();
    let statements = ["SELECT ", "INSERT INTO ", "UPDATE runs", "DELETE FROM ", "CREATE TABLE "];
    for (path, text) in files("rs") {
        let ours = path.starts_with("host/store/") || path.starts_with("tests/");
        for statement in statements.iter().filter(|statement| !ours && text.contains(**statement)) {
            violations.push(format!("{path}: `{statement}` outside the store"));
        }
    }
    none_of(&violations);
}

#[test]
fn every_migration_says_who_reads_each_table_and_index() {
    let mut violations = Vec::new();
    for (path, text) in files("sql").iter().filter(|(path, _)| !path.contains("/fixtures/")) {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("CREATE ")) {
            if index == 0 || !lines[index - 1].starts_with("--") {
                violations.push(format!("{path}:{}: nobody says who reads `{line}`", index + 1));
            }
        }
        if text.matches("CREATE TABLE").count() != text.matches(") STRICT;").count() {
            violations.push(format!("{path}: a table is not STRICT"));
        }
    }
    none_of(&violations);
}

#[test]
fn the_contract_keeps_its_rules() {
    let mut violations = Vec::new();
    for (path, text) in files("wit") {
        for word in ["u64", "s64", "resource ", "async func", "result<_, string>", "stream<", "future<"] {
            if text.lines().any(|line| !line.trim_start().starts_with("///") && line.contains(word)) {
                violations.push(format!("{path}: `{word}` is not for a contract that every language speaks"));
            }
        }
        for record in text.split("\n    record ").skip(1) {
            let (name, rest) = record.split_once(" {").unwrap_or((record, ""));
            let body = rest.split("\n    }").next().unwrap_or_default();
            if !body.contains("extra: string") {
                violations.push(format!("{path}: the record `{name}` has no `extra`"));
            }
        }
        for variant in ["variant why", "variant failure ", "variant file-error", "variant http-outcome"] {
            let found = text.split(variant).nth(1).and_then(|rest| rest.split("\n    }").next());
            if found.is_some_and(|body| !body.contains("other(")) {
                violations.push(format!("{path}: `{variant}` cannot grow: it has no `other`"));
            }
        }
    }
    none_of(&violations);
}

#[test]
fn no_test_guest_and_no_test_module_is_forgotten() {
    let manifest = std::fs::read_to_string(root().join("tests/guests/Cargo.toml")).expect("a manifest");
    let mut violations = Vec::new();
    for (path, _) in of(&files("rs"), "tests/guests/examples") {
        let name = Path::new(path).file_stem().expect("a name").to_string_lossy();
        if !manifest.contains(&format!("name = \"{name}\"")) {
            violations.push(format!("{path}: is not listed in tests/guests/Cargo.toml"));
        }
    }
    let modules = concat!(include_str!("main.rs"), include_str!("lib.rs"));
    for entry in std::fs::read_dir(root().join("tests")).expect("tests/") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_test = path.extension().is_some_and(|extension| extension == "rs")
            && !["main", "lib"].contains(&name.as_str());
        if is_test && !modules.contains(&format!("mod {name};")) {
            violations.push(format!("tests/{name}.rs: is not a module of tests/main.rs or lib.rs"));
        }
    }
    none_of(&violations);
}

#[test]
fn every_trap_that_others_fell_into_has_a_test() {
    let readme = std::fs::read_to_string(root().join("host/README.md")).expect("host/README.md");
    let table = readme.split("## Traps that others fell into").nth(1).expect("the table of traps");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| 11.")).collect();
    assert!(rows.len() > 25, "the table has lost rows");
    let sources = files("rs");
    let mut violations = Vec::new();
    for row in rows {
        let tests = row.rsplit(" | ").next().unwrap_or_default();
        for name in tests.split('`').skip(1).step_by(2) {
            let test = format!("fn {name}()");
            if !sources.iter().any(|(_, text)| text.contains(&test)) {
                violations.push(format!("host/README.md: there is no test `{name}` ({row})"));
            }
        }
    }
    none_of(&violations);
}

#[test]
fn every_behaviour_of_acp_agents_has_a_test() {
    let readme =
        std::fs::read_to_string(root().join("adapters/acp/README.md")).expect("the adapter's README");
    let table = readme.split("## What goes wrong").nth(1).expect("the table of behaviours");
    let sources = files("rs");
    let mut violations = Vec::new();
    for number in 1..=30 {
        let row = table.lines().find(|line| line.starts_with(&format!("| {number} |")));
        let tests = row.and_then(|row| row.split(" | ").nth(2)).unwrap_or_default();
        let mut names = tests.split('`').skip(1).step_by(2).peekable();
        if names.peek().is_none() {
            violations.push(format!("adapters/acp/README.md: behaviour {number} names no test"));
        }
        for name in names {
            let (module, test) = name.split_once("::").unwrap_or(("", name));
            let is_there = |(path, text): &(String, String)| {
                path.ends_with(&format!("/{module}.rs")) && text.contains(&format!("fn {test}()"))
            };
            if !sources.iter().any(is_there) {
                violations.push(format!("adapters/acp/README.md: there is no test `{name}` ({number})"));
            }
        }
    }
    none_of(&violations);
}
