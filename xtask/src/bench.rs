//! `cargo xtask bench`: figures of a release build, each beside what the machine itself can do in the same run.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use crate::{adapters, place, step};

/// Seconds that judging a bundled adapter may take once it is compiled.
const CHECK_SECONDS_MAX: f64 = 10.0;
/// The bundled adapter with the most cases.
const CHECKED: &str = "acp";

/// What is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Subject {
    /// Decisions, the simulation, and accepting a prompt durably.
    Kernel,
    /// Loading components, starting workers, and what an input costs, beside bare wasmtime; judging an adapter.
    Engine,
    /// What the daemon costs beside an agent: time, memory, CPU for each update.
    Adapters,
    /// What a client waits for over HTTP: accepting, replay, many subscribers; an idle daemon.
    Surfaces,
}

/// Builds the benchmark and runs it; it fails where a target is missed.
pub(crate) fn run(subject: Subject, json: bool) -> Result<()> {
    match subject {
        Subject::Kernel => {
            let target = ["-p", "omi-model", "--bin", "kernel-bench"];
            build(&target)?;
            bench(&["run", "--release"], &target, json)
        }
        Subject::Engine => {
            adapters::build_bundled()?;
            // Both packages each time, so that what they share is built once.
            let packages = ["-p", "omi-engine", "-p", "omi-agentd"];
            build(&[&packages[..], &["--bench", "engine", "--bin", "omi-agentd"]].concat())?;
            check(json)?;
            let target = [&packages[..], &["--bench", "engine"]].concat();
            bench(&["bench", "--profile", "release"], &target, json)
        }
        Subject::Adapters => with_daemon("adapters", json),
        Subject::Surfaces => with_daemon("surfaces", json),
    }
}

/// A benchmark that starts the daemon and the test agent.
fn with_daemon(name: &str, json: bool) -> Result<()> {
    adapters::build_bundled()?;
    let packages = ["-p", "omi-tests", "-p", "omi-agentd", "-p", "omi-test-agents"];
    let programs = ["--bench", name, "--bin", "omi-agentd", "--bin", "omi-test-agents"];
    build(&[&packages[..], &programs].concat())?;
    let target = [&packages[..1], &["omi-tests", "--bench", name]].concat();
    bench(&["bench", "--profile", "release"], &target, json)
}

fn build(target: &[&str]) -> Result<()> {
    step::run("build", step::cargo().args(["build", "--release"]).args(target))
}

fn bench(how: &[&str], target: &[&str], json: bool) -> Result<()> {
    let mut bench = step::cargo();
    bench.args(how).arg("--quiet").args(target);
    if json {
        bench.args(["--", "--json"]);
    }
    step::run_last("benchmark", &mut bench)
}

/// How long a bundled adapter takes to be judged, whole, by the program that is shipped.
fn check(json: bool) -> Result<()> {
    let state = tempfile::tempdir().context("cannot make a folder")?;
    let judge = || -> Result<f64> {
        let began = Instant::now();
        let mut program = Command::new(place::target().join("release/omi-agentd"));
        program.arg("--state-dir").arg(state.path()).args(["adapter", "check", CHECKED, "--json"]);
        let judged = program.output().context("cannot start omi-agentd")?;
        ensure!(
            judged.status.success(),
            "`{CHECKED}` breaks a rule: {}",
            String::from_utf8_lossy(&judged.stdout)
        );
        Ok(began.elapsed().as_secs_f64())
    };
    // The first compiles.
    let (cold, warm) = (judge()?, judge()?);
    let verdict = if warm <= CHECK_SECONDS_MAX { "ok" } else { "MISSED" };
    if json {
        println!(
            "{{\"name\": \"adapter check {CHECKED}\", \"coldSeconds\": {cold:.2}, \"warmSeconds\": {warm:.2}}}"
        );
    } else {
        println!(
            "adapter check {CHECKED}, full: {warm:.2} s warm (target {CHECK_SECONDS_MAX} s: {verdict}), {cold:.2} s cold"
        );
    }
    ensure!(warm <= CHECK_SECONDS_MAX, "judging takes too long");
    Ok(())
}
