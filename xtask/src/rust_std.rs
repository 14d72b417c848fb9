//! Rust's standard library for the target: built once from source, then put into the toolchain in one move.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::step;
use crate::target::{self, TRIPLE};

/// The build takes half a minute on two fast cores; this is for one slow core.
const BUILD_LIMIT: Duration = Duration::from_mins(15);

/// The name of the empty crate whose dependencies are the standard library.
const EMPTY_CRATE: &str = "omi_empty";

/// What the linker takes from the C library.
const SELF_CONTAINED: [&str; 3] = ["libc.a", "crt1-command.o", "crt1-reactor.o"];

const EMPTY_MANIFEST: &str =
    "[package]\nname = \"omi_empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";

/// Whether the source is where the compiler looks for it, as rustup's own component or a distribution puts it.
/// A link into `work` is not that: an interrupted set-up left it behind.
pub(crate) fn has_source(sysroot: &Path, work: &Path) -> bool {
    let place = source_place(sysroot);
    is_source(&place) && !fs::read_link(&place).is_ok_and(|source| source.starts_with(work))
}

/// A link to unpacked source at the place where the compiler looks for it; taken away again when dropped,
/// so that rustup can install its own component there later.
pub(crate) struct SourceLink {
    place: PathBuf,
}

impl SourceLink {
    /// Makes the link; a link that an interrupted set-up left behind is replaced.
    pub(crate) fn create(sysroot: &Path, source: &Path) -> Result<Self> {
        if !is_source(source) {
            bail!("{} is not the source of Rust's standard library", source.display());
        }
        let place = source_place(sysroot);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        if place.is_symlink() {
            fs::remove_file(&place)?;
        }
        symlink(source, &place).with_context(|| format!("cannot create the link {}", place.display()))?;
        Ok(Self { place })
    }
}

impl Drop for SourceLink {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.place) {
            step::say(format_args!("cannot remove the link {}: {error}", self.place.display()));
        }
    }
}

/// Builds the standard library below `work` and gives its rlibs.
pub(crate) fn build(work: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(work.join("src")).with_context(|| format!("cannot create {}", work.display()))?;
    fs::write(work.join("Cargo.toml"), EMPTY_MANIFEST)?;
    fs::write(work.join("src/lib.rs"), "#![doc = \"Empty.\"]\n")?;
    step::say("building Rust's standard library from source (about half a minute) …");
    let mut cargo = step::cargo();
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR"] {
        cargo.env_remove(flags);
    }
    // The flag below is not stable; this variable lets a stable compiler, and only this run of it, accept it.
    cargo.env("RUSTC_BOOTSTRAP", "1").current_dir(work);
    cargo.args([
        "build",
        "-Zbuild-std=std,panic_abort",
        "--release",
        "--target",
        TRIPLE,
        "--target-dir",
        "target",
    ]);
    step::output(&mut cargo, BUILD_LIMIT)?;
    rlibs(&work.join("target").join(TRIPLE).join("release/deps"))
}

/// Assembles the target's folder beside its final place and moves it there whole.
pub(crate) fn install(sysroot: &Path, rlibs: &[PathBuf], c_library: &Path) -> Result<()> {
    let folder = target::folder(sysroot);
    step::say(format_args!("installing {} libraries into {}", rlibs.len(), folder.display()));
    let partial = folder.with_extension("partial");
    for stale in [&partial, &folder] {
        if stale.is_dir() {
            fs::remove_dir_all(stale).with_context(|| format!("cannot remove {}", stale.display()))?;
        }
    }
    let self_contained = partial.join("lib/self-contained");
    fs::create_dir_all(&self_contained).with_context(|| format!("cannot create {}", partial.display()))?;
    for rlib in rlibs {
        copy_into(rlib, &partial.join("lib"))?;
    }
    for name in SELF_CONTAINED {
        copy_into(&c_library.join(name), &self_contained)?;
    }
    fs::rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn source_place(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust")
}

fn is_source(folder: &Path) -> bool {
    folder.join("library/std/Cargo.toml").is_file()
}

fn rlibs(folder: &Path) -> Result<Vec<PathBuf>> {
    let own = format!("lib{EMPTY_CRATE}-");
    let mut found = Vec::new();
    for file in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with(&own) {
            found.push(path);
        }
    }
    Ok(found)
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().with_context(|| format!("{} is no file", file.display()))?;
    fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_link_replaces_a_stale_one_and_goes_away() {
        let (sysroot, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(source.path().join("library/std")).unwrap();
        fs::write(source.path().join("library/std/Cargo.toml"), "").unwrap();
        fs::create_dir_all(sysroot.path().join("lib/rustlib/src")).unwrap();
        symlink("/absent", source_place(sysroot.path())).unwrap();
        let link = SourceLink::create(sysroot.path(), source.path()).unwrap();
        assert!(has_source(sysroot.path(), Path::new("/elsewhere")));
        assert!(!has_source(sysroot.path(), source.path()), "its own link is not an installed source");
        drop(link);
        assert!(!source_place(sysroot.path()).is_symlink());
        assert!(is_source(source.path()));
    }

    #[test]
    fn an_interrupted_installation_is_replaced_whole() {
        let (sysroot, built) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in SELF_CONTAINED.iter().chain(&["libstd-1.rlib"]) {
            fs::write(built.path().join(name), "new").unwrap();
        }
        let lib = target::folder(sysroot.path()).join("lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libcore-0.rlib"), "old").unwrap();
        install(sysroot.path(), &[built.path().join("libstd-1.rlib")], built.path()).unwrap();
        assert!(!lib.join("libcore-0.rlib").exists());
        assert_eq!(fs::read_to_string(lib.join("libstd-1.rlib")).unwrap(), "new");
        assert_eq!(fs::read_dir(lib.join("self-contained")).unwrap().count(), SELF_CONTAINED.len());
    }

    #[test]
    fn the_empty_crate_itself_is_not_installed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libstd-1.rlib", "libomi_empty-1.rlib", "libstd-1.rmeta"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(rlibs(folder.path()).unwrap(), [folder.path().join("libstd-1.rlib")]);
        assert!(EMPTY_MANIFEST.contains(EMPTY_CRATE));
    }
}
