//! Native messaging, with the program itself at the other end of two pipes, as a browser starts it.

pub(crate) mod browser;
mod chromium;

use std::os::unix::fs::PermissionsExt as _;

use browser::{Extension, FRAME_BYTES_MAX, ID, ORIGIN};
use omi_tests::world::wire::Serving;
use omi_tests::world::{World, eventually};
use serde_json::{Value, json};

fn of(world: &World, run: &Value) -> Value {
    world.show(&["runs", run.as_str().unwrap(), "--json"])
}

#[test]
fn an_extension_asks_hears_and_answers_where_no_daemon_runs() {
    let world = World::new();
    world.register_tester(&[]);
    let mut extension = Extension::connect(&world);
    assert_eq!(extension.hear("init", "")["protocolVersion"], 2);
    extension.ask(
        "query",
        "a",
        &json!({ "adapterId": "tester", "prompt": "write out.txt written\nsay one two", "cwd": world.work() }),
    );
    let asked = extension.hear("approval_requested", "a");
    // Another command is beside this daemon as beside any.
    let beside = world.run(&["run", "--adapter", "echo", "beside"], "");
    assert_eq!((beside.code, beside.stdout.as_str()), (Some(0), "beside\n"), "{beside:?}");
    let answer = json!({ "approval": asked["approval"], "optionId": "allow" });
    extension.ask("approval_decision", "a", &answer);
    extension.hear("ack", "a");
    let delta = extension.hear("text_delta", "a");
    assert!(delta["text"].as_str().unwrap().starts_with("one"), "{delta}");
    let result = extension.hear("result", "a");
    assert_eq!((&result["terminalStatus"], &result["text"]), (&"succeeded".into(), &"one two".into()));
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");

    extension.ask("query", "b", &json!({ "adapterId": "tester", "prompt": "slow" }));
    let run = extension.hear("text_delta", "b")["runId"].clone();
    let (code, stderr) = extension.disconnect();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    browser::nothing_is_left_of(&world);
    assert_ne!(of(&world, &run)["status"], "running", "it ended with its daemon");
    assert_eq!(world.run(&["run", "hello"], "").code, Some(0), "the folder is free");
}

#[test]
fn an_extension_talks_to_the_daemon_that_serves_and_leaves_its_runs_alone() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.ask("subscribe", "s", &json!({}));
    daemon.hear("ack", "s");
    let mut extension = Extension::connect(&world);
    extension.hear("init", "");
    extension.ask("query", "a", &json!({ "adapterId": "tester", "prompt": "slow" }));
    let run = extension.hear("text_delta", "a")["runId"].clone();
    daemon.hear_that("event", "s", |message| {
        message["runId"] == run && message["event"]["type"] == "run.running"
    });
    let (code, stderr) = extension.disconnect();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(of(&world, &run)["status"], "running");

    let mut again = Extension::connect(&world);
    again.hear("init", "");
    again.ask("interrupt", "i", &json!({ "runId": run }));
    assert_eq!(again.hear("cancel_ack", "i")["accepted"], true);
    eventually("it is cancelled", || of(&world, &run)["status"] == "cancelled");
    daemon.end();
    let error = again.hear("error", "");
    assert_eq!(error["code"], "no_daemon", "{error}");
    assert_eq!(again.ended().0, Some(1), "the browser sees that the daemon has ended");
}

#[test]
fn an_answer_that_is_longer_than_a_browser_takes_comes_in_chunks() {
    for serves in [false, true] {
        let world = World::new();
        world.register_tester(&[]);
        let daemon = serves.then(|| Serving::start(&world));
        let mut extension = Extension::connect(&world);
        extension.hear("init", "");
        extension.ask("subscribe", "s", &json!({}));
        extension.hear("ack", "s");
        extension.ask("query", "a", &json!({ "adapterId": "tester", "prompt": "big 3000000" }));
        let result = extension.hear("result", "a");
        assert_eq!(result["text"].as_str().map(str::len), Some(3_000_000));
        assert!(extension.longest() <= FRAME_BYTES_MAX, "{}", extension.longest());
        assert!(extension.longest() > FRAME_BYTES_MAX / 2, "something was cut");
        extension.disconnect();
        drop(daemon);
    }
}

