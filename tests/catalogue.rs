//! `adapters --detect`: which known agents are on this machine, read from what is installed and never by starting one.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use omi_tests::world::{Ended, Running, World};
use serde_json::Value;

/// A world with programs of its own on PATH.
pub(crate) struct Machine {
    pub(crate) world: World,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let world = World::new();
        for folder in ["bin", "lib/node_modules"] {
            std::fs::create_dir_all(world.path(folder)).unwrap();
        }
        Self { world }
    }

    /// A script on PATH.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.world.path("bin").join(name);
        write_program(&path, text);
        path
    }

    /// A package of npm with one program, which says so if anybody starts it.
    pub(crate) fn npm(&self, program: &str, package: &str, version: &str) -> PathBuf {
        let folder = self.world.path("lib/node_modules").join(package);
        std::fs::create_dir_all(folder.join("dist")).unwrap();
        let manifest = serde_json::json!({ "name": package, "version": version });
        std::fs::write(folder.join("package.json"), manifest.to_string()).unwrap();
        let script = folder.join("dist/cli");
        write_program(&script, &format!("touch '{}'", self.started().display()));
        let _ = std::fs::remove_file(self.world.path("bin").join(program));
        symlink(&script, self.world.path("bin").join(program)).unwrap();
        script
    }

    /// What is there once a program of a package was started.
    fn started(&self) -> PathBuf {
        self.world.path("started")
    }

    /// Runs the daemon's program with nothing on PATH but the programs of this machine and a shell.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.world.command(arguments);
        let path = format!("{}:/usr/bin:/bin", self.world.path("bin").display());
        command.env("PATH", path).envs(variables.iter().copied());
        let mut running = Running::start(&mut command);
        drop(running.stdin.take());
        running.ended()
    }

    fn detect(&self, variables: &[(&str, &str)]) -> Vec<Value> {
        let ended = self.run(&["adapters", "--detect", "--json"], variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).expect("a JSON list")
    }

    fn agent(&self, name: &str, variables: &[(&str, &str)]) -> Value {
        let found = self.detect(variables).into_iter().find(|agent| agent["agent"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }
}

fn write_program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn wrong(agent: &Value) -> String {
    let known = agent["known"].as_array().unwrap().iter();
    known.filter_map(|known| known["wrong"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_installed_says_its_version_without_being_started() {
    let machine = Machine::new();
    machine.npm("gemini", "@google/gemini-cli", "0.61.0");
    let gemini = machine.agent("gemini", &[("GEMINI_API_KEY", "sesame")]);
    assert_eq!(
        (&gemini["version"], &gemini["package"]),
        (&"0.61.0".into(), &"@google/gemini-cli".into()),
        "{gemini}"
    );
    assert!(gemini["path"].as_str().unwrap().ends_with("/bin/gemini"), "{gemini}");
    assert_eq!(
        (&gemini["login"]["state"], &gemini["next"]),
        (&"in".into(), &"omi-agentd run --adapter gemini \"…\"".into())
    );
    assert!(wrong(&gemini).contains("same minute of the clock"), "{gemini}");
    let missing = machine.agent("kimi", &[]);
    assert!(missing["path"].is_null() && missing["known"] == serde_json::json!([]), "{missing}");
    assert_eq!(missing["next"], "npm install -g @moonshot-ai/kimi-code@2.1.0");
    let shown = machine.run(&["adapters", "--detect"], &[("GEMINI_API_KEY", "sesame")]).stdout;
    assert!(shown.starts_with("gemini       Gemini CLI 0.61.0  "), "what is here comes first: {shown}");
    assert!(shown.contains("the variable `GEMINI_API_KEY` is set") && !shown.contains("sesame"), "{shown}");
    assert!(!machine.started().exists(), "an agent was started");
}

#[test]
fn what_is_known_is_known_of_exactly_that_version() {
    let machine = Machine::new();
    machine.npm("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.49.0");
    assert!(wrong(&machine.agent("claude", &[])).contains("Node is older than 22"));
    machine.npm("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.100.0");
    assert!(!wrong(&machine.agent("claude", &[])).contains("Node is older than 22"));
    machine.npm("pi-acp", "pi-acp", "0.0.34");
    let pi = machine.agent("pi-acp", &[]);
    assert!(pi["next"].as_str().unwrap().contains("@earendil-works/pi-coding-agent"), "{pi}");
    machine.npm("pi", "@mariozechner/pi-coding-agent", "0.73.1");
    let pi = machine.agent("pi-acp", &[]);
    assert_eq!(pi["needs"][0]["version"], "0.73.1", "{pi}");
    assert!(wrong(&pi).contains("never answers when a session is made"), "{pi}");
    machine.npm("pi", "@earendil-works/pi-coding-agent", "0.87.1");
    assert!(!wrong(&machine.agent("pi-acp", &[])).contains("never answers when a session is made"));
    assert!(!machine.started().exists(), "an agent was started");
}

#[test]
fn only_what_no_package_has_is_asked_and_only_for_its_version() {
    let machine = Machine::new();
    let asked = machine.world.path("asked");
    machine
        .script("kilo", &format!("echo \"$@\" $SECRET >> '{}'; echo 'kilo v7.8.1 (linux)'", asked.display()));
    let never = machine.world.path("never");
    machine.script("codex-acp", &format!("touch '{}'", never.display()));
    let kilo = machine.agent("kilo", &[("SECRET", "sesame")]);
    assert_eq!((&kilo["version"], &kilo["package"]), (&"7.8.1".into(), &Value::Null), "{kilo}");
    assert!(wrong(&kilo).contains("some platforms"), "{kilo}");
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "--version\n", "without anybody's variables");
    assert_eq!(machine.agent("codex", &[])["version"], Value::Null);
    assert!(!never.exists(), "nothing makes it say its version, so it is not started");
}

#[test]
fn a_log_in_is_seen_by_its_file_and_nothing_is_read() {
    let machine = Machine::new();
    machine.npm("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.100.0");
    let login = || machine.agent("claude", &[])["login"].clone();
    assert_eq!((&login()["state"], &login()["command"]), (&"out".into(), &"claude /login".into()));
    let file = machine.world.path("home/.claude/.credentials.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "sesame").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(
        (&login()["state"], &login()["by"]),
        (&"in".into(), &"`~/.claude/.credentials.json` is there".into())
    );
    let gone = machine.agent("codex", &[])["login"].clone();
    assert!(gone["state"] == "unknown" && gone["elsewhere"].is_string(), "{gone}");
}

#[test]
fn an_empty_list_of_log_ins_is_none() {
    let machine = Machine::new();
    machine.npm("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.100.0");
    let file = machine.world.path("home/.claude/.credentials.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    for (text, state) in [("{}\n", "out"), ("[]", "out"), (r#"{"token": "sesame"}"#, "in")] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(machine.agent("claude", &[])["login"]["state"], state, "{text}");
    }
}

#[test]
fn a_title_is_true_of_each_program_that_can_stand_for_an_agent() {
    let machine = Machine::new();
    machine.npm("claude-code-acp", "@zed-industries/claude-code-acp", "0.16.0");
    let claude = machine.agent("claude", &[]);
    assert!(claude["path"].as_str().unwrap().ends_with("/claude-code-acp"), "{claude}");
    assert!(!claude["title"].as_str().unwrap().contains("claude-agent-acp"), "{claude}");
}

#[test]
fn a_server_is_listed_with_its_origin() {
    let world = World::new();
    world.configure(
        "[registrations.far]\ncomponent = 'openai-chat'\n\
         grants.remote = { origin = 'https://h.example', methods = ['GET'] }\n",
    );
    let shown = world.run(&["adapters"], "").stdout;
    assert!(
        shown.lines().any(|line| line.contains("far ") && line.contains("remote = https://h.example")),
        "{shown}"
    );
    let rows = world.show(&["adapters", "--json"]);
    let far = rows.as_array().unwrap().iter().find(|row| row["registration"] == "far").unwrap();
    assert_eq!(far["origins"], serde_json::json!([{ "grant": "remote", "origin": "https://h.example" }]));
    for command in [["adapters", "--limit", "1"].as_slice(), &["adapter", "list", "--limit", "1"]] {
        assert_eq!(world.run(command, "").code, Some(2), "nobody would honour it");
    }
}

#[test]
fn a_program_that_can_stand_for_it_is_registered_by_one_command() {
    let machine = Machine::new();
    machine.script("hermes", "echo");
    let hermes = machine.agent("hermes", &[]);
    let command = "omi-agentd adapter add hermes --command 'hermes acp'";
    assert_eq!(hermes["next"], command, "{hermes}");
    let added = machine.run(&["adapter", "add", "hermes", "--command", "hermes acp"], &[]);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert_eq!(machine.agent("hermes", &[])["next"], "omi-agentd run --adapter hermes \"…\"");
    let text = std::fs::read_to_string(machine.world.path("config.toml")).unwrap();
    assert!(text.contains("usage = \"session\""), "what is known about it is kept: {text}");
}

#[test]
fn whoever_names_no_agent_is_told_which_there_are() {
    let machine = Machine::new();
    let alone = machine.run(&["run", "hello"], &[]);
    assert!(alone.code == Some(0) && !alone.stderr.contains("no agent was named"), "{alone:?}");
    machine.npm("gemini", "@google/gemini-cli", "0.61.0");
    let ended = machine.run(&["run", "hello"], &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{ended:?}");
    assert!(ended.stderr.contains("no agent was named") && ended.stderr.contains("`gemini`"), "{ended:?}");
    let unknown = machine.run(&["run", "--adapter", "nobody", "hello"], &[]);
    assert!(unknown.stderr.contains("usable here are `echo`, `gemini`;"), "{unknown:?}");
}
