//! A component is installed before it is used: what it asks for is shown, a person decides, and a changed file counts as
//! another one.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use omi_tests::world::wire::Serving;
use omi_tests::world::{Ended, Running, World, guest_file};
use serde_json::json;

/// A world with a copy of the probe that may be changed, registered under its name.
fn own_copy() -> (World, PathBuf) {
    let world = World::new();
    let copy = world.path("probe.wasm");
    std::fs::copy(guest_file("effect_probe"), &copy).unwrap();
    world.configure("[registrations.probe]\ncomponent = 'probe.wasm'\n");
    (world, copy)
}

/// Makes other bytes of a component that does the same.
pub(crate) fn change(component: &Path) {
    let mut bytes = std::fs::read(component).unwrap();
    // A custom section with a name and nothing in it.
    bytes.extend([0, 5, 4, b'm', b'i', b'n', b'e']);
    std::fs::write(component, bytes).unwrap();
}

fn install(world: &World, file: &Path, more: &[&str]) -> Ended {
    let words: Vec<&str> =
        ["adapter", "install", file.to_str().unwrap()].iter().chain(more).copied().collect();
    world.run(&words, "")
}

fn hello(world: &World) -> Ended {
    world.run(&["run", "--adapter", "probe", "say hello"], "")
}

/// The run failed, with one line that has all these words.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.stderr.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some() && !ended.stderr.contains("panicked"), "no line with {words:?}: {ended:?}");
}

fn installed(world: &World) -> Vec<serde_json::Value> {
    let rows = world.show(&["adapter", "list", "--json"]);
    rows.as_array().unwrap().iter().filter(|row| row["installed"].is_string()).cloned().collect()
}

#[test]
fn a_component_that_is_not_installed_is_not_run_and_not_even_asked_who_it_is() {
    let (world, copy) = own_copy();
    let path = copy.canonicalize().unwrap().display().to_string();
    let hint = format!("hint: omi-agentd adapter install {path}");
    refused(&hello(&world), &["component_not_installed", &hint]);
    // One that never answers `describe` is refused for the same reason, and at once.
    std::fs::copy(guest_file("describe_spin"), &copy).unwrap();
    refused(&hello(&world), &["component_not_installed"]);
    assert_eq!(installed(&world), Vec::<serde_json::Value>::new());
}

