//! Checks the dependencies against `deny.toml` with `cargo-deny`, which is built into the cache where the machine has none.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{place, step};

/// The version that is built: what `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// The database of known vulnerabilities is a few megabytes; a machine that cannot reach it says so sooner.
const FETCH_LIMIT: Duration = Duration::from_mins(2);

/// Licences, bans and sources; and known vulnerabilities where their database can be had. Answers what was left out.
pub(crate) fn check() -> Result<Option<&'static str>> {
    let program = program()?;
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(place::root());
        command
    };
    step::run("licences, bans, sources", deny().args(["check", "licenses", "bans", "sources"]))?;
    if let Err(why) = step::output(deny().args(["fetch", "db"]), FETCH_LIMIT) {
        let why = why.to_string();
        let why = why.lines().next_back().unwrap_or_default().to_owned();
        step::say(format_args!("advisories: not run, their database cannot be had ({why})"));
        return Ok(Some("advisories (no database)"));
    }
    step::run("advisories", deny().args(["--offline", "check", "advisories"]))?;
    Ok(None)
}

/// `cargo-deny`: the one on PATH, else the one in the cache, which is built the first time.
fn program() -> Result<PathBuf> {
    if step::is_on_path("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let cache = place::cache()?;
    let root = cache.join("tools").join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin/cargo-deny");
    let _lock = place::lock_cache(&cache)?;
    if !program.is_file() {
        step::say(format_args!("building cargo-deny {VERSION} into {}: a few minutes, once", root.display()));
        let target = root.join("target");
        let mut install = step::cargo();
        install.args([
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--debug",
            "--quiet",
            "--root",
        ]);
        install.arg(&root).arg("--target-dir").arg(&target).env("CARGO_PROFILE_DEV_DEBUG", "0");
        step::run("cargo-deny", &mut install)?;
        fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    Ok(program)
}
