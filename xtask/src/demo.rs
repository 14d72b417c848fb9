//! `cargo xtask demo`: set-up, then the daemon at work on a real agent. Each step checks what it shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use omi_tests::world::{Ended, Running, World, eventually};
use rustix::process::Signal;

use crate::{adapters, place, step};

/// Builds what the demo needs and runs its steps; `agent` is the command line of an ACP agent of the user's.
pub(crate) fn run(agent: Option<&str>) -> Result<()> {
    adapters::build_bundled()?;
    let packages = ["--package", "omi-agentd", "--package", "omi-test-agents"];
    let target = place::target();
    let build = ["build", "--quiet", "--target-dir"];
    step::run("build the daemon", step::cargo().args(build).arg(&target).args(packages))?;
    let show = Show::new(&target.join("debug"), agent)?;
    show.answer()?;
    show.tool()?;
    show.cancel()?;
    show.kill()?;
    println!("\nEverything shown holds.");
    Ok(())
}

/// What each step asks of the agent.
struct Prompts {
    answer: &'static str,
    tool: &'static str,
    long: &'static str,
}

/// The project's own test agent does what a prompt literally says.
const LITERAL: Prompts = Prompts {
    answer: "say Hello, I am an agent without a model; I do what you literally say.",
    tool: "read notes.txt\nwrite out.txt demo",
    long: "slow",
};

/// An agent with a model has to be asked.
const ASKED: Prompts = Prompts {
    answer: "Say hello in one short sentence. Use no tools.",
    tool: "Use a shell command or your file tool to create the file out.txt in the working folder with the content: demo",
    long: "Count slowly from 1 to 500 in words, one number a line, as text. Use no tools.",
};

/// A daemon in folders of its own, and the agent behind it.
struct Show {
    world: World,
    daemon: PathBuf,
    agent: String,
    own: bool,
    prompts: Prompts,
}

impl Show {
    fn new(programs: &Path, agent: Option<&str>) -> Result<Self> {
        let world = World::new();
        std::fs::write(world.work().join("notes.txt"), "the answer is 42")
            .context("cannot write notes.txt")?;
        let own = programs.join("omi-test-agents").display().to_string();
        match agent {
            Some(agent) => println!("\nThe agent is yours: {agent}"),
            None => println!(
                "\nThe agent is the project's own, without a model; name another with --agent \"command\""
            ),
        }
        Ok(Self {
            world,
            daemon: programs.join("omi-agentd"),
            agent: agent.map_or(own, str::to_owned),
            own: agent.is_none(),
            prompts: if agent.is_none() { LITERAL } else { ASKED },
        })
    }

    /// The daemon with arguments. An agent of the user's needs the user's own environment; ours gets one of its own.
    fn start(&self, arguments: &[&str]) -> Running {
        println!("\n$ omi-agentd {}", arguments.join(" ").replace('\n', "\\n"));
        let mut command = Command::new(&self.daemon);
        if self.own {
            self.world.settle(&mut command);
        }
        command.current_dir(self.world.work()).arg("--state-dir").arg(self.world.path("state"));
        Running::start(command.args(arguments))
    }

    fn start_run(&self, more: &[&str], prompt: &str) -> Running {
        let mut arguments = vec!["run", "--agent", self.agent.as_str()];
        arguments.extend(more);
        arguments.push(prompt);
        self.start(&arguments)
    }

    fn shown(ended: Ended, code: i32) -> Result<Ended> {
        for line in ended.stderr.lines().chain(ended.stdout.lines()) {
            println!("  {line}");
        }
        ensure!(ended.code == Some(code), "it exited with {:?}, not {code}", ended.code);
        Ok(ended)
    }

