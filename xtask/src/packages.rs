//! Packages of npm and of PyPI in exact versions, each list in a folder of its own in the cache.
//!
//! The rule that the tests rely on: the file `.packages` of a folder holds the list of packages, one a line. That file is
//! written last, so a folder without it, or with another list, is installed anew.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, iter};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{place, step};

/// The file that says what a folder holds.
const MARKER: &str = ".packages";

/// A list is up to 400 MB: ten minutes are enough on a line of 700 kB/s.
const INSTALL_LIMIT: Duration = Duration::from_mins(10);

/// What a folder is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packages<'p> {
    /// Where they come from.
    pub(crate) kind: Kind,
    /// Their names with exact versions, as the installer takes them.
    pub(crate) names: &'p [String],
    /// A program that they have to bring, relative to the folder.
    pub(crate) program: &'p str,
    /// The Node or Python to install with, if not the machine's own.
    pub(crate) interpreter: Option<&'p Path>,
}

/// A registry of packages.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// npm, into `node_modules`.
    Npm,
    /// npm, into `node_modules`, each as it is and without what it depends on.
    NpmPack,
    /// PyPI, into `venv`.
    Pip,
}

impl Packages<'_> {
    /// Refuses a version that would not be the same on every machine.
    pub(crate) fn check(&self) -> Result<()> {
        match self.names.iter().find(|name| !is_pinned(name, self.kind)) {
            Some(name) => bail!("there is no exact version of `{name}`"),
            None => Ok(()),
        }
    }

    /// Installs them into a folder of the cache that does not hold them yet.
    pub(crate) fn install(&self, folder: &Path) -> Result<()> {
        if self.is_installed(folder) {
            return Ok(());
        }
        let _lock = place::lock_cache(&place::cache()?)?;
        // Another set-up may have done it while this one waited for the lock.
        if self.is_installed(folder) {
            return Ok(());
        }
        step::say(format_args!("installing {} …", self.names.join(" ")));
        if folder.is_dir() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        match self.kind {
            Kind::Npm => npm(self.names, folder, self.interpreter)?,
            Kind::NpmPack => npm_pack(self.names, folder)?,
            Kind::Pip => pip(self.names, folder, self.interpreter)?,
        }
        let program = folder.join(self.program);
        if !program.is_file() {
            bail!("the packages hold no program {}", program.display());
        }
        let marker = folder.join(MARKER);
        fs::write(&marker, self.names.join("\n"))
            .with_context(|| format!("cannot write {}", marker.display()))
    }

    fn is_installed(&self, folder: &Path) -> bool {
        fs::read_to_string(folder.join(MARKER)).is_ok_and(|text| text.trim_end() == self.names.join("\n"))
    }
}

fn is_pinned(package: &str, kind: Kind) -> bool {
    let version = match kind {
        Kind::Npm | Kind::NpmPack => package.rsplit_once('@').filter(|(name, _)| !name.is_empty()),
        Kind::Pip => package.split_once("=="),
    };
    version.is_some_and(|(_, version)| version.starts_with(|character: char| character.is_ascii_digit()))
}

fn npm(packages: &[String], folder: &Path, node: Option<&Path>) -> Result<()> {
    let quiet = ["--no-fund", "--no-audit", "--no-progress", "--no-update-notifier", "--loglevel=error"];
    let mut npm = Command::new("npm");
    npm.arg("install").arg("--prefix").arg(folder).args(quiet).args(packages);
    if let Some(beside) = node.and_then(Path::parent) {
        // npm starts the `node` that is first on PATH, and so do the packages' own steps.
        let paths = env::var_os("PATH").unwrap_or_default();
        let paths = iter::once(beside.to_owned()).chain(env::split_paths(&paths));
        npm.env("PATH", env::join_paths(paths)?);
    }
    step::output(npm.current_dir(folder), INSTALL_LIMIT).map(drop)
}

fn npm_pack(packages: &[String], folder: &Path) -> Result<()> {
    for package in packages {
        let name = package.rsplit_once('@').map_or(package.as_str(), |(name, _)| name);
        let to = folder.join("node_modules").join(name);
        fs::create_dir_all(&to).with_context(|| format!("cannot create {}", to.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["pack", "--silent", "--pack-destination"]).arg(folder).arg(package);
        let packed = step::output(npm.current_dir(folder), INSTALL_LIMIT)?;
        let packed = folder.join(packed.trim());
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(&packed).arg("-C").arg(&to).arg("--strip-components=1");
        step::output(&mut tar, INSTALL_LIMIT)?;
        fs::remove_file(&packed).with_context(|| format!("cannot remove {}", packed.display()))?;
    }
    Ok(())
}

fn pip(packages: &[String], folder: &Path, python: Option<&Path>) -> Result<()> {
    let environment = folder.join("venv");
    let arguments = [OsStr::new("-m"), OsStr::new("venv"), environment.as_os_str()];
    step::output(Command::new(python.unwrap_or(Path::new("python3"))).args(arguments), INSTALL_LIMIT)?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(packages);
    step::output(&mut pip, INSTALL_LIMIT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_of_packages_is_not_what_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a@1.2.3".to_owned()];
        let packages = Packages { kind: Kind::Npm, names: &names, program: "bin/a", interpreter: None };
        assert!(!packages.is_installed(folder.path()));
        fs::write(folder.path().join(MARKER), "a@1.2.4").unwrap();
        assert!(!packages.is_installed(folder.path()));
        fs::write(folder.path().join(MARKER), "a@1.2.3\n").unwrap();
        assert!(packages.is_installed(folder.path()));
    }
}
