//! Where a program is installed: what a confined one has to read of itself.
//!
//! - A program in a `node_modules`: the outermost one, with all that it depends on.
//! - A program in a `bin`: that, and the `lib` beside it; so a Python environment is whole.
//! - Any other: its folder; only itself if that is the user's own.
//!
//! This holds for the program as it was named, for what its symlinks lead to, and for the interpreter of a script.
//!
//! The daemon finds this out, for programs that a registration names: what a runtime chooses must not choose what it reads.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes of a script in which the interpreter is named: what the system reads.
const FIRST_LINE_BYTES: u64 = 256;
/// What is beside a `bin` that belongs to it.
const BESIDE_BIN: &[&str] = &["lib", "lib64", "pyvenv.cfg"];

/// Where programs are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The folder that the program starts in.
    pub(crate) cwd: &'a Path,
    /// Its `PATH`, which only the daemon and the registration set.
    pub(crate) path: Option<&'a OsStr>,
    /// The folder of the user who runs the daemon.
    pub(crate) home: Option<&'a Path>,
}

/// The folders, and single files, of a program. None if there is no such program.
pub(crate) fn folders(program: &OsStr, place: Place<'_>) -> Vec<PathBuf> {
    let Some(program) = find(program, place) else { return Vec::new() };
    let mut folders = homes(&program, place.home);
    let interpreter = interpreter(&program).and_then(|interpreter| find(&interpreter, place));
    folders.extend(interpreter.iter().flat_map(|interpreter| homes(interpreter, place.home)));
    folders
}

/// A program as the system finds it: by its path, or in one of the folders of `PATH`.
fn find(program: &OsStr, place: Place<'_>) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(place.cwd.join(program));
    }
    let mut folders = std::env::split_paths(place.path?).map(|folder| place.cwd.join(folder).join(program));
    folders.find(|program| program.is_file())
}

fn homes(program: &Path, users: Option<&Path>) -> Vec<PathBuf> {
    let mut homes = home(program, users);
    homes.extend(program.canonicalize().iter().flat_map(|real| home(real, users)));
    homes
}

fn home(program: &Path, users: Option<&Path>) -> Vec<PathBuf> {
    let modules = program.ancestors().filter(|folder| folder.file_name() == Some(OsStr::new("node_modules")));
    if let Some(outermost) = modules.last() {
        return vec![outermost.to_owned()];
    }
    let Some(folder) = program.parent() else { return Vec::new() };
    if folder.parent().is_none() || users == Some(folder) {
        return vec![program.to_owned()];
    }
    let mut homes = vec![folder.to_owned()];
    if folder.file_name() == Some(OsStr::new("bin")) {
        homes.extend(BESIDE_BIN.iter().map(|name| folder.with_file_name(name)));
    }
    homes
}

/// The interpreter in the first line of a script; the program that `env` is told to find.
fn interpreter(program: &Path) -> Option<OsString> {
    let mut start = Vec::new();
    File::open(program).ok()?.take(FIRST_LINE_BYTES).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words =
        line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(OsStr::from_bytes);
    let interpreter = words.next()?;
    if Path::new(interpreter).file_name() != Some(OsStr::new("env")) {
        return Some(interpreter.to_owned());
    }
    let is_setting = |word: &&OsStr| word.as_bytes().starts_with(b"-") || word.as_bytes().contains(&b'=');
    words.find(|word| !is_setting(word)).map(OsStr::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_program_is_found() {
        let home = |program: &str| home(Path::new(program), Some(Path::new("/home/user")));
        assert_eq!(home("/a/node_modules/x/node_modules/y/cli.js"), [Path::new("/a/node_modules")]);
        assert_eq!(home("/a/share/agent/1.0"), [Path::new("/a/share/agent")]);
        let bin = ["/a/bin", "/a/lib", "/a/lib64", "/a/pyvenv.cfg"].map(PathBuf::from);
        assert_eq!(home("/a/bin/agent"), bin);
        assert_eq!(home("/agent"), [Path::new("/agent")]);
        assert_eq!(home("/home/user/agent"), [Path::new("/home/user/agent")]);
    }

    #[test]
    fn the_interpreter_of_a_script_is_found() {
        let folder = tempfile::TempDir::new().unwrap();
        let of = |text: &[u8]| {
            let script = folder.path().join("script");
            std::fs::write(&script, text).unwrap();
            interpreter(&script)
        };
        assert_eq!(of(b"#! /usr/bin/python3 -u\nx"), Some("/usr/bin/python3".into()));
        assert_eq!(of(b"#!/usr/bin/env node\nx"), Some("node".into()));
        assert_eq!(of(b"#!/usr/bin/env -S A=b node --x\n"), Some("node".into()));
        assert_eq!(of(b"#!/usr/bin/env\n"), None);
        assert_eq!(of(b"\x7fELF"), None);
        assert_eq!(of(b""), None);
    }

    #[test]
    fn a_symlink_is_followed() {
        let folder = tempfile::TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let real = root.join("agents/node_modules/agent/cli.js");
        std::fs::create_dir_all(real.parent().unwrap()).unwrap();
        std::fs::write(&real, "#!/bin/sh\n").unwrap();
        std::os::unix::fs::symlink(&real, root.join("agent")).unwrap();
        let folders = folders(OsStr::new("./agent"), Place { cwd: &root, path: None, home: None });
        assert_eq!(folders[..2], [root.clone(), root.join("agents/node_modules")]);
        assert!(folders.contains(&PathBuf::from("/bin")), "{folders:?}");
    }
}
