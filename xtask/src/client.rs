//! The TypeScript client: installs its tools into the cache, writes its types, and builds and tests it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::languages::npm_names;
use crate::packages::{Kind, Packages};
use crate::{place, step};

/// What is said where it cannot be tested.
pub(crate) const LEFT_OUT: &str = "the TypeScript client (no npm with Node 20 or newer)";

/// Where the client is, below the root.
const FOLDER: &str = "clients/typescript";

/// The document that its types are written from, below the root.
const DOCUMENT: &str = "host/daemon/docs/openapi.json";

/// The oldest Node that it works with.
const NODE: u32 = 20;

/// Asking a program for its version takes no time; writing the types takes a second.
const LIMIT: Duration = Duration::from_mins(2);

/// Installs the tools, and gives their folder; none where the machine has no npm.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    if !step::is_on_path("npm") || node().is_none_or(|version| version < NODE) {
        step::say(format_args!("left out: {LEFT_OUT}"));
        return Ok(None);
    }
    let names = names()?;
    let program = "node_modules/.bin/openapi-typescript";
    let packages = Packages { kind: Kind::Npm, names: &names, program, interpreter: None };
    let folder = place::cache()?.join(FOLDER);
    packages
        .check()
        .and_then(|()| packages.install(&folder))
        .context("cannot install the tools of the client")?;
    Ok(Some(folder))
}

/// Writes the types from the document, with the digest of that, by which a test tells when they are of another one.
pub(crate) fn write() -> Result<()> {
    let Some(tools) = install()? else {
        bail!("the types are written by a package of npm; hint: install npm and Node 20 or newer")
    };
    let document = place::root().join(DOCUMENT);
    let bytes = fs::read(&document).with_context(|| format!("cannot read {}", document.display()))?;
    let written = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    let mut generator = Command::new(tools.join("node_modules/.bin/openapi-typescript"));
    generator.arg(&document).arg("--output").arg(written.path()).current_dir(&tools);
    step::output(&mut generator, LIMIT)?;
    let types = fs::read_to_string(written.path()).context("cannot read what was written")?;
    let head = format!(
        "// The types of what is served over HTTP, written by `cargo xtask client` from {DOCUMENT},\n\
         // whose SHA-256 is {:x}.\n\n",
        Sha256::digest(&bytes)
    );
    let file = place::root().join(FOLDER).join("src/api.ts");
    fs::write(&file, head + &types).with_context(|| format!("cannot write {}", file.display()))?;
    step::say(file.display());
    Ok(())
}

/// Builds it, and runs its tests against servers of their own.
pub(crate) fn test(tools: &Path) -> Result<()> {
    let folder = place::root().join(FOLDER);
    let compile = |project: &str| {
        let mut compiler = Command::new(tools.join("node_modules/.bin/tsc"));
        compiler.args(["--project", project]).current_dir(&folder);
        compiler
    };
    step::run("the TypeScript client", &mut compile("."))?;
    step::run("its types", &mut compile("test"))?;
    let tests = ["--test", "test/client.test.js", "test/events.test.js"];
    step::run("how it asks and follows", Command::new("node").args(tests).current_dir(&folder))
}

fn names() -> Result<Vec<String>> {
    let file = place::root().join(FOLDER).join("package.json");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(npm_names(&text))
}

/// The first number of the version of the machine's Node.
fn node() -> Option<u32> {
    let version = step::output(Command::new("node").arg("--version"), LIMIT).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_have_exact_versions() {
        let names = names().unwrap();
        assert_eq!(names.len(), 2, "{names:?}");
        Packages { kind: Kind::Npm, names: &names, program: "", interpreter: None }.check().unwrap();
    }
}
