//! `adapter add`: an agent is registered by lines at the end of the configuration, and nothing else in it changes.

use std::path::PathBuf;

use omi_tests::world::{World, guest_file, program};

use crate::catalogue::Machine;

fn config(world: &World) -> String {
    std::fs::read_to_string(world.path("config.toml")).unwrap_or_default()
}

fn tester() -> String {
    program("omi-test-agents").display().to_string()
}

#[test]
fn an_agent_that_was_added_runs_and_the_rest_of_the_file_is_as_it_was() {
    let world = World::new();
    let before = "# mine\nworkers-max = 2 # not more";
    world.configure(before);
    let added = world.run(&["adapter", "add", "mine", "--command", &tester()], "");
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.stderr.contains("hint: omi-agentd run --adapter mine"), "{added:?}");
    let after = config(&world);
    assert!(after.starts_with(&format!("{before}\n\n[registrations.mine]\n")), "{after}");
    let ran = world.run(&["run", "--adapter", "mine", "say hello"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "hello\n"), "{ran:?}");
    let again = world.run(&["adapter", "add", "mine", "--command", "other"], "");
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("`mine` is registered") && again.stderr.contains("hint: "), "{again:?}");
    assert_eq!(config(&world), after);
}

#[test]
fn what_is_only_shown_is_not_written_and_what_is_not_there_is_made() {
    let world = World::new();
    std::fs::remove_file(world.path("config.toml")).unwrap();
    let arguments = ["adapter", "add", "mine", "--command", "x --acp", "--set", "lineBytesMax=70000"];
    let shown = world.run(&[arguments.as_slice(), &["--set", "mode=plan", "--print"]].concat(), "");
    assert_eq!(
        (shown.code, shown.stdout.as_str()),
        (
            Some(0),
            "[registrations.mine]\ncomponent = \"acp\"\ngrants.agent = { command = [\"x\", \"--acp\"] }\n\
             config.lineBytesMax = 70000\nconfig.mode = \"plan\"\n"
        ),
        "{shown:?}"
    );
    assert!(!world.path("config.toml").exists());
    assert_eq!(world.run(&arguments, "").code, Some(0));
    assert!(config(&world).contains("lineBytesMax = 70000"));
}

