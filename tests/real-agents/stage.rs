//! A published agent, registered with a daemon that serves, with a model of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use omi_tests::measured::Runtime;
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, eventually};
use serde_json::{Value, json};

use crate::model_server::{HELLO, ModelServer, Outcome};
use crate::processes::{Process, processes_of};
use crate::setup::{AgentDirs, Own, agent_setup, is_installed, published_agents};

/// Longer than an agent takes to give up a request that was cancelled.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the script prints that holds a tool up.
const HELD: &str = "held.txt";

/// An agent on its stage.
pub(crate) struct Stage {
    /// The folders of the daemon and the agent.
    pub(crate) world: World,
    /// The model it asks.
    pub(crate) model: ModelServer,
    /// The daemon.
    pub(crate) daemon: Serving,
    /// The row of the table.
    pub(crate) runtime: Runtime,
    /// What is the agent's own.
    pub(crate) own: Own,
}

impl Stage {
    /// Sets the stage for an agent.
    pub(crate) fn set(name: &str) -> Self {
        Self::set_with(name, "")
    }

    /// The same with another line in its registration.
    pub(crate) fn set_with(name: &str, line: &str) -> Self {
        let folder = std::env::var_os("OMI_REAL_AGENTS");
        let folder = folder.expect(
            "OMI_REAL_AGENTS names where the agents are; hint: cargo xtask test (--quick leaves them out)",
        );
        let install = Path::new(&folder).join(name);
        let agent =
            published_agents().into_iter().find(|agent| agent.name == name).expect("it is in agents.toml");
        assert!(is_installed(&agent, &install), "`{name}` is not installed in {}", install.display());
        let world = World::new();
        let home = folder_of(&world, "agent-home");
        let tmp = folder_of(&world, "agent-tmp");
        let model = ModelServer::start();
        let setup = agent_setup(name, &AgentDirs { install, home, tmp }, model.port());
        let env: Vec<String> =
            setup.env.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
        let adapter = setup.own.adapter.unwrap_or("acp");
        let more = setup.own.grant;
        let comma = if more.is_empty() { "" } else { ", " };
        world.configure(&format!(
            "[registrations.agent]\ncomponent = {adapter:?}\n{line}\n\
             grants.agent = {{ command = {:?}, env = {{ {} }}{comma}{more} }}\n[registrations.agent.config]\n{}\n",
            setup.argv,
            env.join(", "),
            setup.config
        ));
        let runtime = Runtime {
            adapter: adapter.to_owned(),
            name: agent.name.clone(),
            version: agent.version().to_owned(),
        };
        let daemon = Serving::start(&world);
        Self { world, model, daemon, runtime, own: setup.own }
    }

    /// Has a prompt run in a new session.
    pub(crate) fn query(&mut self, request: &str, prompt: &str) {
        self.daemon.query(request, "agent", prompt);
    }

    /// Has a prompt run in a session.
    pub(crate) fn query_in(&mut self, session: &str, request: &str, prompt: &str) {
        let fields = json!({ "adapterId": "agent", "sessionId": session, "prompt": prompt });
        self.daemon.ask("query", request, &fields);
    }

