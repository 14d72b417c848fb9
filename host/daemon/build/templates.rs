//! The folders that `omi-agentd adapter new` copies out, as lists of paths and texts: an example, and with it what the
//! project needs outside of this repository. The folders are walked, so that no file can be forgotten.

use std::fmt::Write as _;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// What is made in a folder by building and testing it, and by the tools of its language.
const MADE: [&str; 7] =
    ["target", "Cargo.lock", "node_modules", "package-lock.json", ".venv", "bindings", "__pycache__"];

/// What components end with.
const COMPONENT: &str = "wasm";

/// The SDK, which a project in Rust gets a copy of.
const SDK: &str = "omi-adapter-sdk";

/// A file: its path in the new folder, and where its text is.
type Files = Vec<(String, PathBuf)>;

/// Writes `templates.rs` with one list for each language into a folder.
pub(crate) fn write(root: &Path, out: &Path) -> Result<()> {
    let mut source = String::new();
    for language in ["rust", "javascript", "python"] {
        let mut files = Files::new();
        walk(&root.join("adapters/examples").join(language), "", &mut files)?;
        if language == "rust" {
            walk(&root.join("guest-sdk/src"), "sdk/src/", &mut files)?;
            stand_alone(root, out, &mut files)?;
        }
        walk(&root.join("wit/v0.1"), "wit/v0.1/", &mut files)?;
        files.sort();
        let name = language.to_uppercase();
        let _ = writeln!(source, "pub(super) const {name}: &[(&str, &str)] = &[");
        for (path, file) in files {
            let file = fs::canonicalize(file)?;
            let file = file.to_str().ok_or_else(|| Error::other(format!("{} is no text", file.display())))?;
            // Writing to a string cannot fail.
            let _ = writeln!(source, "    ({path:?}, include_str!({file:?})),");
        }
        source.push_str("];\n");
    }
    fs::write(out.join("templates.rs"), source)
}

/// Adds every file below a folder, but for what is made there.
fn walk(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    // Cargo looks at everything below it.
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).map_err(|error| about(folder, &error))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if MADE.contains(&name.as_str()) || path.extension().is_some_and(|extension| extension == COMPONENT) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

/// The two manifests of a project in Rust, without the workspace that they are part of here.
fn stand_alone(root: &Path, out: &Path, files: &mut Files) -> Result<()> {
    let read = |path: &str| {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(&path).map_err(|error| about(&path, &error))
    };
    let workspace = read("Cargo.toml")?;
    let mut project = without_workspace(&read("adapters/examples/rust/Cargo.toml")?, &workspace)?;
    project.push_str("\n# Wherever this folder lies, it is no part of another workspace.\n[workspace]\n");
    project.push_str("\n# A small component is compiled by the host in less time.\n[profile.release]\n");
    for line in section(&workspace, "profile.guest").filter(|line| !line.starts_with("inherits")) {
        project.push_str(line);
        project.push('\n');
    }
    let sdk = without_workspace(&read("guest-sdk/Cargo.toml")?, &workspace)?;
    files.retain(|(path, _)| path != "Cargo.toml");
    for (path, text) in [("Cargo.toml", project), ("sdk/Cargo.toml", sdk)] {
        let file = out.join(path.replace('/', "-"));
        fs::write(&file, text).map_err(|error| about(&file, &error))?;
        files.push((path.to_owned(), file));
    }
    Ok(())
}

/// A manifest with what it takes from the workspace written out, line by line.
fn without_workspace(manifest: &str, workspace: &str) -> Result<String> {
    let mut kept = String::new();
    let mut table = "";
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        }
        // The lints are rules of this repository.
        if table == "lints" {
            continue;
        }
        let line = match from_workspace(line) {
            Some((SDK, _)) => format!("{SDK} = {{ path = \"sdk\" }}"),
            Some((key, more)) => {
                let of = if table == "package" { "workspace.package" } else { "workspace.dependencies" };
                let is_it = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
                let found = section(workspace, of).find(is_it).and_then(|line| with(line, more));
                found.ok_or_else(|| {
                    Error::other(format!("the workspace has nothing for `{line}` in [{of}]"))
                })?
            }
            None => line.to_owned(),
        };
        kept.push_str(&line);
        kept.push('\n');
    }
    Ok(kept)
}

/// The key of a line that takes something from the workspace, and what it adds to that.
fn from_workspace(line: &str) -> Option<(&str, Option<&str>)> {
    if let Some(key) = line.strip_suffix(".workspace = true") {
        return Some((key, None));
    }
    let (key, rest) = line.split_once(" = { workspace = true")?;
    Some((key, rest.strip_prefix(", ").and_then(|more| more.strip_suffix(" }"))))
}

/// A line of the workspace with more keys in its table.
fn with(line: &str, more: Option<&str>) -> Option<String> {
    match more {
        Some(more) => Some(format!("{}, {more} }}", line.strip_suffix(" }")?)),
        None => Some(line.to_owned()),
    }
}

/// The lines of one table of a manifest.
fn section<'m>(manifest: &'m str, table: &str) -> impl Iterator<Item = &'m str> {
    let head = format!("[{table}]");
    let lines = manifest.lines().skip_while(move |line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn about(path: &Path, error: &Error) -> Error {
    Error::other(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_by_building_is_no_file_of_a_template() {
        let folder = tempfile::tempdir().unwrap();
        for path in
            ["a.rs", "src/b.rs", "target/c.rs", "src/target/d.rs", "x.wasm", "src/y.wasm", "Cargo.lock"]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut files = Files::new();
        walk(folder.path(), "to/", &mut files).unwrap();
        files.sort();
        let found: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, ["to/a.rs", "to/src/b.rs"]);
        assert_eq!(files[1].1, folder.path().join("src/b.rs"));
    }

    #[test]
    fn every_language_has_a_list() {
        let out = tempfile::tempdir().unwrap();
        write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), out.path()).unwrap();
        let source = fs::read_to_string(out.path().join("templates.rs")).unwrap();
        for list in ["RUST", "JAVASCRIPT", "PYTHON"] {
            assert!(source.contains(&format!("pub(super) const {list}: ")), "{list}");
        }
    }
}