#[test]
fn what_it_asks_for_is_shown_and_nothing_is_recorded_without_a_yes() {
    let (world, copy) = own_copy();
    let ended = install(&world, &copy, &[]);
    refused(&ended, &["standard input is no terminal", "hint:", "--yes"]);
    for words in [
        "agent: process spawn `*`",
        "Runs what answers.",
        "workspace: files * `*`",
        "omi:runtime-adapter/log",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert_eq!(ended.stdout, "", "there is nothing to register");
    assert!(installed(&world).is_empty());
    refused(&hello(&world), &["component_not_installed"]);
}

#[test]
fn a_person_at_a_terminal_says_yes_or_no() {
    for (typed, code) in [("n\n", Some(1)), ("\n", Some(1)), ("yes, but\n", Some(1)), ("y\n", Some(0))] {
        let (world, copy) = own_copy();
        let mut command = world.command(&["adapter", "install", copy.to_str().unwrap()]);
        let (running, mut person) = Running::start_at_terminal(&mut command);
        running.says("install it? [y/N]");
        person.write_all(typed.as_bytes()).unwrap();
        let ended = running.ended();
        assert_eq!(ended.code, code, "{typed:?}: {ended:?}");
        assert_eq!(installed(&world).len(), usize::from(code == Some(0)), "{typed:?}");
        assert_eq!(ended.stdout.contains("[registrations."), code == Some(0), "{typed:?}: {ended:?}");
    }
}

#[test]
fn the_lines_that_are_printed_register_it() {
    let (world, copy) = own_copy();
    let ended = install(&world, &copy, &["--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    world.configure(&ended.stdout);
    let ran = world.run(&["run", "--adapter", "effect-probe", "say hello\nread workspace notes.txt"], "");
    assert_eq!(ran.code, Some(0), "{ended:?} {ran:?}");
    assert!(ran.stdout.contains("hello\n") && ran.stdout.contains("nobody can be asked here"), "{ran:?}");
    let json = install(&world, &copy, &["--yes", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{json:?}"));
    assert_eq!((&shown["adapterId"], &shown["changes"]), (&"effect-probe".into(), &serde_json::json!([])));
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(4), "{shown}");
}

#[test]
fn a_changed_file_is_refused_before_anything_of_it_is_looked_at() {
    let (world, copy) = own_copy();
    world.install(&copy);
    std::fs::write(&copy, "no component at all").expect("the copy is ours");
    refused(&hello(&world), &["component_changed", "hint: omi-agentd adapter install"]);
}

#[test]
fn a_changed_file_is_refused_until_it_is_installed_again() {
    let (world, copy) = own_copy();
    world.install(&copy);
    assert_eq!(hello(&world).stdout, "hello\n");
    change(&copy);
    refused(&hello(&world), &["component_changed", "hint: omi-agentd adapter install"]);
    assert_eq!(installed(&world)[0]["file"], "changed");
    let lines = world.run(&["adapter", "list"], "");
    assert!(lines.stdout.contains("(changed; hint: omi-agentd adapter install"), "{lines:?}");
    let again = install(&world, &copy, &["--yes"]);
    assert!(again.stderr.contains("changed    digest"), "{again:?}");
    assert_eq!(hello(&world).stdout, "hello\n");
    let decisions = world.show(&["grants", "decisions", "--json"]);
    let reasons: Vec<_> =
        decisions.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert!(
        reasons.len() == 2 && reasons[0].starts_with("user; replaces ") && reasons[1] == "user",
        "{decisions}"
    );
}

#[test]
fn a_file_that_changes_while_the_daemon_runs_is_refused_there_too() {
    let (world, copy) = own_copy();
    world.install(&copy);
    let mut daemon = Serving::start(&world);
    daemon.query("e", "echo", "the daemon is up");
    daemon.result("e");
    change(&copy);
    daemon.query("a", "probe", "say hello");
    let result = daemon.result("a");
    assert_eq!(
        (&result["terminalStatus"], &result["failure"]["code"]),
        (&"failed".into(), &"component_changed".into())
    );
    // A person agrees to what the file is by now, beside the daemon, which uses it from then on.
    assert_eq!(install(&world, &copy, &["--yes"]).code, Some(0));
    daemon.query("b", "probe", "say hello");
    assert_eq!(daemon.result("b")["terminalStatus"], "succeeded");
}

#[test]
fn a_component_is_what_its_file_is_by_whatever_name() {
    let (world, copy) = own_copy();
    world.install(&copy);
    std::os::unix::fs::symlink(&copy, world.path("link.wasm")).unwrap();
    world.configure("[registrations.probe]\ncomponent = 'link.wasm'\n");
    assert_eq!(hello(&world).stdout, "hello\n");
    std::fs::copy(&copy, world.path("elsewhere.wasm")).unwrap();
    world.configure("[registrations.probe]\ncomponent = 'elsewhere.wasm'\n");
    refused(&hello(&world), &["component_not_installed", "elsewhere.wasm"]);
}

#[test]
fn it_is_shown_and_removed() {
    let (world, copy) = own_copy();
    let before = world.run(&["adapter", "info", copy.to_str().unwrap()], "");
    assert!(before.stdout.contains("not installed"), "{before:?}");
    world.install(&copy);
    for named in ["probe", copy.to_str().unwrap()] {
        let info = world.show(&["adapter", "info", named, "--json"]);
        assert_eq!(
            (&info["state"], &info["adapterId"]),
            (&"installed".into(), &"effect-probe".into()),
            "{named}"
        );
    }
    assert_eq!(world.show(&["adapter", "info", "acp", "--json"])["state"], "bundled");
    let removed = world.run(&["adapter", "remove", "probe"], "");
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert!(installed(&world).is_empty());
    refused(&hello(&world), &["component_not_installed"]);
    refused(&world.run(&["adapter", "remove", "probe"], ""), &["`probe`", "hint:"]);
    refused(&world.run(&["adapter", "info", "nobody"], ""), &["`nobody`", "hint:"]);
    let decisions = world.run(&["grants", "decisions"], "");
    for words in ["install", "remove", "probe.wasm"] {
        assert!(decisions.stdout.contains(words), "{words}: {decisions:?}");
    }
}

#[test]
fn what_is_no_adapter_is_not_installed() {
    let (world, copy) = own_copy();
    for (bytes, words) in [
        (&b""[..], "the file is empty"),
        (b"hello", "does not begin like a WebAssembly file"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0", "it is not an adapter"),
    ] {
        std::fs::write(&copy, bytes).unwrap();
        refused(&install(&world, &copy, &["--yes"]), &["probe.wasm", words]);
    }
    refused(&install(&world, &world.path("nowhere.wasm"), &["--yes"]), &["nowhere.wasm"]);
    refused(&install(&world, &world.work(), &["--yes"]), &["work"]);
    assert!(installed(&world).is_empty());
}

#[test]
fn what_was_allowed_for_good_is_forgotten_with_the_component() {
    let (world, copy) = own_copy();
    let ask = "grants.workspace = { folder = \"session\", policy = \"ask\" }\n";
    world.configure(&format!("[registrations.probe]\ncomponent = 'probe.wasm'\n{ask}"));
    world.install(&copy);
    let read = ["run", "--adapter", "probe", "--ask", "write workspace new.txt x"];
    let always = world.run(&read, "3\n");
    assert!(always.stdout.contains("Written"), "{always:?}");
    assert!(world.run(&read[..], "").stdout.contains("Written"), "it is remembered");
    assert_eq!(world.run(&["adapter", "remove", "probe"], "").code, Some(0));
    world.install(&copy);
    let anew = world.run(&read, "");
    assert!(anew.stderr.contains("? `probe` wants to write"), "{anew:?}");
}

#[test]
fn a_component_is_installed_and_removed_beside_a_daemon() {
    let (world, copy) = own_copy();
    world.install(&copy);
    let mut daemon = Serving::start(&world);
    assert_eq!(world.run(&["adapter", "remove", "probe"], "").code, Some(0));
    assert!(installed(&world).is_empty());
    assert_eq!(install(&world, &copy, &["--yes"]).code, Some(0));
    assert_eq!(installed(&world).len(), 1);
    // By now the path leads to something else: what is in the record under it is what goes.
    let path = copy.canonicalize().unwrap();
    std::fs::remove_file(&copy).unwrap();
    std::os::unix::fs::symlink(guest_file("correct"), &copy).unwrap();
    daemon.ask("remove_component", "gone", &json!({ "path": path }));
    daemon.hear("ack", "gone");
    daemon.end();
    assert!(installed(&world).is_empty());
}