#[test]
fn a_file_that_is_wrong_before_or_would_be_after_is_left_as_it_is() {
    let world = World::new();
    for (before, named) in [("colour = 'red'\n", "colour"), ("registrations = {}\n", "cannot be added")] {
        world.configure(before);
        let ended = world.run(&["adapter", "add", "mine", "--command", "x"], "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.lines().count() == 1 && ended.stderr.contains(named), "{ended:?}");
        assert_eq!(config(&world), before);
    }
}

#[test]
fn a_server_gets_its_secret_from_a_variable() {
    let world = World::new();
    let guest = guest_file("effect_probe");
    let guest = guest.to_str().unwrap();
    let arguments = [
        "adapter",
        "add",
        "far",
        "--component",
        guest,
        "--origin",
        "http://127.0.0.1:9",
        "--secret-env",
        "Authorization=MY_TOKEN",
    ];
    let refused = world.run(&arguments, "");
    assert!(
        refused.code == Some(1) && refused.stderr.contains("hint: omi-agentd adapter install"),
        "{refused:?}"
    );
    world.install(&PathBuf::from(guest));
    let added = world.run(&arguments, "");
    assert_eq!(added.code, Some(0), "{added:?}");
    let text = config(&world);
    for words in [
        "grants.remote = { methods = [\"GET\", \"POST\"], origin = \"http://127.0.0.1:9\", private = true, secrets",
        "MY_TOKEN",
        "prefix = \"Bearer \"",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let wrong = world.run(&["adapter", "add", "x", "--component", "acp", "--origin", "https://h"], "");
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("`acp` asks for nothing of the kind"),
        "{wrong:?}"
    );
    assert_eq!(world.run(&["adapter", "add", "x", "--origin", "https://h"], "").code, Some(2));
}

#[test]
fn an_agent_of_the_registry_is_registered_by_its_installed_program() {
    let machine = Machine::new();
    let real = machine.npm("odd-name", "@a/agent", "1.2.3");
    std::fs::remove_file(&real).unwrap();
    std::fs::copy(tester(), &real).unwrap();
    let file = machine.world.path("agent.json");
    let text = r#"{ "id": "agent", "name": "An agent", "version": "1.2.3", "icon": "https://h/x.svg",
        "distribution": { "npx": { "package": "@a/agent@1.2.3", "env": { "MODE": "quiet" } } } }"#;
    std::fs::write(&file, text).unwrap();
    let from = ["adapter", "add", "agent", "--from", file.to_str().unwrap()];
    let added = machine.run(&from, &[]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let config = config(&machine.world);
    assert!(config.contains(r#"command = ["odd-name"], env = { MODE = "quiet" }"#), "{config}");
    let ran = machine.run(&["run", "--adapter", "agent", "say hello"], &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "hello\n"), "{ran:?}");
}

#[test]
fn an_agent_of_the_registry_that_is_missing_is_said_with_what_gets_it() {
    let machine = Machine::new();
    let file = machine.world.path("agent.json");
    let from = ["adapter", "add", "far", "--from", file.to_str().unwrap()];
    std::fs::write(&file, r#"{"distribution": {"npx": {"package": "@a/far@1.2.3", "args": ["--acp"]}}}"#)
        .unwrap();
    let added = machine.run(&from, &[]);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(
        added.stderr.contains("hint: npm install -g ") && added.stderr.contains("@a/far@1.2.3"),
        "{added:?}"
    );
    for text in ["{", "[]", r#"{"distribution": {"npx": 5}}"#] {
        std::fs::write(&file, text).unwrap();
        let refused = machine.run(&from, &[]);
        let lines = refused.stderr.lines().count();
        assert!(
            refused.code == Some(1) && lines == 1 && refused.stderr.contains("agent.json"),
            "{refused:?}"
        );
    }
}

/// The lines that would be added.
fn shown(world: &World, arguments: &[&str]) -> String {
    let ended = world.run(&[&["adapter", "add", "--print"], arguments].concat(), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// It is refused in one line with these words, and nothing is written.
fn is_refused(world: &World, arguments: &[&str], expected: &[&str]) {
    let before = config(world);
    let ended = world.run(&[&["adapter", "add"], arguments].concat(), "");
    assert!(ended.code != Some(0) && ended.stdout.is_empty(), "{ended:?}");
    assert!(expected.iter().all(|words| ended.stderr.contains(words)), "{expected:?}: {ended:?}");
    assert_eq!(config(world), before);
}

#[test]
fn what_is_known_about_an_agent_is_kept_beside_what_is_given() {
    let world = World::new();
    let openclaw = shown(&world, &["openclaw", "--set", "mode=plan", "--secret-env", "MY_KEY=MY_KEY"]);
    for words in [
        "recovers = \"runtime\"",
        "command = [\"openclaw\", \"acp\"]",
        "OPENCLAW_NO_RESPAWN",
        "OPENCLAW_GATEWAY_TOKEN = { env",
        "MY_KEY = { env = \"MY_KEY\" }",
        "config.loadProvesNothing = true",
        "config.mode = \"plan\"",
    ] {
        assert!(openclaw.contains(words), "{words}: {openclaw}");
    }
    let file = world.path("agent.json");
    std::fs::write(&file, r#"{"distribution": {"uvx": {"package": "my-gemini", "args": ["acp"]}}}"#).unwrap();
    let gemini = shown(&world, &["gemini", "--from", file.to_str().unwrap()]);
    for words in ["command = [\"my-gemini\", \"acp\"]", "GEMINI_API_KEY = { env", "no-progress-ms = 150000"] {
        assert!(gemini.contains(words), "{words}: {gemini}");
    }
    let other = shown(&world, &["gemini", "--component", "a2a", "--origin", "https://h"]);
    assert!(!other.contains("GEMINI_API_KEY"), "another component: {other}");
}

#[test]
fn the_value_of_a_secret_is_not_taken_for_a_variable_and_shown_nowhere() {
    let world = World::new();
    let server = ["far", "--component", "openai-chat", "--origin", "https://h", "--secret-env"];
    for (secret, word) in
        [("Authorization=sk-proj-AAAA", "AAAA"), ("Authorization=sk9abc", "sk9"), ("sk-x", "sk-x")]
    {
        let arguments = [server.as_slice(), &[secret]].concat();
        is_refused(&world, &arguments, &["NAME=VARIABLE", "hint: "]);
        let ended = world.run(&[&["adapter", "add"], arguments.as_slice()].concat(), "");
        assert!(!ended.stderr.contains(word), "{ended:?}");
    }
    let added =
        world.run(&[&["adapter", "add"], server.as_slice(), &["Authorization=NOBODY_SET_IT"]].concat(), "");
    assert!(added.code == Some(0) && added.stderr.contains("`NOBODY_SET_IT`"), "{added:?}");
    assert!(added.stderr.contains("is not set now"), "{added:?}");
}

#[test]
fn a_setting_is_what_its_component_takes() {
    let world = World::new();
    let x = ["mine", "--command", "x"];
    for (setting, expected) in [
        ("moed=plan", "there is no setting `moed`"),
        ("systemPrompt=loud", "`systemPrompt` has to be one of `auto`"),
        ("lineBytesMax=1", "`lineBytesMax` has to be 65536 or more"),
        ("loadProvesNothing=5", "`loadProvesNothing` has to be `true` or `false`"),
        ("mode=5", "`mode` has to be a text; hint: "),
    ] {
        is_refused(&world, &[x.as_slice(), &["--set", setting]].concat(), &["--set", expected]);
    }
    let twice = ["--set", "mode=a", "--set", "mode=b"];
    is_refused(&world, &[x.as_slice(), &twice].concat(), &["--set names `mode` twice"]);
    let server = ["far", "--component", "openai-chat", "--origin", "https://h"];
    let empty = shown(&world, &[server.as_slice(), &["--set", "basePath="]].concat());
    assert!(empty.contains("config.basePath = \"\"\n"), "{empty}");
}

#[test]
fn the_path_of_a_server_is_where_its_api_begins() {
    let world = World::new();
    let chat = ["far", "--component", "openai-chat", "--origin"];
    let bare = shown(&world, &[chat.as_slice(), &["http://host:1/"]].concat());
    assert!(bare.contains("origin = \"http://host:1\"") && !bare.contains("basePath"), "{bare}");
    let path = shown(&world, &[chat.as_slice(), &["http://host:1/api/v2/"]].concat());
    assert!(path.contains("config.basePath = \"/api/v2\""), "{path}");
    let both = ["http://host:1/v1", "--set", "basePath=/v2"];
    is_refused(&world, &[chat.as_slice(), &both].concat(), &["--origin", "--set", "hint: "]);
    let agent = ["far", "--component", "a2a", "--origin", "http://host:1/v1"];
    is_refused(&world, &agent, &["--origin", "`/v1`", "hint: "]);
    is_refused(&world, &[chat.as_slice(), &["ftp://h"]].concat(), &["--origin", "hint: "]);
}

#[test]
fn a_command_is_split_as_a_shell_does_and_a_program_that_is_missing_is_said() {
    let world = World::new();
    let lines = shown(&world, &["mine", "--command", r#"'/opt/my agent' "a b" c\ d"#]);
    assert!(lines.contains(r#"command = ["/opt/my agent", "a b", "c d"]"#), "{lines}");
    is_refused(&world, &["mine", "--command", "x 'y"], &["--command has a quote", "not closed"]);
    let ran = world.run(&["run", "--agent", &format!("'{}'", tester()), "say hello"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "hello\n"), "{ran:?}");
    let added = world.run(&["adapter", "add", "mine", "--command", "no-such-program --acp"], "");
    assert!(added.code == Some(0) && added.stderr.contains("`no-such-program` is not on PATH"), "{added:?}");
}

#[test]
fn a_hint_names_only_what_the_component_takes() {
    let world = World::new();
    is_refused(&world, &["x", "--component", "openai-chat"], &["hint: name it with --origin\n"]);
    is_refused(&world, &["x", "--component", "pi-mono"], &["hint: name it with --command\n"]);
    is_refused(
        &world,
        &["x", "--component", "echo", "--secret-env", "A=B"],
        &["--secret-env", "adapter info echo"],
    );
}

#[test]
fn a_link_that_leads_to_nothing_stays_and_its_file_is_made() {
    let world = World::new();
    std::fs::remove_file(world.path("config.toml")).unwrap();
    std::os::unix::fs::symlink("real.toml", world.path("config.toml")).unwrap();
    let added = world.run(&["adapter", "add", "mine", "--command", "sh"], "");
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(std::fs::symlink_metadata(world.path("config.toml")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(world.path("real.toml")).unwrap().contains("[registrations.mine]"));
}

#[test]
fn a_file_from_elsewhere_names_a_package_and_does_not_decide_what_else_runs() {
    let world = World::new();
    let file = world.path("agent.json");
    let from = ["far", "--from", file.to_str().unwrap()];
    for package in ["@", "/etc/x", "../x", "--x"] {
        std::fs::write(&file, format!(r#"{{"distribution": {{"npx": {{"package": "{package}"}}}}}}"#))
            .unwrap();
        is_refused(&world, &from, &["is no name of a package"]);
    }
    let env = r#"{"LD_PRELOAD": "/x.so", "NODE_OPTIONS": "-r x", "MODE": "quiet"}"#;
    let text = format!(r#"{{"distribution": {{"npx": {{"package": "far", "env": {env}}}}}}}"#);
    std::fs::write(&file, text).unwrap();
    let added = world.run(&[&["adapter", "add"], from.as_slice()].concat(), "");
    assert!(added.code == Some(0) && added.stderr.contains("left out"), "{added:?}");
    assert!(added.stderr.contains("LD_PRELOAD") && added.stderr.contains("NODE_OPTIONS"), "{added:?}");
    assert!(config(&world).contains("env = { MODE = \"quiet\" }"), "{}", config(&world));
}
