//! Installs schemathesis, which asks a daemon everything that its document of HTTP allows, into the cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// Tells the tests where it is.
pub(crate) const VARIABLE: &str = "OMI_SCHEMATHESIS";

/// What is said where it cannot be installed.
pub(crate) const LEFT_OUT: &str = "schemathesis (no python3)";

/// The program.
const NAMES: [&str; 1] = ["schemathesis==4.32.5"];

/// Installs what is missing, and gives its folder; none where the machine has no Python.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    if !step::is_on_path("python3") {
        step::say(format_args!("left out: {LEFT_OUT}"));
        return Ok(None);
    }
    let names = NAMES.map(str::to_owned);
    let packages = Packages { kind: Kind::Pip, names: &names, program: "venv/bin/st", interpreter: None };
    let folder = place::cache()?.join("clients").join("schemathesis");
    packages.check().and_then(|()| packages.install(&folder)).context("cannot install schemathesis")?;
    Ok(Some(folder))
}
