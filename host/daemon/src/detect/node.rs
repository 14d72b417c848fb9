//! The Node on this machine, and whether it is new enough for a package that says which it needs.

use std::sync::OnceLock;

use semver::{Prerelease, Version, VersionReq};

use super::said;
use crate::catalogue::{Known, version};

/// The version of the `node` on PATH. It is asked once, and only if a package says which it needs.
#[derive(Debug, Default)]
pub(super) struct Node(OnceLock<Option<String>>);

impl Node {
    fn version(&self) -> Option<&str> {
        let ask = || said::version(&which::which("node").ok()?, &["--version".to_owned()]);
        self.0.get_or_init(ask).as_deref()
    }

    /// What is wrong with the Node here for a program that needs these versions; none if nothing is, or nobody knows.
    pub(super) fn fault(&self, program: &str, needs: &str) -> Option<Known> {
        let version = self.version()?;
        let fits = fits(version, needs)?;
        let wrong = format!("`{program}` needs Node {needs}, and the `node` on PATH is {version}");
        (!fits).then(|| Known::fault(wrong, format!("install Node {needs}, and put it first on PATH")))
    }
}

/// A version is one of those that npm calls so; none if that is not understood.
fn fits(have: &str, needs: &str) -> Option<bool> {
    // A preview of a version is judged as that version.
    let have = Version { pre: Prerelease::EMPTY, ..version(have)? };
    let any: Vec<VersionReq> = needs.split("||").map(range).collect::<Option<_>>()?;
    Some(any.iter().any(|range| range.matches(&have)))
}

/// One range of npm: bounds with blanks between them, each perhaps with a blank after its sign, or two with a dash.
fn range(text: &str) -> Option<VersionReq> {
    if let Some((from, to)) = text.split_once(" - ") {
        return VersionReq::parse(&format!(">={}, <={}", from.trim(), to.trim())).ok();
    }
    let mut bounds: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = word.replacen("=v", "=", 1);
        match bounds.last_mut() {
            Some(sign) if sign.ends_with(['<', '>', '=', '~', '^']) => sign.push_str(&word),
            // A bare version is that version, or all that begin with it.
            _ if word.starts_with(|c: char| c.is_ascii_digit()) => bounds.push(format!("={word}")),
            _ => bounds.push(word),
        }
    }
    if bounds.is_empty() { Some(VersionReq::STAR) } else { VersionReq::parse(&bounds.join(", ")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_npm_writes_them() {
        for (have, needs, expected) in [
            ("20.19.0", ">=22", Some(false)),
            ("22.0.0", ">=22", Some(true)),
            ("22.18.9", ">=22.19.0", Some(false)),
            ("20.18.0", "^20.19.0 || ^22.12.0 || >=23", Some(false)),
            ("24.1.0", "^20.19.0 || ^22.12.0 || >= 23", Some(true)),
            ("23.0.0", ">=18.0.0 <23", Some(false)),
            ("20.5.0", "20.x", Some(true)),
            ("20.5.0", "20", Some(true)),
            ("21.0.0", "18 - 20", Some(false)),
            ("22.0.0-nightly1", ">=22", Some(true)),
            ("18.0.0", "*", Some(true)),
            ("18.0.0", "", Some(true)),
            ("18.0.0", "lts or so", None),
        ] {
            assert_eq!(fits(have, needs), expected, "{have} {needs}");
        }
    }
}