    /// The prompt that has the agent run a command.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("run: {}{command}", self.own.dangerous)
    }

    /// The request for permission of a run; none where the run ends, or its tool runs, without one.
    pub(crate) fn asked(&self, request: &str) -> Option<Value> {
        let ran = || self.held() || self.made();
        let mut asked = None;
        eventually("it asks, or goes on without", || {
            asked = self.daemon.said_to("approval_requested", request).into_iter().next();
            asked.is_some() || ran() || !self.daemon.said_to("result", request).is_empty()
        });
        asked
    }

    /// Answers a request for permission with its option of a kind.
    pub(crate) fn decide(&mut self, asked: &Value, kind: &str) {
        let options = asked["options"].as_array().expect("a request for permission has options");
        let option = options.iter().find(|option| option["kind"] == kind);
        let option = option.unwrap_or_else(|| panic!("no option of the kind {kind}: {asked}"));
        let answer = json!({ "runId": asked["runId"], "approval": asked["approval"],
            "optionId": option["optionId"] });
        self.daemon.ask("approval_decision", "decision", &answer);
    }

    /// The end of a run, and its status.
    pub(crate) fn ended(&self, request: &str) -> (Value, String) {
        let result = self.daemon.result(request);
        let status = text(&result, "terminalStatus");
        (result, status)
    }

    /// Cancels a run and gives what it took until that was recorded.
    pub(crate) fn cancel(&mut self, request: &str) -> Duration {
        let begun = Instant::now();
        self.daemon.ask("interrupt", request, &json!({}));
        let (result, status) = self.ended(request);
        let took = begun.elapsed();
        assert_eq!(status, "cancelled", "{result}");
        took
    }

    /// Whether the next prompt of a session is answered as if nothing had happened, as the end of a sentence.
    pub(crate) fn goes_on(&mut self, session: &str, request: &str) -> &'static str {
        self.query_in(session, request, "say hello");
        let (result, status) = self.ended(request);
        if status == "succeeded" && text(&result, "text").trim() == HELLO.concat() {
            return "";
        }
        // Shown where the test fails.
        eprintln!("the next prompt: {result}");
        if status == "succeeded" { "; the next prompt is not answered" } else { "; the next prompt fails" }
    }

    /// Whether no answer of the model is read any more, as the end of a sentence.
    pub(crate) fn model_is_left(&self) -> &'static str {
        let deadline = Instant::now() + PATIENCE;
        let open = || self.model.requests().iter().any(|request| request.outcome == Outcome::Open);
        while open() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        if open() { "; the model is read on" } else { "" }
    }

    /// Writes a script that holds a tool up for a minute, and gives the prompt that has the agent run it.
    pub(crate) fn holding(&self) -> String {
        let script = format!("echo held > {HELD}\nexec sleep 60\n");
        std::fs::write(self.world.work().join("hold.sh"), script).expect("the script is written");
        self.command("sh ./hold.sh")
    }

    /// Whether the script has begun.
    pub(crate) fn held(&self) -> bool {
        self.world.work().join(HELD).exists()
    }

    /// Whether the tool that writes `made.txt` has run.
    pub(crate) fn made(&self) -> bool {
        self.world.work().join("made.txt").exists()
    }

    /// Whether the script still holds.
    pub(crate) fn holds(&self) -> bool {
        let work = self.world.work();
        processes_of(&work).iter().any(|process| process.command.starts_with("sleep 60"))
    }

    /// The agent's processes, and those that it started.
    pub(crate) fn processes(&self) -> Vec<Process> {
        processes_of(&self.world.path("agent-home"))
    }

    /// The daemon ends in good order, and nothing of the agent is left.
    pub(crate) fn end(self) {
        let Self { world, model, daemon, .. } = self;
        daemon.end();
        nothing_left(&world);
        drop(model);
    }

    /// The daemon ends in good order.
    pub(crate) fn left(self) -> Empty {
        let Self { world, model, daemon, runtime, own } = self;
        daemon.end();
        Empty { world, model, runtime, own }
    }

    /// The daemon is killed.
    pub(crate) fn killed(self) -> Empty {
        let Self { world, model, daemon, runtime, own } = self;
        daemon.kill();
        Empty { world, model, runtime, own }
    }
}

/// A stage whose daemon is gone.
pub(crate) struct Empty {
    world: World,
    model: ModelServer,
    runtime: Runtime,
    own: Own,
}

impl Empty {
    /// Waits until nothing of the agent is left.
    pub(crate) fn nothing_left(&self) {
        nothing_left(&self.world);
    }

    /// Another daemon takes over.
    pub(crate) fn again(self) -> Stage {
        let Self { world, model, runtime, own } = self;
        let daemon = Serving::start(&world);
        Stage { world, model, daemon, runtime, own }
    }
}

/// Waits until no process is left that is the agent's, was started by it, or works where it worked.
fn nothing_left(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut left = processes_of(&world.path("agent-home"));
        left.extend(processes_of(&world.path("agent-tmp")));
        left.extend(processes_of(&world.work()));
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left over: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn folder_of(world: &World, name: &str) -> PathBuf {
    let folder = world.path(name);
    std::fs::create_dir(&folder).expect("a folder");
    folder
}
