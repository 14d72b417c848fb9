//! Which pi this is, and what it can therefore be trusted with.
//!
//! | since | what |
//! | --- | --- |
//! | 0.76.0 | `--session-id` takes up a session or makes one with that id |
//! | 0.79.0 | what a project brings along runs only if the project is trusted; `--no-approve` |
//! | 0.80.4 | `agent_settled` says that nothing follows any more |
//! | 0.84.4 | `clear_queue` |
//! | 0.99.0 | the session is on disk from its first message on; a prompt's answer says whether a run was started |
//!
//! A version that nobody could read is the oldest: it is trusted with nothing.

use std::fmt;

/// A version: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32, u32);

/// What a pi can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// `--session-id`, and sessions that outlive a crash in their first turn.
    pub(crate) durable: bool,
    /// `agent_settled` ends a run.
    pub(crate) settles: bool,
    /// `clear_queue`.
    pub(crate) clears_queue: bool,
    /// The arguments with which nothing runs that the folder of a session brings along.
    pub(crate) without_project: &'static [&'static str],
}

/// Since a pi knows which projects are trusted.
const TRUSTING: &[&str] = &["--no-approve"];

/// Before that it runs extensions of the project as they are, and while it starts its `npmCommand` for packages that are
/// missing: offline it gets none. Extensions of the person are left out with them; `-e` still works.
const TRUSTLESS: &[&str] = &["--no-extensions", "--offline"];

impl Version {
    /// The first word of a text that is a version, with or without a `v`.
    pub(crate) fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let word = word.strip_prefix('v').unwrap_or(word);
            // `1.6.0-beta.1` counts as what it will become.
            let end = word.find(['-', '+']).unwrap_or(word.len());
            let mut numbers = word[..end].split('.').map(str::parse);
            match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
                (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some(Self(major, minor, patch)),
                _ => None,
            }
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Features {
    /// Those of a version.
    pub(crate) fn of(version: Option<Version>) -> Self {
        let since = |first| version.is_some_and(|version| version >= first);
        Self {
            durable: since(Version(0, 99, 0)),
            settles: since(Version(0, 80, 4)),
            clears_queue: since(Version(0, 84, 4)),
            without_project: if since(Version(0, 79, 0)) { TRUSTING } else { TRUSTLESS },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_where_one_is() {
        let found = |text| Version::find(text).map(|version| version.to_string());
        assert_eq!(found("0.74.2\n").as_deref(), Some("0.74.2"));
        assert_eq!(found("(node) a warning\npi v1.6.0-beta.1").as_deref(), Some("1.6.0"));
        for text in ["", "pi", "1.5", "1.2.3.4", "127.0.0.x", "Error: 99999999999.0.0"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_is_trusted_with_what_it_has_and_an_unknown_one_with_nothing() {
        let of = |text| {
            let Features { durable, settles, clears_queue, .. } = Features::of(Version::find(text));
            [durable, settles, clears_queue]
        };
        assert_eq!(of("0.74.2"), [false, false, false]);
        assert_eq!(of("0.80.4"), [false, true, false]);
        assert_eq!(of("0.87.1"), [false, true, true]);
        assert_eq!(of("0.98.9"), [false, true, true], "the session of a first turn could be lost");
        assert_eq!(of("0.99.0"), [true, true, true]);
        assert_eq!(of("1.5.2"), [true, true, true]);
        assert_eq!(of("no idea"), [false, false, false]);
    }

    #[test]
    fn what_a_project_brings_along_is_left_out_in_the_way_of_the_version() {
        let of = |text| Features::of(Version::find(text)).without_project;
        for version in ["0.74.2", "0.78.9", "no idea"] {
            assert_eq!(of(version), ["--no-extensions", "--offline"], "{version}");
        }
        for version in ["0.79.0", "1.5.2"] {
            assert_eq!(of(version), ["--no-approve"], "{version}");
        }
    }
}
