//! The agents that are known without any configuration: each file of `adapters/*/agents`, so that none can be forgotten.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Writes `agents.rs`, a list of names and texts in the order of the names, into a folder.
pub(crate) fn write(root: &Path, out: &Path) -> Result<()> {
    let adapters = root.join("adapters");
    // Another adapter may get a folder of agents. Cargo looks at everything below what is named.
    println!("cargo::rerun-if-changed={}", adapters.display());
    let mut files = BTreeMap::new();
    for adapter in fs::read_dir(&adapters)? {
        let agents = adapter?.path().join("agents");
        if agents.is_dir() {
            collect(&agents, &mut files)?;
        }
    }
    let mut source = String::from("&[\n");
    for (name, file) in files {
        let file = fs::canonicalize(file)?;
        let file = file.to_str().ok_or_else(|| Error::other(format!("{} is no text", file.display())))?;
        // Writing to a string cannot fail.
        let _ = writeln!(source, "    ({name:?}, include_str!({file:?})),");
    }
    source.push_str("]\n");
    fs::write(out.join("agents.rs"), source)
}

fn collect(agents: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(agents)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = files.insert(name, path.clone()) {
            let why = format!("{} and {} have the same name", other.display(), path.display());
            return Err(Error::other(why));
        }
    }
    Ok(())
}
