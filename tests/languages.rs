//! An adapter in each language, all the way from `adapter new` to an answer, in a folder outside of this repository.
//!
//! Building takes minutes and needs tools that the ordinary tests must not need: `cargo xtask test --long` sets them up,
//! and says which language it had to leave out.

use std::path::{Path, PathBuf};
use std::process::Command;

use omi_tests::world::{Ended, World};
use serde_json::Value;

/// The adapter that is made.
const NAME: &str = "my-adapter";

/// The beginnings of commands that fetch tools: those are set up already.
const FETCHING: [&str; 3] = ["rustup ", "npm install", "python3 -m venv"];

#[test]
#[ignore = "builds for minutes; hint: cargo xtask test --long"]
fn rust() {
    let made = Made::new("rust");
    made.build();
    made.answers();
}

#[test]
#[ignore = "needs componentize-js; hint: cargo xtask test --long"]
fn javascript() {
    let made = Made::new("javascript");
    made.link("node_modules", "node_modules");
    made.insert("adapter.js", "    const texts = ", "    if (prompt[0]?.val === \"fail\") prompt.fail();\n");
    made.build();
    made.answers();
    made.tells_of_its_mistake("handle: TypeError: prompt.fail is not a function (#execute@adapter.js:");
}

#[test]
#[ignore = "needs componentize-py; hint: cargo xtask test --long"]
fn python() {
    let made = Made::new("python");
    made.link("venv", ".venv");
    let mistake = "        if execute.prompt[0].value == \"fail\":\n            execute.fail()\n";
    made.insert("adapter.py", "        if self.attempt is not None:\n            self.finish(", mistake);
    made.build();
    made.answers();
    made.tells_of_its_mistake(
        "handle: AttributeError: 'ExecuteAttempt' object has no attribute 'fail' (execute at ",
    );
}

/// A folder that `adapter new` made, and what it said comes next.
struct Made {
    language: &'static str,
    world: World,
    folder: PathBuf,
    next: Vec<String>,
}

impl Made {
    fn new(language: &'static str) -> Self {
        let world = World::new();
        let made = world.show(&["adapter", "new", NAME, "--language", language, "--json"]);
        let folder = made["folder"].as_str().expect("a folder").into();
        let next = made["next"].as_array().expect("commands").iter().filter_map(Value::as_str);
        let next = next.map(str::to_owned).collect();
        Self { language, world, folder, next }
    }

    /// Puts a tool where the commands expect it.
    fn link(&self, tool: &str, name: &str) {
        let tools = std::env::var_os("OMI_LANGUAGES");
        let tools = tools.expect("OMI_LANGUAGES names where the tools are; hint: cargo xtask test --long");
        let tool = Path::new(&tools).join(self.language).join(tool);
        assert!(tool.is_dir(), "`{}` is not installed", tool.display());
        std::os::unix::fs::symlink(tool, self.folder.join(name)).expect("a link");
    }

    /// Changes the source, as an author does: puts text before other text of a file.
    fn insert(&self, file: &str, before: &str, text: &str) {
        let file = self.folder.join(file);
        let source = std::fs::read_to_string(&file).expect("the source");
        assert_eq!(source.matches(before).count(), 1, "`{before}` in {}", file.display());
        std::fs::write(&file, source.replace(before, &format!("{text}{before}"))).expect("it is written");
    }

    /// Follows what `adapter new` said comes next, until the component is installed.
    fn build(&self) {
        let (cd, commands) = self.next.split_first().expect("commands");
        assert_eq!(cd, &format!("cd {NAME}"));
        let is_offline =
            self.language == "rust" && self.shell("cargo fetch --offline", false).code == Some(0);
        for command in
            commands.iter().filter(|command| !FETCHING.iter().any(|word| command.starts_with(word)))
        {
            let ended = match command.strip_prefix("omi-agentd ") {
                Some(words) if words.starts_with("adapter check ") => self.check(words),
                Some(words) => self.daemon(&format!("{words} --yes")),
                None => self.shell(command, is_offline),
            };
            assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
        }
    }

    /// Runs a command in the folder, with the environment that the tools were set up with.
    fn shell(&self, command: &str, is_offline: bool) -> Ended {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(&self.folder).env("TMPDIR", self.world.path("tmp"));
        // What the cargo that runs this test says to it is about this repository.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO") && text != "CARGO_HOME" {
                shell.env_remove(&name);
            }
        }
        if is_offline {
            shell.env("CARGO_NET_OFFLINE", "true");
        }
        ended(&mut shell)
    }

    /// Runs the daemon's program in the folder. Compiling a component for the first time takes longer than anything else
    /// that is waited for.
    fn daemon(&self, words: &str) -> Ended {
        let words: Vec<&str> = words.split(' ').collect();
        ended(self.world.command(&words).current_dir(&self.folder))
    }

    /// It keeps every rule, and its peer file has all of them judged that it can be judged by.
    fn check(&self, words: &str) -> Ended {
        let ended = self.daemon(&format!("{words} --json"));
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let cases = report["cases"].as_array().into_iter().flatten();
        let broken: Vec<&Value> = cases.clone().filter(|case| case["verdict"] == "broken").collect();
        assert!(broken.is_empty(), "{broken:#?}");
        let judged =
            |name: &str| cases.clone().any(|case| case["case"] == name && case["verdict"] == "passed");
        for name in ["attempt/answer", "cancel/running", "exit/step-1", "output/pieces-of-1", "replay/same"] {
            assert!(judged(name), "{name}: {report:#}");
        }
        ended
    }

    fn run(&self, prompt: &str) -> Ended {
        self.world.run(&["run", "--adapter", NAME, prompt], "")
    }

    /// The program behind it says back what it hears.
    fn answers(&self) {
        let install = self.next.last().expect("commands");
        let component = self.folder.join(install.rsplit(' ').next().expect("a word")).display().to_string();
        self.world.configure(&format!(
            "[registrations.{NAME}]\ncomponent = '{component}'\ngrants.agent = {{ command = [\"cat\"] }}\n"
        ));
        for prompt in ["hello to you", "größer\nals eine Zeile"] {
            let ended = self.run(prompt);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_eq!(ended.stdout.trim(), prompt.replace('\n', " "), "{ended:?}");
        }
        let info = self.world.show(&["adapter", "info", &component, "--json"]);
        let imports: Vec<&str> =
            info["imports"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_ours = |import: &&str| import.starts_with("omi:runtime-adapter/");
        assert!(self.language == "rust" || imports.iter().all(is_ours), "{imports:?}");
    }

    /// An error of the language is a line of the log and a failure with a reason, not just a trap.
    fn tells_of_its_mistake(&self, told: &str) {
        let ended = self.run("fail");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(told) && ended.stderr.contains("(adapter_error)"), "{ended:?}");
        assert!(!ended.stderr.contains("trapped"), "{ended:?}");
    }
}

/// Runs a program to its end, however long it takes.
fn ended(command: &mut Command) -> Ended {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