    fn answer(&self) -> Result<()> {
        println!("\n== A prompt is answered; the ids are on standard error, the text on standard output");
        let ended = Self::shown(self.start_run(&[], self.prompts.answer).ended(), 0)?;
        ensure!(!ended.stdout.trim().is_empty(), "there is no text");
        ensure!(["ses_", "run_", "att_"].iter().all(|id| ended.stderr.contains(id)), "an id is missing");
        self.events(&["run.queued", "attempt.created", "message.completed", "run.succeeded"])
    }

    fn tool(&self) -> Result<()> {
        println!("\n== A tool call waits for a permission, and is done once it is given");
        let mut running = self.start_run(&["--ask"], self.prompts.tool);
        running.says("(allow once)");
        ensure!(!self.world.work().join("out.txt").exists(), "it was written before it was allowed");
        let asked = running.stderr();
        let option = asked.lines().find(|line| line.ends_with("(allow once)")).unwrap_or_default();
        let number = option.split_whitespace().next().unwrap_or_default();
        println!("  (the person answers {number})");
        running.write(&format!("{number}\n"));
        Self::shown(running.ended(), 0)?;
        let written =
            std::fs::read_to_string(self.world.work().join("out.txt")).context("out.txt was not written")?;
        ensure!(written.trim() == "demo", "out.txt holds `{written}`");
        println!("  out.txt holds `{}`", written.trim());
        self.events(&[
            "tool.started",
            "approval.requested",
            "approval.resolved",
            "tool.completed",
            "run.succeeded",
        ])
    }

    fn cancel(&self) -> Result<()> {
        println!("\n== Ctrl-C cancels: the acknowledgement claims no more than is known");
        let running = self.start_run(&[], self.prompts.long);
        running.prints("text", |text| text.len() > 4);
        running.signal(Signal::INT);
        let ended = Self::shown(running.ended(), 3)?;
        ensure!(ended.stderr.contains("accepted: true, adapter told: true"), "there is no acknowledgement");
        self.events(&[
            "run.cancellation_requested",
            "attempt.cancel_dispatch",
            "attempt.cancelled",
            "run.cancelled",
        ])
    }

    fn kill(&self) -> Result<()> {
        println!("\n== kill -9 of the daemon in the middle of a run; the next one says what is known");
        let prompt = if self.own { "work ticks.txt" } else { self.prompts.long };
        let running = self.start_run(&[], prompt);
        let ticks = self.world.work().join("ticks.txt");
        if self.own {
            eventually("the agent works", || ticks.exists());
        } else {
            running.prints("text", |text| text.len() > 4);
        }
        let killed = running.id();
        running.signal(Signal::KILL);
        drop(running);
        println!("  (process {killed} is killed)");
        if self.own {
            eventually("the agent has stopped with its daemon", || {
                let before = std::fs::read(&ticks).unwrap_or_default();
                std::thread::sleep(std::time::Duration::from_millis(100));
                std::fs::read(&ticks).unwrap_or_default() == before
            });
            println!("  the agent has stopped working, too");
        }
        let mut restarted = self.start(&["serve", "--stdio"]);
        drop(restarted.stdin.take());
        Self::shown(restarted.ended(), 0)?;
        let runs = Self::shown(self.start(&["runs"]).ended(), 0)?;
        ensure!(
            runs.stdout.lines().next().is_some_and(|run| run.contains("orphaned")),
            "the run is not orphaned"
        );
        self.events(&["attempt.orphaned", "run.orphaned"])
    }

    /// Shows the events of the last run, which must hold these in this order.
    fn events(&self, wanted: &[&str]) -> Result<()> {
        let runs = self.start(&["runs", "--limit", "1"]).ended();
        let run = runs.stdout.split_whitespace().next().context("no run is recorded")?.to_owned();
        let events = Self::shown(self.start(&["events", &run]).ended(), 0)?;
        let mut types = events.stdout.lines().filter_map(|line| line.split_whitespace().nth(1));
        for kind in wanted {
            if !types.any(|recorded| recorded == *kind) {
                bail!("`{kind}` is not recorded where it should be");
            }
        }
        Ok(())
    }
}
