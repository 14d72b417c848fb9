//! Installs the published client of MCP, with which `tests/mcp/client.py` drives `omi-agentd mcp`, into the cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// Tells the tests where it is.
pub(crate) const VARIABLE: &str = "OMI_MCP_CLIENT";

/// What is said where it cannot be installed.
pub(crate) const LEFT_OUT: &str = "the published client of MCP (no python3)";

/// The client.
const NAMES: [&str; 1] = ["mcp==2.3.0"];

/// Installs what is missing, and gives its folder; none where the machine has no Python.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    if !step::is_on_path("python3") {
        step::say(format_args!("left out: {LEFT_OUT}"));
        return Ok(None);
    }
    let names = NAMES.map(str::to_owned);
    let packages = Packages { kind: Kind::Pip, names: &names, program: "venv/bin/python", interpreter: None };
    let folder = place::cache()?.join("clients").join("mcp");
    packages
        .check()
        .and_then(|()| packages.install(&folder))
        .context("cannot install the published client of MCP")?;
    Ok(Some(folder))
}
