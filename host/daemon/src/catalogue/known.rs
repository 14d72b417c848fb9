//! What is known to be wrong with some versions of an agent.

use semver::{Prerelease, Version, VersionReq};
use serde::{Deserialize, Deserializer};

/// Something that is known to be wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Known {
    /// The versions that have it; without this all of them.
    #[serde(default, deserialize_with = "versions")]
    versions: Option<VersionReq>,
    /// The program it is about, where that is one that the agent needs.
    pub(crate) of: Option<String>,
    /// The package it is about, where not every package that has the program is meant.
    package: Option<String>,
    /// The agent does not work at all.
    #[serde(default)]
    pub(crate) broken: bool,
    /// What is wrong, in one sentence.
    pub(crate) wrong: String,
    /// What omi does about it.
    pub(crate) omi: Option<String>,
    /// What the user should do about it.
    pub(crate) hint: Option<String>,
}

impl Known {
    /// Something that was found on this machine, and with which the agent does not work.
    pub(crate) fn fault(wrong: String, hint: String) -> Self {
        let (versions, of, package, omi) = (None, None, None, None);
        Self { versions, of, package, broken: true, wrong, omi, hint: Some(hint) }
    }

    /// It is known of a program of this version, from this package. What is true of some versions only is not said of
    /// one that nobody knows.
    pub(crate) fn is_about(&self, version: Option<&str>, package: Option<&str>) -> bool {
        if self.package.as_deref().is_some_and(|wanted| package != Some(wanted)) {
            return false;
        }
        let Some(wanted) = &self.versions else { return true };
        // A preview of a version is judged as that version.
        let plain =
            version.and_then(self::version).map(|version| Version { pre: Prerelease::EMPTY, ..version });
        plain.is_some_and(|version| wanted.matches(&version))
    }

    /// As one line for a person.
    pub(crate) fn text(&self) -> String {
        let omi = self.omi.as_ref().map_or_else(String::new, |omi| format!("; omi {omi}"));
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
        format!("{}{omi}{hint}", self.wrong)
    }
}

/// The first thing in a text that reads as a version. What has fewer numbers than three gets zeros, and what has more
/// loses them: `1.2` is `1.2.0`, `2026.9.6.1` is `2026.9.6`.
pub(crate) fn version(text: &str) -> Option<Version> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    text.split(|c| !is_part(c)).find_map(word_version)
}

fn versions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<VersionReq>, D::Error> {
    let text = String::deserialize(deserializer)?;
    VersionReq::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn word_version(word: &str) -> Option<Version> {
    let word = word.strip_prefix(['v', 'V']).unwrap_or(word).trim_end_matches('.');
    if !word.starts_with(|c: char| c.is_ascii_digit()) || !word.contains('.') {
        return None;
    }
    if let Ok(version) = Version::parse(word) {
        return Some(version);
    }
    let mut numbers = Vec::new();
    for part in word.split('.') {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        numbers.extend(part.get(..digits).and_then(|digits| digits.parse::<u64>().ok()));
        if digits < part.len() {
            break;
        }
    }
    let number = |index: usize| numbers.get(index).copied().unwrap_or_default();
    (numbers.len() >= 2).then(|| Version::new(number(0), number(1), number(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_reads_as_a_version_is_one() {
        let read = |text: &str| version(text).map(|version| version.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("0.61.0\n"), some("0.61.0"));
        assert_eq!(read("copilot version v1.0.102, built 2026"), some("1.0.102"));
        assert_eq!(read("warning: 3 things\nname/1.2 (linux)"), some("1.2.0"));
        assert_eq!(read("2026.9.6.1"), some("2026.9.6"));
        assert_eq!(read("0.5.0rc1."), some("0.5.0"));
        assert_eq!(read("1.0.0-beta.2+5"), some("1.0.0-beta.2+5"));
        for none in ["", "no version", "7", "v", "a1.2", "..", "1."] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_version_is_what_it_is_known_of() {
        let known = |text: &str| toml::from_str::<Known>(&format!("wrong = 'x'\n{text}")).unwrap();
        let old = known("versions = '<0.100.0'");
        assert!(old.is_about(Some("0.49.0"), None) && old.is_about(Some("v0.49"), None));
        assert!(!old.is_about(Some("0.100.0"), None));
        assert!(!old.is_about(None, None), "nobody knows");
        assert!(old.is_about(Some("0.99.0-preview.1"), None), "as its version");
        let other = known("package = '@other/x'");
        assert!(other.is_about(None, Some("@other/x")) && !other.is_about(Some("1.0.0"), Some("x")));
        assert!(known("").is_about(None, None), "of all of them");
    }
}
