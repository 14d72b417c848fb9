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
        "grants.remote = { origin = \"http://127.0.0.1:9\", methods = [\"GET\", \"POST\"], private = true",
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
