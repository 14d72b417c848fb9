//! Files below a granted folder, through the daemon, and every way out of it.

use std::os::unix::fs::symlink;

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::json;

/// What is in a file that no guest may read.
pub(crate) const SECRET: &str = "a secret of the neighbour";

/// Makes the folders that the guest `path_escape` knows: the one to work in, with links that lead out of it, and those
/// beside it.
pub(crate) fn lay_out(world: &World) {
    let (work, beside) = (world.work(), world.path("beside"));
    for folder in [&beside, &world.path("work-beside")] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("secret.txt"), SECRET).unwrap();
    }
    std::fs::create_dir(work.join("inside")).unwrap();
    std::fs::write(work.join("notes.txt"), "forty-two").unwrap();
    let secret = beside.join("secret.txt");
    for (target, link) in [
        (secret.as_path(), "link-to-file"),
        (&beside, "link-to-folder"),
        (&work.join("link-to-folder"), "link-to-link"),
        ("../../beside".as_ref(), "inside/link-upwards"),
        ("/etc".as_ref(), "link-to-etc"),
        ("/proc/self".as_ref(), "link-to-proc"),
        ("link-to-itself".as_ref(), "link-to-itself"),
        ("/dev/zero".as_ref(), "link-to-device"),
    ] {
        symlink(target, work.join(link)).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(work.join("pipe")).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe with a name");
}

/// What is beside the folder is as it was.
pub(crate) fn is_unharmed(world: &World) {
    for folder in ["beside", "work-beside"] {
        let folder = world.path(folder);
        assert_eq!(std::fs::read_to_string(folder.join("secret.txt")).unwrap(), SECRET);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{}", folder.display());
    }
}

#[test]
fn there_is_no_way_out_of_a_folder() {
    let world = World::new();
    lay_out(&world);
    world.register_guest("path_escape", "grants.workspace = { folder = \"session\", policy = \"allow\" }");
    let beside = world.path("beside").display().to_string();
    let ended = world.run(&["run", "--adapter", "path_escape", &beside], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(said.len(), 63, "31 forms read and written: {ended:?}");
    for line in &said[..62] {
        assert!(line.contains(": refused ") && !line.contains("UNEXPECTED"), "{line}");
    }
    is_unharmed(&world);
    let left: Vec<String> = std::fs::read_dir(world.work())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| {
            !name.starts_with("link-") && !["inside", "notes.txt", "pipe"].contains(&name.as_str())
        })
        .collect();
    assert_eq!(left, Vec::<String>::new(), "no temporary file is left");
}

/// A world in which the ACP agent has these grants, with folders laid out.
fn acp(grants: &str) -> World {
    let world = World::new();
    lay_out(&world);
    world.configure(&tester(&[], grants));
    world
}

