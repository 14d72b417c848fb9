//! `cargo xtask bench`: figures of a release build, each beside what the machine itself can do in the same run.

use anyhow::Result;
use clap::ValueEnum;

use crate::{adapters, step};

/// What is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Subject {
    /// Decisions, the simulation, and accepting a prompt durably.
    Kernel,
    /// Loading components, starting workers, and what an input costs, beside bare wasmtime.
    Engine,
}

/// Builds the benchmark and runs it; it fails where a target is missed.
pub(crate) fn run(subject: Subject, json: bool) -> Result<()> {
    let target = match subject {
        Subject::Kernel => ["-p", "omi-model", "--bin", "kernel-bench"],
        Subject::Engine => {
            adapters::build_bundled()?;
            ["-p", "omi-engine", "--bench", "engine"]
        }
    };
    // Both kinds of target in the profile of releases, so that what they share is built once.
    step::run("build", step::cargo().args(["build", "--release"]).args(target))?;
    let mut bench = step::cargo();
    match subject {
        Subject::Kernel => bench.args(["run", "--quiet", "--release"]),
        Subject::Engine => bench.args(["bench", "--quiet", "--profile", "release"]),
    };
    bench.args(target);
    if json {
        bench.args(["--", "--json"]);
    }
    step::run_last("benchmark", &mut bench)
}
