//! `cargo xtask demo`: set-up, then the daemon at work on a real agent.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{adapters, place, step};

/// Builds what the demo needs and runs its steps; `agent` is the command line of an ACP agent of the user's.
pub(crate) fn run(agent: Option<&str>) -> Result<()> {
    adapters::build_bundled()?;
    let packages = ["--package", "omi-agentd", "--package", "omi-test-agents"];
    let target = place::target();
    let build = ["build", "--quiet", "--target-dir"];
    step::run("build the daemon", step::cargo().args(build).arg(&target).args(packages))?;
    steps(&target.join("debug/omi-agentd"), agent)
}

/// Drives the daemon; without `agent` it is the project's own test agent, which lies beside the daemon.
fn steps(_daemon: &Path, _agent: Option<&str>) -> Result<()> {
    bail!("the demo's steps are not written yet")
}