/// The lines of the agent's answer.
fn answer(world: &World, prompt: &str) -> Vec<String> {
    let ended = world.run(&["run", "--adapter", "tester", prompt], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// What the registration of an agent says that may do what it wants in the session's folder.
const WORKSPACE: &str = "grants.workspace = { folder = \"session\", policy = \"allow\" }";

#[test]
fn an_agent_reads_and_writes_through_the_host() {
    let world = acp(WORKSPACE);
    let inside = world.work().join("inside/absolute.txt").display().to_string();
    let prompt = format!(
        "offered\nfs-read notes.txt\nfs-write inside/new.txt fresh\nfs-write notes.txt forty-three\n\
         fs-write {inside} mapped\nfs-read inside/new.txt\nfs-read missing.txt"
    );
    let said = answer(&world, &prompt);
    let offered: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
    assert_eq!(
        (&offered["fs"]["readTextFile"], &offered["fs"]["writeTextFile"]),
        (&json!(true), &json!(true)),
        "{offered}"
    );
    assert_ne!(offered["terminal"], json!(true), "no terminal is granted: {offered}");
    assert_eq!(said[1], "notes.txt says: forty-two");
    assert!(said[2].contains("inside/new.txt: wrote 5 bytes"), "{said:?}");
    assert_eq!(said[5], "inside/new.txt says: fresh");
    assert!(said[6].starts_with("missing.txt: error -32002"), "the protocol has a number for that: {said:?}");
    let read = |file: &str| std::fs::read_to_string(world.work().join(file)).unwrap();
    assert_eq!((read("notes.txt"), read("inside/absolute.txt")), ("forty-three".into(), "mapped".into()));
    let decided = world.event_types().iter().filter(|kind| *kind == "grant.decided").count();
    assert_eq!(decided, 6, "each is on record");
}

#[test]
fn an_agent_gets_no_further_than_its_folder() {
    let world = acp(WORKSPACE);
    let beside = world.path("beside/secret.txt").display().to_string();
    let prompt = format!(
        "fs-read ../beside/secret.txt\nfs-read {beside}\nfs-read /etc/passwd\nfs-read link-to-file\n\
         fs-read link-to-folder/secret.txt\nfs-write ../beside/secret.txt mine\nfs-write {beside} mine\n\
         fs-write link-to-file mine\nfs-write link-to-folder/new.txt mine\nfs-read pipe\nfs-read inside\nfs-read notes.txt"
    );
    let said = answer(&world, &prompt);
    assert_eq!(said.len(), 12, "{said:?}");
    for line in &said[..11] {
        assert!(line.contains(": error -"), "{line}");
    }
    assert_eq!(said[11], "notes.txt says: forty-two", "it goes on");
    is_unharmed(&world);
}

#[test]
fn an_agent_is_told_the_line_of_configuration() {
    let world =
        acp("grants.workspace = { folder = \"session\", policy = \"allow\", resources = [\"inside/**\"] }");
    let said = answer(&world, "fs-read notes.txt\nfs-write inside/new.txt fresh");
    for words in [
        "notes.txt: error -32603: denied: `tester` may not read `notes.txt` (grant `workspace`)",
        "hint: add it to `resources` in `[registrations.tester.grants.workspace]`",
    ] {
        assert!(said[0].contains(words), "{said:?}");
    }
    assert!(said[1].contains("wrote 5 bytes"), "{said:?}");
}

#[test]
fn an_agent_without_the_grants_is_offered_nothing() {
    for grants in ["", "grants.workspace = { folder = \"session\", policy = \"deny\" }"] {
        let world = acp(grants);
        let said = answer(
            &world,
            "offered\nfs-read notes.txt\nfs-write new.txt x\nterminal echo hi\nsay still here",
        );
        let offered: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
        assert!(!offered.to_string().contains("true"), "{offered}");
        for line in &said[1..4] {
            assert!(line.contains(": error -"), "{line}");
        }
        assert_eq!(said[4], "still here");
        assert!(!world.work().join("new.txt").exists());
    }
}

#[test]
fn a_person_is_asked_what_an_agent_may_read() {
    let world = acp("grants.workspace = { folder = \"session\" }");
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "fs-read notes.txt\nfs-read ./notes.txt\nfs-write notes.txt mine");
    let asked = daemon.hear("approval_requested", "a");
    assert_eq!(asked["title"], "`tester` wants to read `notes.txt` (grant `workspace`)");
    let mut answer = |number: usize, option: &str| {
        let asked = daemon.hear_all("approval_requested", "a", number + 1)[number].clone();
        let fields =
            json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": option });
        daemon.ask("approval_decision", &format!("answer {number}"), &fields);
        text(&asked, "title")
    };
    answer(0, "session");
    assert!(answer(1, "deny").contains("write `notes.txt`"), "reading is not asked about again");
    let said = text(&daemon.result("a"), "text");
    assert_eq!(said.matches("forty-two").count(), 2, "{said}");
    assert!(said.contains("it was denied when asked for"), "{said}");
    assert_eq!(std::fs::read_to_string(world.work().join("notes.txt")).unwrap(), "forty-two");
}

#[test]
fn an_agent_runs_programs_in_the_terminal_of_the_host() {
    let world = acp("grants.terminal = { terminal = \"session\", policy = \"allow\" }");
    let mut daemon = Serving::start(&world);
    let prompt = "offered\nterminal echo one two\nshell pwd; echo to stderr >&2; exit 3\nterminal /no/such/program\n\
        start sleep 100\nsay done";
    daemon.query("a", "tester", prompt);
    let said = text(&daemon.result("a"), "text");
    let work = world.work().canonicalize().unwrap().display().to_string();
    for words in
        ["\"terminal\":true", "echo one two ended with", ": one two", &work, "to stderr", "\"exitCode\":3"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains("/no/such/program: error -"), "{said}");
    assert!(said.contains("sleep 100: runs as") && said.contains("done"), "{said}");
    daemon.end();
    crate::trees::none_left(&world);
}
