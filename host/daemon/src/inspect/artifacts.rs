//! `artifacts`: what runs made, and whether the files are still there and still what they were.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use omi_kernel::id::{RunId, SessionId};
use omi_store::{ArtifactFilter, ArtifactView, Reader};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Of, list, reader};
use crate::cli::ListArtifacts;
use crate::prompt::{hex, owner};
use crate::state::StateDir;
use crate::terminal::plain;

/// Whether the file of an artifact is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Present {
    /// It is there, and its content is what was recorded, as far as that is known.
    Yes,
    /// It is not there, or cannot be read.
    Missing,
    /// Its content is not what was recorded.
    Changed,
    /// It is no file of this machine, or in a folder that was not recorded.
    Elsewhere,
}

/// An artifact as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    artifact: ArtifactView,
    present: Present,
}

pub(crate) fn artifacts(args: &ListArtifacts, state: &StateDir) -> anyhow::Result<ExitCode> {
    let reader = reader(state)?;
    let (session, run) = Of::find(args.of.as_deref(), reader.as_ref())?;
    let filter = ArtifactFilter {
        owner: Some(owner()),
        session,
        run,
        limit: args.list.limit,
        ..ArtifactFilter::default()
    };
    let mut listed = Vec::new();
    if let Some(reader) = reader {
        for artifact in reader.artifacts(&filter)? {
            let present = match place(&artifact, &reader)? {
                Some(path) => present(&path, artifact.content_hash.as_deref()),
                None => Present::Elsewhere,
            };
            listed.push(Listed { artifact, present });
        }
    }
    let nothing = format!("no artifacts in `{}`", state.path().display());
    Ok(list(&listed, args.list.json, &nothing, |Listed { artifact, present }| {
        let present = match present {
            Present::Yes => "",
            Present::Missing => "  (the file is missing)",
            Present::Changed => "  (the file has changed)",
            Present::Elsewhere => "  (not a file that can be found from here)",
        };
        let name = plain(artifact.display_name.as_deref().unwrap_or(&artifact.uri));
        format!(
            "{}  {:12}  {:11}  {name}{present}",
            artifact.artifact_id,
            plain(&artifact.kind),
            artifact.role
        )
    }))
}

/// Where the file of an artifact is: a `file:` URI, or a path in the folder of its run; none if it is no file.
fn place(artifact: &ArtifactView, reader: &Reader) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = artifact.uri.strip_prefix("file://") {
        return Ok(decoded(path).filter(|path| path.is_absolute()));
    }
    let path = Path::new(&artifact.uri);
    if path.is_absolute() {
        return Ok(Some(path.to_owned()));
    }
    let has_scheme = artifact.uri.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme));
    if has_scheme {
        return Ok(None);
    }
    Ok(folder(artifact, reader)?.map(|folder| folder.join(path)))
}

/// The folder that the run of an artifact worked in, as far as it was named.
fn folder(artifact: &ArtifactView, reader: &Reader) -> anyhow::Result<Option<PathBuf>> {
    let owner = owner();
    let run = match &artifact.run_id {
        Some(run) => reader.run(Some(&owner), &RunId::parse(run)?)?,
        None => None,
    };
    if let Some(cwd) = run.and_then(|run| run.cwd) {
        return Ok(Some(cwd.into()));
    }
    let session = reader.session(Some(&owner), &SessionId::parse(&artifact.session_id)?)?;
    Ok(session.and_then(|session| session.default_cwd).map(PathBuf::from))
}

fn is_scheme(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|rest| rest.is_ascii_alphanumeric() || "+-.".contains(rest))
}

/// The path of a URI, with its escapes undone; none if they cannot be.
fn decoded(path: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    #[cfg(unix)]
    let text = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes);
    #[cfg(not(unix))]
    let text = String::from_utf8(bytes).ok()?;
    Some(PathBuf::from(text))
}

fn present(path: &Path, hash: Option<&str>) -> Present {
    // What is no file is not opened: a pipe would never end.
    match path.metadata() {
        Ok(about) if about.is_file() => {}
        // A folder has no content that could have changed.
        Ok(about) if about.is_dir() && hash.is_none() => return Present::Yes,
        Ok(_) | Err(_) => return Present::Missing,
    }
    let Some(hash) = hash else { return Present::Yes };
    let Ok(mut file) = File::open(path) else { return Present::Missing };
    let mut digest = Sha256::new();
    match std::io::copy(&mut file, &mut digest) {
        Ok(_) if hex(&digest.finalize()).eq_ignore_ascii_case(hash) => Present::Yes,
        Ok(_) => Present::Changed,
        Err(_) => Present::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of `hello`.
    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_file_is_there_or_missing_or_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.txt");
        assert_eq!(present(&path, Some(HELLO)), Present::Missing);
        std::fs::write(&path, "hello").unwrap();
        assert_eq!(present(&path, Some(HELLO)), Present::Yes);
        assert_eq!(present(&path, None), Present::Yes);
        std::fs::write(&path, "hullo").unwrap();
        assert_eq!(present(&path, Some(HELLO)), Present::Changed);
        assert_eq!(present(folder.path(), Some(HELLO)), Present::Missing, "a folder is no file");
    }

    #[test]
    fn escapes_of_a_uri_are_undone() {
        assert_eq!(decoded("/a%20b/%C3%A9"), Some(PathBuf::from("/a b/é")));
        assert_eq!(decoded("/a%2"), None);
        assert_eq!(decoded("/a%zz"), None);
    }

    #[test]
    fn a_scheme_is_none_of_a_path() {
        assert!(is_scheme("https") && is_scheme("git+ssh"));
        assert!(!is_scheme("") && !is_scheme("1a") && !is_scheme("a/b"));
    }
}
