//! A secret reaches the program or the server that it is for, and nothing else: no adapter, record, log or answer.

use std::path::Path;

use omi_tests::world::wire::Serving;
use omi_tests::world::{Ended, Running, World, eventually, tester};
use serde_json::Value;

use crate::remote::outer;

/// A secret with everything in it that has to be written in another way somewhere.
const SECRET: &str = r#"sk-0123"quoted\path/äöü-zyxw"#;
/// What stands in its place.
const REDACTED: &str = "[redacted]";

/// The ways in which the secret may be written: as it is, and in JSON, once and twice.
fn forms() -> Vec<Vec<u8>> {
    let json = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    // What is quoted begins and ends with other characters than a quotation mark.
    let (once, twice) = (json(SECRET), json(&json(SECRET)));
    vec![SECRET.into(), once.into(), twice.into(), "sk-0123".into(), "zyxw".into()]
}

fn has_secret(bytes: &[u8]) -> bool {
    forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

#[test]
fn what_is_looked_for_would_be_found() {
    let said = serde_json::json!({ "text": format!("KEY={SECRET}\n") });
    assert!(has_secret(said.to_string().as_bytes()) && has_secret(format!("x{SECRET}x").as_bytes()));
    assert!(!has_secret(format!("KEY={REDACTED}").as_bytes()));
}

/// Nothing that is kept of this world has the secret in it, but for the file that it comes from.
fn is_nowhere(world: &World, ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!has_secret(text.as_bytes()), "it was said: {text}");
    }
    let mut folders = vec![world.path("")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path != world.path("key") {
                files += 1;
                assert!(!has_secret(&std::fs::read(&path).unwrap()), "it is in {}", path.display());
            }
        }
    }
    assert!(files > 1, "the database is among them");
    assert!(has_database(&world.path("state")), "the database is where it is looked for");
}

fn has_database(state: &Path) -> bool {
    std::fs::read_dir(state).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        bytes.starts_with(b"SQLite format 3\0")
    })
}

/// Starts the daemon's program with the secret in its own environment.
fn start(world: &World, arguments: &[&str]) -> Running {
    Running::start(world.command(arguments).env("OUR_KEY", SECRET))
}

fn run(world: &World, arguments: &[&str]) -> Ended {
    let mut running = start(world, arguments);
    drop(running.stdin.take());
    running.ended()
}

