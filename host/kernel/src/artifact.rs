//! What is kept about the things that runs make.

use serde::{Deserialize, Serialize};

use crate::id::{ArtifactId, AttemptId, RunId, SessionId};

/// The kind of an artifact that may become a memory. The memory pipeline decides; an agent never does (seed §18.2).
pub const MEMORY_CANDIDATE: &str = "memory_candidate";

/// What an artifact is to its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactRole {
    /// It was given to the run.
    Input,
    /// It is what was asked for.
    Result,
    /// Another attempt can begin from it.
    Checkpoint,
    /// A tool made it on the way.
    ToolOutput,
    /// It tells what happened.
    Log,
    /// Something else.
    Other,
}

impl ArtifactRole {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Input, Self::Result, Self::Checkpoint, Self::ToolOutput, Self::Log, Self::Other];

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Result => "result",
            Self::Checkpoint => "checkpoint",
            Self::ToolOutput => "tool_output",
            Self::Log => "log",
            Self::Other => "other",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// What a person did with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactState {
    /// Nothing yet.
    Retained,
    /// Looked at it.
    Opened,
    /// Put it away.
    Dismissed,
}

impl ArtifactState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Retained, Self::Opened, Self::Dismissed];

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retained => "retained",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A recorded artifact, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Its identifier.
    pub id: ArtifactId,
    /// Its session.
    pub session: SessionId,
    /// The run that made it.
    pub run: Option<RunId>,
    /// The attempt that made it.
    pub attempt: Option<AttemptId>,
    /// What it is to its run.
    pub role: ArtifactRole,
    /// What a person did with it.
    pub state: ArtifactState,
}

/// An artifact as the result of a delegation lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactSummary {
    /// Its identifier.
    pub artifact_id: ArtifactId,
    /// `file`, `patch`, `report`, …
    pub kind: String,
    /// What it is to its run.
    pub role: ArtifactRole,
    /// Where it is.
    pub uri: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// The SHA-256 of its bytes, where omi-agentd has seen them: such an effect is verified.
    pub content_hash: Option<String>,
}
