//! Where a session stands, and what a client may change about it.
//!
//! ```text
//!  open ◀──▶ archived
//!    └────────┴──▶ closed     (for good)
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// Characters of a title, at most (SPEC §12).
pub const TITLE_CHARS_MAX: usize = 80;
/// Bytes of a session's metadata, at most: it is for marks, not for content.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It takes new runs.
    Open,
    /// Put away: a new prompt opens it again.
    Archived,
    /// Over for good: it takes no new runs, and its native sessions are let go.
    Closed,
}

impl SessionStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Archived, Self::Closed];

    /// Whether a session may go from here to there. Where it is already, it may stay.
    pub fn may_become(self, to: Self) -> bool {
        match self {
            Self::Open | Self::Archived => true,
            Self::Closed => to == Self::Closed,
        }
    }

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Archived => "archived",
            Self::Closed => "closed",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client wants changed about a session. What is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionChange {
    /// Its title; at most [`TITLE_CHARS_MAX`] characters.
    pub title: Option<String>,
    /// Where it is to stand.
    pub status: Option<SessionStatus>,
    /// What its clients keep with it: a JSON object of at most [`METADATA_BYTES_MAX`] bytes.
    pub metadata: Option<serde_json::Value>,
}
