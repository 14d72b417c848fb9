//! Installs what the A2A agent of the long tests is made with, `tests/real-agents/a2a_server.py`, into the cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// Tells the tests where it is.
pub(crate) const VARIABLE: &str = "OMI_A2A";

/// What is said where it cannot be installed.
pub(crate) const LEFT_OUT: &str = "the A2A agent (no python3)";

/// The published SDK with what it serves HTTP with.
const NAMES: [&str; 3] = ["a2a-sdk[http-server]==1.3.0", "uvicorn==0.54.0", "starlette==1.10.0"];

/// Installs what is missing, and gives its folder; none where the machine has no Python.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    if !step::is_on_path("python3") {
        step::say(format_args!("left out: {LEFT_OUT}"));
        return Ok(None);
    }
    let names = NAMES.map(str::to_owned);
    let packages = Packages { kind: Kind::Pip, names: &names, program: "venv/bin/python", interpreter: None };
    let folder = place::cache()?.join("agents").join("a2a");
    packages.check().and_then(|()| packages.install(&folder)).context("cannot install the A2A agent")?;
    Ok(Some(folder))
}
