//! Builds the guests as components and lays them where the daemon and the tests take them from.
//!
//! `target/adapters/<name>.wasm` are the bundled adapters, `target/guests/<name>.wasm` the hostile ones of the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::target::Ensured;
use crate::{place, step, target};

/// The bundled adapters: (package, name of the component).
const BUNDLED: [(&str, &str); 5] = [
    ("omi-adapter-echo", "echo"),
    ("omi-adapter-acp", "acp"),
    ("omi-adapter-pi-mono", "pi-mono"),
    ("omi-adapter-a2a", "a2a"),
    ("omi-adapter-openai-chat", "openai-chat"),
];

/// The package whose examples are the hostile guests.
const HOSTILE: &str = "omi-test-guests";

/// The profile of the root manifest that makes components small.
const PROFILE: &str = "guest";

/// The profile of the root manifest for the many that nobody ships.
const HOSTILE_PROFILE: &str = "test-guest";

/// Sets up the target and builds every guest.
pub(crate) fn build_all() -> Result<()> {
    build_bundled()?;
    build_hostile()
}

/// Sets up the target and builds the bundled adapters.
pub(crate) fn build_bundled() -> Result<()> {
    if target::ensure()? == Ensured::Installed && guest_target().is_dir() {
        // What was built against another standard library does not link with this one, and cargo does not notice.
        fs::remove_dir_all(guest_target()).context("cannot remove the guests built for another toolchain")?;
    }
    let packages = BUNDLED.iter().map(|(package, _)| *package);
    build("build the bundled adapters", packages, "--lib", PROFILE)?;
    let to = place::target().join("adapters");
    for (package, name) in BUNDLED {
        let built = built_folder(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
        publish(&built, &to.join(format!("{name}.wasm"))).map_err(|error| missing(package, "lib", &error))?;
    }
    Ok(())
}

/// Builds every file of `tests/guests/examples/`, and forgets components whose file is gone.
fn build_hostile() -> Result<()> {
    let names = example_names(&place::root().join("tests/guests/examples"))?;
    let to = place::target().join("guests");
    remove_others(&to, &names)?;
    if names.is_empty() {
        return Ok(());
    }
    build("build the hostile guests", [HOSTILE].into_iter(), "--examples", HOSTILE_PROFILE)?;
    for name in &names {
        let built =
            built_folder(HOSTILE_PROFILE).join("examples").join(format!("{}.wasm", name.replace('-', "_")));
        publish(&built, &to.join(format!("{name}.wasm")))
            .map_err(|error| missing(name, "[example]", &error))?;
    }
    Ok(())
}

/// The guests' own target folder, so that their build never waits for the lock of a native one.
fn guest_target() -> PathBuf {
    place::target().join("guest")
}

fn built_folder(profile: &str) -> PathBuf {
    guest_target().join(target::TRIPLE).join(profile)
}

/// Builds one kind of target of some guests.
fn build<'p>(
    name: &str,
    packages: impl Iterator<Item = &'p str>,
    targets: &str,
    profile: &str,
) -> Result<()> {
    let mut cargo = step::cargo();
    cargo.args(["build", "--quiet", "--target", target::TRIPLE, "--profile", profile, "--target-dir"]);
    cargo.arg(guest_target());
    for package in packages {
        cargo.args(["--package", package]);
    }
    step::run(name, cargo.arg(targets))
}

fn missing(guest: &str, table: &str, error: &Error) -> Error {
    let hint = format!("`{guest}` needs `crate-type = [\"cdylib\"]` under [{table}] in its Cargo.toml");
    anyhow!("no component of `{guest}`: {error:#}\nhint: {hint}")
}

/// Copies a component unless the same bytes are there: a new time would build the daemon again.
fn publish(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let partial = to.with_extension("partial");
    fs::write(&partial, &bytes).with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, to).with_context(|| format!("cannot write {}", to.display()))?;
    step::say(format_args!("{} ({} kB)", to.display(), bytes.len() / 1000));
    Ok(())
}

fn example_names(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let Ok(files) = fs::read_dir(folder) else { return Ok(names) };
    for file in files {
        let path = file.with_context(|| format!("cannot read {}", folder.display()))?.path();
        match (path.file_stem().and_then(|stem| stem.to_str()), path.extension()) {
            (Some(stem), Some(extension)) if extension == "rs" => names.insert(stem.to_owned()),
            _ => bail!("{} is no Rust file: every hostile guest is one file", path.display()),
        };
    }
    Ok(names)
}

fn remove_others(folder: &Path, names: &BTreeSet<String>) -> Result<()> {
    let Ok(files) = fs::read_dir(folder) else { return Ok(()) };
    for path in files.flatten().map(|file| file.path()) {
        if !path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| names.contains(stem)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn the_same_bytes_keep_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("built.wasm"), folder.path().join("out/echo.wasm"));
        fs::write(&from, "one").unwrap();
        publish(&from, &to).unwrap();
        fs::File::options().write(true).open(&to).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        publish(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
        fs::write(&from, "two").unwrap();
        publish(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
        assert_ne!(fs::metadata(&to).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn components_without_a_source_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (sources, built) = (folder.path().join("examples"), folder.path().join("guests"));
        for path in [&sources, &built] {
            fs::create_dir(path).unwrap();
        }
        fs::write(sources.join("spin.rs"), "").unwrap();
        fs::write(built.join("spin.wasm"), "").unwrap();
        fs::write(built.join("gone.wasm"), "").unwrap();
        let names = example_names(&sources).unwrap();
        remove_others(&built, &names).unwrap();
        assert!(built.join("spin.wasm").exists() && !built.join("gone.wasm").exists());
        fs::write(sources.join("notes.txt"), "").unwrap();
        assert!(example_names(&sources).is_err());
        assert!(example_names(&folder.path().join("absent")).unwrap().is_empty());
    }
}
