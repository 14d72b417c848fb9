//! Where things are: the work tree, its `target/`, the cache outside it, and the toolchain.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;

/// The root of the work tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The workspace's `target/`. Components lie at fixed places in it, so `CARGO_TARGET_DIR` does not move them.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// What is fetched once per user and not per work tree: `${XDG_CACHE_HOME:-~/.cache}/omi-agentd`.
pub(crate) fn cache() -> Result<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("no place for the cache: neither XDG_CACHE_HOME nor HOME is an absolute path")?;
    let cache = base.join("omi-agentd");
    fs::create_dir_all(&cache)
        .with_context(|| format!("cannot create the cache folder {}", cache.display()))?;
    Ok(cache)
}

/// Keeps two set-ups from working in one cache at a time; held until the value is dropped.
pub(crate) fn lock_cache(cache: &Path) -> Result<File> {
    let path = cache.join("set-up.lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => step::say("waiting for another set-up to end"),
        Err(TryLockError::Error(error)) => {
            return Err(error).context(format!("cannot lock {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// The folder of the toolchain that `cargo` uses here.
pub(crate) fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(rustc(&["--print", "sysroot"])?))
}

/// The compiler's version number, such as `1.95.0`.
pub(crate) fn rustc_version() -> Result<String> {
    let line = rustc(&["--version"])?;
    line.split(' ')
        .nth(1)
        .map(str::to_owned)
        .with_context(|| format!("`rustc --version` answers what nobody understands: {line}"))
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(program).args(arguments).current_dir(root()).output().context("cannot run `rustc`")?;
    if !output.status.success() {
        bail!("`rustc {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
