//! What a Debian archive says of itself: the `Release` file's digests and the `Packages` index.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apt_sources::Source;
use crate::{debian_version, download, stanza, step};

/// Unpacking an index and checking a signature take seconds; a minute means that the machine is stuck.
const LOCAL_LIMIT: Duration = Duration::from_mins(1);

/// One package of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    name: String,
    /// Debian's version of it.
    pub(crate) version: String,
    /// Its place below the archive's address.
    pub(crate) filename: String,
    /// The digest in hexadecimal digits.
    pub(crate) sha256: String,
}

/// Fetches the suite's `main` index, proves it by the archive's signature, and gives the packages of these names.
pub(crate) fn fetch(source: &Source, suite: &str, names: &[&str], work: &Path) -> Result<Vec<Package>> {
    let base = format!("{}/dists/{suite}", source.uri);
    let release = signed_release(&base, source, work)?;
    let architecture = step::output(Command::new("dpkg").arg("--print-architecture"), LOCAL_LIMIT)?;
    let mut failures = Vec::new();
    for folder in [architecture.trim(), "all"] {
        for (extension, unpacker) in [("xz", "xz"), ("gz", "gzip")] {
            let path = format!("main/binary-{folder}/Packages.{extension}");
            let Some(sha256) = digest(&release, &path) else { continue };
            match unpacked(&format!("{base}/{path}"), sha256, unpacker, &work.join(path.replace('/', "_"))) {
                Ok(text) => return Ok(packages(&text, names)),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
    }
    bail!("no usable index of {suite}: {}", failures.join("; "))
}

/// The packages of this name whose version passes, the newest first.
pub(crate) fn newest_first<'a>(
    packages: &'a [Package],
    name: &str,
    accepts: impl Fn(&str) -> bool,
) -> Vec<&'a Package> {
    let mut found: Vec<&Package> =
        packages.iter().filter(|package| package.name == name && accepts(&package.version)).collect();
    found.sort_by(|left, right| debian_version::compare(&right.version, &left.version));
    found
}

fn signed_release(base: &str, source: &Source, work: &Path) -> Result<String> {
    let file = work.join("InRelease");
    download::fetch(&format!("{base}/InRelease"), &file)?;
    let mut verifier = Command::new("gpgv");
    for keyring in &source.keyrings {
        verifier.arg("--keyring").arg(keyring);
    }
    step::output(verifier.args(["--output", "-"]).arg(&file), LOCAL_LIMIT)
        .with_context(|| format!("the signature of {base}/InRelease cannot be verified"))
}

/// The digest that a release file names for one of its files.
fn digest<'a>(release: &'a str, path: &str) -> Option<&'a str> {
    let lines = release.lines().skip_while(|line| line.trim_end() != "SHA256:").skip(1);
    lines.take_while(|line| line.starts_with(' ')).find_map(|line| {
        let mut words = line.split_whitespace();
        let sha256 = words.next()?;
        (words.nth(1)? == path).then_some(sha256)
    })
}

fn unpacked(url: &str, sha256: &str, unpacker: &str, file: &Path) -> Result<String> {
    download::fetch_verified(url, sha256, file)?;
    step::output(Command::new(unpacker).arg("-dc").arg(file), LOCAL_LIMIT)
}

fn packages(text: &str, names: &[&str]) -> Vec<Package> {
    let package = |stanza: &stanza::Stanza| {
        let field = |name| stanza.get(name).map(str::to_owned);
        Some(Package {
            name: field("Package").filter(|name| names.contains(&name.as_str()))?,
            version: field("Version")?,
            filename: field("Filename")?,
            sha256: field("SHA256")?,
        })
    };
    stanza::parse(text).iter().filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Package: rust-src
Source: rustc
Version: 1.95.0+dfsg1-1~bpo13+1
Description: source code
 of several lines
Filename: pool/main/r/rustc/rust-src_1.95.0+dfsg1-1~bpo13+1_all.deb
SHA256: aa

Package: rust-src
Version: 1.95.0+dfsg1-2~bpo13+1
Filename: pool/main/r/rustc/rust-src_1.95.0+dfsg1-2~bpo13+1_all.deb
SHA256: bb

Package: rust-src
Version: 1.96.1+dfsg1-2~bpo13+1
Filename: pool/main/r/rustc/rust-src_1.96.1+dfsg1-2~bpo13+1_all.deb
SHA256: cc

Package: rust-src-extra
Version: 1.95.0+dfsg1-9
Filename: pool/x.deb
SHA256: dd

Package: rust-src
Version: 1.95.0+dfsg1-3
";

    #[test]
    fn the_newest_package_of_the_compilers_version_is_chosen() {
        let all = packages(INDEX, &["rust-src", "wasi-libc"]);
        assert_eq!(all.len(), 3, "without a file or another name it is no candidate: {all:?}");
        let found = newest_first(&all, "rust-src", |version| debian_version::upstream(version) == "1.95.0");
        let digests: Vec<&str> = found.iter().map(|package| package.sha256.as_str()).collect();
        assert_eq!(digests, ["bb", "aa"]);
        assert_eq!(found[0].filename, "pool/main/r/rustc/rust-src_1.95.0+dfsg1-2~bpo13+1_all.deb");
    }

    #[test]
    fn no_package_of_another_version_is_taken() {
        let all = packages(INDEX, &["rust-src"]);
        assert!(
            newest_first(&all, "rust-src", |version| debian_version::upstream(version) == "1.95").is_empty()
        );
    }

    #[test]
    fn a_digest_is_taken_from_the_right_section_and_the_exact_path() {
        let release = "Suite: x\nMD5Sum:\n 11 5 main/binary-all/Packages.xz\nSHA256:\n \
                       22 5 contrib/main/binary-all/Packages.xz\n 33 5 main/binary-all/Packages.xz\nOther: y\n \
                       44 5 main/binary-amd64/Packages.xz\n";
        assert_eq!(digest(release, "main/binary-all/Packages.xz"), Some("33"));
        assert_eq!(digest(release, "main/binary-amd64/Packages.xz"), None);
        assert_eq!(digest("Suite: x\n", "main/binary-all/Packages.xz"), None);
    }
}
