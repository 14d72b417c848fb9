//! Makes sure that the toolchain can build components: `wasm32-wasip2` with its standard library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::{debian, place, step};

/// The target that the guests are built for.
pub(crate) const TRIPLE: &str = "wasm32-wasip2";

/// rustup fetches about 20 MB; without a network some resolvers let it hang for ever.
const RUSTUP_LIMIT: Duration = Duration::from_mins(3);

/// How the target came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ensured {
    /// It was there.
    Found,
    /// It is new.
    Installed,
}

/// Does nothing where the target is there; else asks rustup, then Debian's packages.
pub(crate) fn ensure() -> Result<Ensured> {
    let sysroot = place::sysroot()?;
    if is_installed(&sysroot) {
        return Ok(Ensured::Found);
    }
    let cache = place::cache()?;
    let _lock = place::lock_cache(&cache)?;
    if is_installed(&sysroot) {
        return Ok(Ensured::Installed);
    }
    step::say(format_args!("{TRIPLE} is missing in {}", sysroot.display()));
    let Err(by_rustup) = from_rustup(&sysroot) else { return Ok(Ensured::Installed) };
    step::say(format_args!("rustup: {by_rustup:#}"));
    let Err(by_debian) = from_debian(&sysroot, &cache) else { return Ok(Ensured::Installed) };
    bail!(
        "cannot set up {TRIPLE} in {}\n  tried `rustup target add {TRIPLE}`: {by_rustup:#}\n  \
         tried Debian's packages: {by_debian:#}\nhint: install it by hand, by `rustup target add {TRIPLE}` with a \
         network, or by your distribution's package of Rust's standard library for {TRIPLE}",
        sysroot.display()
    );
}

/// Where a target's standard library belongs.
pub(crate) fn folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TRIPLE)
}

/// Whether the standard library is there. Both ways put it there last or at once, so it stands for all the rest.
fn is_installed(sysroot: &Path) -> bool {
    let Ok(files) = fs::read_dir(folder(sysroot).join("lib")) else { return false };
    files.flatten().any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn from_rustup(sysroot: &Path) -> Result<()> {
    if !step::is_on_path("rustup") {
        bail!("there is no `rustup` on PATH");
    }
    step::say(format_args!("rustup target add {TRIPLE} …"));
    step::output(
        Command::new("rustup").args(["target", "add", TRIPLE]).current_dir(place::root()),
        RUSTUP_LIMIT,
    )?;
    if !is_installed(sysroot) {
        bail!("it reported success, but not for the toolchain in {}", sysroot.display());
    }
    step::say(format_args!("{TRIPLE} is installed by rustup"));
    Ok(())
}

fn from_debian(sysroot: &Path, cache: &Path) -> Result<()> {
    debian::install(sysroot, &place::rustc_version()?, &cache.join("target-set-up"))?;
    if !is_installed(sysroot) {
        bail!("the build left no standard library in {}", folder(sysroot).display());
    }
    step::say(format_args!("{TRIPLE} is installed from Debian's packages"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_standard_library_counts_as_installed() {
        let sysroot = tempfile::tempdir().unwrap();
        assert!(!is_installed(sysroot.path()));
        let lib = folder(sysroot.path()).join("lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libcore-0.rlib"), "").unwrap();
        fs::write(lib.join("libstd-0.rlib.partial"), "").unwrap();
        assert!(!is_installed(sysroot.path()));
        fs::write(lib.join("libstd-0.rlib"), "").unwrap();
        assert!(is_installed(sysroot.path()));
    }
}
