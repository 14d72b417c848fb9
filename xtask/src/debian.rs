//! The target from Debian's packages: the compiler's own source and the C library, unpacked but not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apt_index::{self, Package};
use crate::apt_sources::{self, Source};
use crate::target::TRIPLE;
use crate::{debian_version, download, rust_std, step};

/// The suite that has current compilers and a C library with this target, whatever release the machine runs.
const SUITE: &str = "trixie-backports";

/// Rust's source unpacks in about 15 s on a fast disk; this is for a slow one.
const UNPACK_LIMIT: Duration = Duration::from_mins(5);

/// An archive of the machine's apt sources, and the packages that matter here.
struct Archive {
    uri: String,
    packages: Vec<Package>,
}

/// Fetches, builds and installs; the work folder goes away only after success, so that a rerun goes on from there.
pub(crate) fn install(sysroot: &Path, rustc_version: &str, work: &Path) -> Result<()> {
    fs::create_dir_all(work).with_context(|| format!("cannot create {}", work.display()))?;
    let archive = find_archive(work)?;
    let c_library = archive.c_library(work)?;
    let link = if rust_std::has_source(sysroot, work) {
        None
    } else {
        Some(rust_std::SourceLink::create(sysroot, &archive.rust_source(rustc_version, work)?)?)
    };
    let built = rust_std::build(&work.join("std"));
    drop(link);
    rust_std::install(sysroot, &built?, &c_library)?;
    fs::remove_dir_all(work).with_context(|| format!("cannot remove {}", work.display()))
}

/// The first of the machine's Debian archives that has the suite, with a valid signature.
fn find_archive(work: &Path) -> Result<Archive> {
    let mut failures = Vec::new();
    for source in debian_sources()? {
        step::say(format_args!("reading the index of {SUITE} at {}", source.uri));
        match apt_index::fetch(&source, SUITE, &["rust-src", "wasi-libc"], work) {
            Ok(packages) => return Ok(Archive { uri: source.uri, packages }),
            Err(error) => failures.push(format!("{}: {error:#}", source.uri)),
        }
    }
    bail!("{}", failures.join("; "))
}

fn debian_sources() -> Result<Vec<Source>> {
    let release =
        fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release: is this Debian?")?;
    let codename = apt_sources::codename(&release).context("/etc/os-release has no VERSION_CODENAME")?;
    let sources = apt_sources::debian_archives(apt_sources::read(Path::new("/etc/apt")), &codename);
    if sources.is_empty() {
        bail!("no entry of /etc/apt names an archive with the suite {codename} and the component main");
    }
    Ok(sources)
}

impl Archive {
    /// The unpacked C library: the newest package that has this target.
    fn c_library(&self, work: &Path) -> Result<PathBuf> {
        for package in apt_index::newest_first(&self.packages, "wasi-libc", |_| true) {
            let libraries = self.unpacked(package, &work.join("wasi-libc"))?.join("usr/lib").join(TRIPLE);
            if libraries.join("libc.a").is_file() {
                return Ok(libraries);
            }
            step::say(format_args!("wasi-libc {} has no {TRIPLE}", package.version));
        }
        bail!("{SUITE} has no wasi-libc that contains {TRIPLE}")
    }

    /// The unpacked source of the compiler's own version: another version's library does not compile.
    fn rust_source(&self, rustc_version: &str, work: &Path) -> Result<PathBuf> {
        let same = |version: &str| debian_version::upstream(version) == rustc_version;
        let found = apt_index::newest_first(&self.packages, "rust-src", same);
        let Some(package) = found.first() else {
            let all = apt_index::newest_first(&self.packages, "rust-src", |_| true);
            let versions: Vec<&str> = all.iter().map(|package| package.version.as_str()).collect();
            bail!("{SUITE} has no rust-src {rustc_version}, only: {}", versions.join(", "));
        };
        Ok(self.unpacked(package, &work.join("rust-src"))?.join("usr/lib/rustlib/src/rust"))
    }

    /// Fetches and unpacks a package into a folder that appears only when it is whole.
    fn unpacked(&self, package: &Package, folder: &Path) -> Result<PathBuf> {
        let folder = folder.join(&package.sha256);
        if folder.is_dir() {
            return Ok(folder);
        }
        let partial = folder.with_extension("partial");
        if partial.is_dir() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        let file = folder.with_extension("deb");
        step::say(format_args!("fetching {}", package.filename));
        download::fetch_verified(&format!("{}/{}", self.uri, package.filename), &package.sha256, &file)?;
        step::say(format_args!("unpacking {}", package.filename));
        step::output(Command::new("dpkg").arg("-x").arg(&file).arg(&partial), UNPACK_LIMIT)?;
        fs::rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}
