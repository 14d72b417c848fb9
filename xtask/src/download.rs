//! Fetching one file over HTTP with what the machine has: `curl`, or apt's own downloader.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::step;

/// The largest file is 45 MB: ten minutes are enough on a line of 100 kB/s.
const LIMIT: Duration = Duration::from_mins(10);

/// A mirror that does not answer within this many seconds is taken as unreachable.
const CONNECT_SECONDS: &str = "20";

const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Fetches a file; what is there already is replaced.
pub(crate) fn fetch(url: &str, file: &Path) -> Result<()> {
    let mut failures = Vec::new();
    for mut command in downloaders(url, file)? {
        match step::output(&mut command, LIMIT) {
            Ok(_) => return Ok(()),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("cannot fetch {url}: {}", failures.join("; "))
}

/// Fetches a file unless it is there with this digest; a wrong digest is an error and leaves no file.
pub(crate) fn fetch_verified(url: &str, sha256: &str, file: &Path) -> Result<()> {
    if file.is_file() && digest(file)? == sha256 {
        return Ok(());
    }
    let partial = PathBuf::from(format!("{}.partial", file.display()));
    fetch(url, &partial)?;
    let found = digest(&partial)?;
    if found != sha256 {
        fs::remove_file(&partial)?;
        bail!("{url} has the SHA-256 {found}, its index says {sha256}");
    }
    fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

fn downloaders(url: &str, file: &Path) -> Result<Vec<Command>> {
    let mut all = Vec::new();
    if step::is_on_path("curl") {
        let mut curl = Command::new("curl");
        curl.args(["-fsSL", "--retry", "2", "--connect-timeout", CONNECT_SECONDS, "-o"])
            .arg(file)
            .args(["--", url]);
        all.push(curl);
    }
    if Path::new(APT_HELPER).is_file() {
        // apt's unprivileged download user cannot write into this user's cache.
        let mut apt = Command::new(APT_HELPER);
        apt.args(["-o", "APT::Sandbox::User=", "download-file", url]).arg(file);
        all.push(apt);
    }
    if all.is_empty() {
        bail!("cannot fetch {url}: neither `curl` nor `{APT_HELPER}` is there");
    }
    Ok(all)
}

fn digest(file: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut reader = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    io::copy(&mut reader, &mut hash).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("{:x}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", from the standard's own example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_with_the_right_digest_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc");
        fs::write(&file, "abc").unwrap();
        fetch_verified("http://127.0.0.1:1/unreachable", ABC, &file).unwrap();
    }

    #[test]
    fn a_wrong_digest_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (origin, file) = (folder.path().join("origin"), folder.path().join("copy"));
        fs::write(&origin, "not abc").unwrap();
        let error = fetch_verified(&format!("file://{}", origin.display()), ABC, &file).unwrap_err();
        assert!(error.to_string().contains("its index says"), "{error:#}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_address_that_does_not_answer_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch("file:///absent/file", &folder.path().join("copy")).unwrap_err();
        assert!(error.to_string().contains("file:///absent/file"), "{error:#}");
    }
}