#[test]
fn what_is_no_message_is_answered_and_nothing_is_lost_after_it() {
    let world = World::new();
    let mut extension = Extension::connect(&world);
    extension.hear("init", "");
    for bytes in [&b"not json"[..], b"[]", b"\xff\xfe", b""] {
        extension.frame(bytes);
    }
    extension.ask("query", "a", &json!({ "adapterId": "echo", "prompt": "still here" }));
    assert_eq!(extension.hear("result", "a")["text"], "still here");
    assert_eq!(extension.count("error", ""), 3, "an empty one is none");
    extension.disconnect();
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection() {
    for serves in [false, true] {
        let world = World::new();
        let daemon = serves.then(|| Serving::start(&world));
        let mut extension = Extension::connect(&world);
        extension.hear("init", "");
        extension.bytes(&u32::MAX.to_ne_bytes());
        extension.bytes(b"{\"type\":\"stop\"}");
        let error = extension.hear("error", "");
        assert!(error["message"].as_str().unwrap().contains("67108864"), "{error}");
        let (code, stderr) = extension.ended();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "serves: {serves}");
        drop(daemon);
        browser::nothing_is_left_of(&world);
    }
}

#[test]
fn an_extension_that_nobody_named_is_refused_in_a_frame() {
    let world = World::new();
    let other = ORIGIN.replace("abc", "cba");
    for words in [&["--allow", ID, "--", &other][..], &["--", ORIGIN], &["--allow", ID]] {
        let mut extension = Extension::start(&mut world.command(&[&["native-host"], words].concat()));
        let error = extension.hear("error", "");
        assert!(error["message"].as_str().unwrap().contains("hint:"), "{error}");
        assert_eq!(extension.ended().0, Some(1));
    }
    assert!(world.list("runs").is_empty());
}

#[test]
fn what_is_installed_is_what_a_browser_starts_and_goes_again() {
    let world = World::new();
    let config = world.path("home/.config");
    for (browser, folder, id) in [
        ("chrome", config.join("google-chrome/NativeMessagingHosts"), ID),
        ("chromium", config.join("chromium/NativeMessagingHosts"), ID),
        ("firefox", world.path("home/.mozilla/native-messaging-hosts"), "omi@example.org"),
    ] {
        let words = ["native-host", "install", "--browser", browser, "--extension-id", id];
        let dry = world.run(&[&words[..], &["--dry-run"]].concat(), "");
        assert!(dry.code == Some(0) && dry.stdout.contains("app.omi.agentd.sh"), "{dry:?}");
        assert!(!folder.exists(), "nothing is written");
        let ended = world.run(&[&words[..], &["--json"]].concat(), "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        let manifest = folder.join("app.omi.agentd.json");
        assert_eq!(told["manifest"], manifest.to_str().unwrap());
        let written: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
        assert_eq!((&written["name"], &written["type"]), (&"app.omi.agentd".into(), &"stdio".into()));
        let (key, of) = match browser {
            "firefox" => ("allowed_extensions", id),
            _ => ("allowed_origins", ORIGIN),
        };
        assert_eq!(written[key], json!([of]), "{written}");
        let script = written["path"].as_str().unwrap().to_owned();
        let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&script), mode(manifest.to_str().unwrap())), (0o755, 0o644));

        let mut command = std::process::Command::new(&script);
        world.settle(&mut command);
        match browser {
            "firefox" => command.arg(&manifest).arg(id),
            _ => command.arg(ORIGIN),
        };
        let mut extension = Extension::start(&mut command);
        extension.hear("init", "");
        extension.ask("query", browser, &json!({ "adapterId": "echo", "prompt": browser }));
        assert_eq!(extension.hear("result", browser)["text"], browser);
        assert_eq!(extension.disconnect().0, Some(0));

        let words = ["native-host", "uninstall", "--browser", browser];
        let ended = world.run(&words, "");
        assert!(ended.code == Some(0) && ended.stderr.matches("removed").count() == 2, "{ended:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        assert!(world.run(&words, "").stderr.contains("nothing was installed"));
    }
    assert_eq!(world.list("runs").len(), 3, "in the state folder of this world");
    for id in ["*", "a b", "omi@example.org"] {
        let words = ["native-host", "install", "--browser", "chrome", "--extension-id", id];
        let refused = world.run(&words, "");
        assert!(refused.code == Some(1) && refused.stderr.contains("hint:"), "{refused:?}");
    }
}