#[test]
fn an_agent_gets_its_secret_and_nobody_hears_it() {
    for source in ["env = \"OUR_KEY\"", "file = \"key\""] {
        let world = World::new();
        std::fs::write(world.path("key"), format!("{SECRET}\n")).unwrap();
        let secrets = format!("secrets = {{ KEY = {{ {source} }} }}");
        world.configure(&tester(&[], "").replace("] }", &format!("], {secrets} }}")));
        // The digest shows that the agent has it; the value itself does not come through.
        let ended = run(&world, &["-vv", "run", "--adapter", "tester", "env KEY\nenv OUR_KEY\nsay done"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(REDACTED), "{source}: {ended:?}");
        assert!(ended.stdout.contains("done"), "{source}: {ended:?}");
        is_nowhere(&world, &ended);
        let json = run(&world, &["run", "--json", "--adapter", "tester", "env KEY"]);
        assert!(json.stdout.contains(REDACTED), "{json:?}");
        is_nowhere(&world, &json);
    }
}

#[test]
fn a_program_really_has_it() {
    let world = World::new();
    let copy = world.path("key");
    let script = format!("printf %s \"$KEY\" > {}; printf %s \"$OUR_KEY\"", copy.display());
    let grant = format!(
        "grants.agent = {{ command = [\"/bin/sh\", \"-c\", {script:?}], secrets = {{ KEY = {{ env = \"OUR_KEY\", prefix = \"Bearer \" }} }} }}"
    );
    world.register_guest("effect_probe", &grant);
    let ended = run(&world, &["run", "--adapter", "effect_probe", "start agent"]);
    assert!(ended.stdout.contains("start agent: exit status 0"), "its own name is not passed on: {ended:?}");
    assert_eq!(std::fs::read_to_string(copy).unwrap(), format!("Bearer {SECRET}"));
    is_nowhere(&world, &ended);
}

#[test]
fn no_fishing_brings_it_up() {
    let world = World::new();
    std::fs::write(world.path("key"), format!("{SECRET}\n")).unwrap();
    let inner =
        omi_tests::world::server::Server::start(|_| omi_tests::world::server::answer("200 OK", "", "stolen"));
    let outer = outer(&inner);
    let script = "env; env >&2; cat /proc/self/environ; printf '%s' \"$KEY\"; printf '{\"key\":\"%s\"}' \"$KEY\"; \
        echo \"$1\"; exit 3";
    let secrets = "secrets = { KEY = { file = \"key\" } }";
    let ascii = "secrets = { authorization = { file = \"token\", prefix = \"Bearer \" } }";
    std::fs::write(world.path("token"), "sk-0123-token-zyxw").unwrap();
    let grants = format!(
        "grants.agent = {{ command = [\"/bin/sh\", \"-c\", {script:?}, \"sh\"], {secrets} }}\n\
         grants.missing = {{ command = [\"/no/such/program\", \"--key\"], {secrets} }}\n\
         grants.shell = {{ terminal = \"session\", policy = \"allow\", {secrets} }}\n\
         grants.remote = {{ origin = \"{}\", private = true, methods = [\"GET\"], {ascii} }}\n",
        outer.origin()
    );
    world.register_guest("secret_fish", &grants);
    let ended = run(&world, &["-vv", "run", "--adapter", "secret_fish", "fish"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in ["1 stdout", "1 stderr", "4 stdout", "7 stdout", "20 head", "20 body", "21 body", "22 body"]
    {
        let line = ended.stdout.split_once(words).map(|(_, rest)| rest);
        assert!(line.is_some(), "it did not hear `{words}`: {ended:?}");
    }
    assert!(ended.stdout.matches(REDACTED).count() > 8, "{ended:?}");
    assert!(
        outer.seen().iter().any(|request| request.head.contains("sk-0123-token-zyxw")),
        "the server had it"
    );
    std::fs::remove_file(world.path("token")).unwrap();
    is_nowhere(&world, &ended);
    assert!(inner.seen().is_empty());
}

#[test]
fn a_secret_that_cannot_be_read_is_named_by_where_it_should_be() {
    for (file, text, words) in [
        ("nowhere", None, "cannot read the secret"),
        ("work", None, "cannot read the secret"),
        ("short", Some("abc"), "cannot be kept secret; hint:"),
        ("long", Some("x".repeat(70_000)).as_deref(), "cannot read the secret"),
    ] {
        let world = World::new();
        if let Some(text) = text {
            std::fs::write(world.path(file), text).unwrap();
        }
        let secrets = format!("secrets = {{ KEY = {{ file = \"{file}\" }} }}");
        world.configure(&tester(&[], "").replace("] }", &format!("], {secrets} }}")));
        let ended = world.run(&["run", "--adapter", "tester", "say hello"], "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let path = world.path(file).display().to_string();
        let line = ended.stderr.lines().find(|line| line.contains(&path) && line.contains(words));
        assert!(line.is_some_and(|line| !line.contains("abc")), "{file}: {ended:?}");
    }
}

#[test]
fn who_has_no_key_in_the_environment_goes_without() {
    let world = World::new();
    world.configure(&tester(&[], "").replace("] }", "], secrets = { KEY = { env = \"OUR_KEY\" } } }"));
    let ended = world.run(&["run", "--adapter", "tester", "env KEY"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "KEY is not set\n"), "{ended:?}");
}

#[test]
fn no_agent_is_given_a_way_to_the_record_of_the_daemon() {
    let world = World::new();
    // The daemon is to make it itself.
    std::fs::remove_dir_all(world.path("state")).unwrap();
    world.register_guest("effect_probe", "grants.shell = { terminal = \"session\", policy = \"allow\" }");
    let mut command = world.command(&["run", "--adapter", "effect_probe", "run shell env"]);
    let folders =
        [("OMI_AGENT_STATE_DIR", world.path("state")), ("OMI_AGENT_CONFIG", world.path("config.toml"))];
    let mut running = Running::start(command.envs(folders).env("OTHER_KEY", SECRET));
    drop(running.stdin.take());
    let ended = running.ended();
    assert!(ended.stdout.contains("HOME=") && ended.stdout.contains("exit status 0"), "{ended:?}");
    assert!(!ended.stdout.contains("OMI_AGENT"), "{ended:?}");
    is_nowhere(&world, &ended);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(world.path("state")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0, "nobody else may look into the state folder: {mode:o}");
}

/// The daemon has a terminal, at which a person answers; what it starts cannot reach that.
#[test]
fn an_agent_cannot_open_the_terminal_of_the_person() {
    let at_terminal = |program: &mut std::process::Command| {
        let mut command = std::process::Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args());
        for (key, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(key, value);
            }
        }
        Running::start_at_terminal(&mut command)
    };
    let open = "if true < /dev/tty; then echo it has a terminal; else echo it has none; fi";
    let (control, _person) = at_terminal(std::process::Command::new("sh").args(["-c", open]));
    let ended = control.ended();
    assert_eq!(ended.stdout, "it has a terminal\n", "or this test shows nothing: {ended:?}");

    let world = World::new();
    let script = format!("{open}; echo push > /dev/tty");
    world.register_guest(
        "effect_probe",
        &format!("grants.agent = {{ command = [\"sh\", \"-c\", {script:?}] }}"),
    );
    let (daemon, person) =
        at_terminal(&mut world.command(&["run", "--adapter", "effect_probe", "start agent"]));
    let ended = daemon.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("it has none") && !ended.stdout.contains("it has a terminal"), "{ended:?}");
    assert!(ended.stdout.contains("/dev/tty"), "the write is refused as well: {ended:?}");
    drop(person);
}

#[test]
fn what_is_served_has_no_secret_either() {
    let world = World::new();
    world.configure(&tester(&[], "").replace("] }", "], secrets = { KEY = { env = \"OUR_KEY\" } } }"));
    let mut daemon = Serving { running: start(&world, &["-vv", "serve", "--stdio"]) };
    daemon.query("a", "tester", "env KEY");
    let result = daemon.result("a");
    assert!(result["text"].as_str().unwrap().contains(REDACTED), "{result}");
    eventually("the text is recorded", || world.event_types().iter().any(|kind| kind == "message.completed"));
    // While it runs there is a log beside the database.
    let so_far = Ended { code: None, stdout: daemon.running.stdout(), stderr: daemon.running.stderr() };
    is_nowhere(&world, &so_far);
    let ended = daemon.end();
    is_nowhere(&world, &ended);
}
