//! `cargo xtask bench`: figures of a release build, each beside what the machine itself can do in the same run.

use anyhow::Result;
use clap::ValueEnum;

use crate::step;

/// What is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Subject {
    /// Decisions, the simulation, and accepting a prompt durably.
    Kernel,
}

/// Builds the benchmark and runs it; it fails where a target is missed.
pub(crate) fn run(subject: Subject, json: bool) -> Result<()> {
    let (package, program) = match subject {
        Subject::Kernel => ("omi-model", "kernel-bench"),
    };
    step::run("build", step::cargo().args(["build", "--release", "-p", package, "--bin", program]))?;
    let mut bench = step::cargo();
    bench.args(["run", "--quiet", "--release", "-p", package, "--bin", program]);
    if json {
        bench.args(["--", "--json"]);
    }
    step::run_last("benchmark", &mut bench)
}
