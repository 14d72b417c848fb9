//! The package that a program is from, read from what is installed: that says the version without running anything.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a `package.json` at most: real ones have some thousands.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
/// Folders above a program that are looked at: a program is at most a few folders below its package.
const FOLDERS_MAX: usize = 8;
/// Bytes of the first line of a script.
const FIRST_LINE_BYTES_MAX: u64 = 512;
/// Where npm puts packages.
const NODE_MODULES: &str = "node_modules";

/// A package that is installed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// The versions of Node that it says it needs.
    pub(super) node: Option<String>,
}

/// The package that a program is from, if it is one of these (`npm:NAME`, `pip:NAME`), or any that npm has installed.
pub(super) fn of_program(program: &Path, packages: &[String]) -> Option<Package> {
    let of = |kind: &str| -> Vec<&str> {
        packages.iter().filter_map(|package| package.strip_prefix(kind)).collect()
    };
    let real = program.canonicalize().ok()?;
    npm(&real, &of("npm:")).or_else(|| pip(program, &real, &of("pip:")))
}

/// The programs on PATH that are links into a package of npm.
pub(crate) fn programs_of(package: &str, path: &std::ffi::OsStr) -> BTreeSet<String> {
    let mut programs = BTreeSet::new();
    for entry in
        std::env::split_paths(path).filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten()
    {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let real = if is_link { entry.path().canonicalize().ok() } else { None };
        let found = real.and_then(|real| npm(&real, &[package]));
        if found.is_some_and(|found| found.name == package) {
            programs.extend(entry.file_name().into_string().ok());
        }
    }
    programs
}

/// The nearest package above a file. One that is not below `node_modules` may be anybody's, and has to be one of these.
fn npm(real: &Path, names: &[&str]) -> Option<Package> {
    for folder in real.ancestors().skip(1).take(FOLDERS_MAX) {
        if folder.ends_with(NODE_MODULES) {
            return None;
        }
        let Some(package) = manifest(&folder.join("package.json")) else { continue };
        let name = package.name.as_str();
        if names.contains(&name) || folder.ends_with(Path::new(NODE_MODULES).join(name)) {
            return Some(package);
        }
    }
    None
}

fn manifest(path: &Path) -> Option<Package> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).ok()?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(Package {
        name: manifest["name"].as_str()?.to_owned(),
        version: manifest["version"].as_str()?.to_owned(),
        node: manifest["engines"]["node"].as_str().map(str::to_owned),
    })
}

/// What Python has installed beside the program, or beside the interpreter that its first line names.
fn pip(program: &Path, real: &Path, names: &[&str]) -> Option<Package> {
    if names.is_empty() {
        return None;
    }
    let interpreter = interpreter(real);
    let beside = [Some(program), Some(real), interpreter.as_deref()];
    let roots: BTreeSet<&Path> =
        beside.into_iter().flatten().filter_map(|file| file.parent()?.parent()).collect();
    for name in names {
        let wanted = plain(name);
        let version = roots.iter().flat_map(|root| sites(root)).find_map(|site| installed(&site, &wanted));
        if let Some(version) = version {
            return Some(Package { name: (*name).to_owned(), version, node: None });
        }
    }
    None
}

/// The program that the first line of a script names.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut first = Vec::new();
    fs::File::open(script).ok()?.take(FIRST_LINE_BYTES_MAX).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    Some(PathBuf::from(std::str::from_utf8(line).ok()?.split_whitespace().next()?))
}

/// The folders with packages below a folder that has `lib`.
fn sites(root: &Path) -> Vec<PathBuf> {
    let pythons = fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    let pythons = pythons.filter(|entry| entry.file_name().to_string_lossy().starts_with("python"));
    pythons
        .flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.path().join(name)))
        .collect()
}

/// The version of a package in a folder with packages.
fn installed(site: &Path, wanted: &str) -> Option<String> {
    fs::read_dir(site).ok()?.flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let (package, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
        (plain(package) == wanted).then(|| version.to_owned())
    })
}

/// A name of a Python package as all its spellings have it.
fn plain(name: &str) -> String {
    let name = name.split('[').next().unwrap_or(name).to_lowercase();
    name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn is(found: Option<Package>, name: &str, version: &str) -> bool {
        found.is_some_and(|found| (found.name.as_str(), found.version.as_str()) == (name, version))
    }

    #[test]
    fn npm_says_the_version_of_what_a_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lib/node_modules/@a/agent");
        write(&package.join("dist/cli.js"), "");
        write(&package.join("dist/package.json"), r#"{"type": "module"}"#);
        write(&package.join("package.json"), r#"{"name": "@a/agent", "version": "1.2.3"}"#);
        fs::create_dir(folder.path().join("bin")).unwrap();
        let link = folder.path().join("bin/agent");
        symlink("../lib/node_modules/@a/agent/dist/cli.js", &link).unwrap();
        assert!(is(of_program(&link, &["npm:@b/agent".to_owned()]), "@a/agent", "1.2.3"), "whoever it is");
        let path = folder.path().join("bin");
        assert_eq!(programs_of("@a/agent", path.as_os_str()), ["agent".to_owned()].into());
        assert_eq!(programs_of("@b/agent", path.as_os_str()), BTreeSet::new());
    }

    #[test]
    fn a_project_that_a_program_lies_in_is_not_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/agent");
        write(&program, "");
        write(&folder.path().join("package.json"), r#"{"name": "mine", "version": "9.9.9"}"#);
        assert_eq!(of_program(&program, &["npm:agent".to_owned()]), None);
        assert!(is(of_program(&program, &["npm:mine".to_owned()]), "mine", "9.9.9"));
    }

    #[test]
    fn python_says_the_version_of_what_is_beside_a_script_or_its_interpreter() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("venv/lib/python3.12/site-packages/My_Agent-3.0.2.dist-info")).unwrap();
        write(&root.join("venv/bin/agent"), "#!/usr/bin/python3\n");
        let names = ["pip:my-agent".to_owned()];
        assert!(is(of_program(&root.join("venv/bin/agent"), &names), "my-agent", "3.0.2"));
        write(&root.join("bin/agent"), &format!("#!{}/venv/bin/python3 -E\n", root.display()));
        assert!(is(of_program(&root.join("bin/agent"), &names), "my-agent", "3.0.2"));
        write(&root.join("bin/other"), "#!/usr/bin/env python3\n");
        assert_eq!(of_program(&root.join("bin/other"), &["pip:no-such-package-at-all".to_owned()]), None);
    }
}
