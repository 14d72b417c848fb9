//! The end of a run as its client is told it.

use omi_store::{ArtifactView, RunView};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::word;

/// Artifacts that a result lists, at most: the newest. The record has them all.
pub(crate) const ARTIFACTS_MAX: u32 = 100;

/// A run that is over, with what it made: the newest first, as the record lists it.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// The run.
    pub(crate) run: RunView,
    /// What it made.
    pub(crate) artifacts: Vec<ArtifactView>,
}

/// The end of a run, as it is recorded. What is not known is null.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunResult {
    /// `succeeded`, `failed`, `cancelled`, `timed_out` or `orphaned`.
    #[schemars(with = "word::RunStatus")]
    pub(super) terminal_status: String,
    /// The answer, whole or partial.
    pub(super) text: String,
    /// What it cost, in US dollars.
    pub(super) cost_usd: Option<f64>,
    /// Tokens read.
    pub(super) input_tokens: Option<i64>,
    /// Tokens written.
    pub(super) output_tokens: Option<i64>,
    /// Tokens read from a cache.
    pub(super) cache_read_tokens: Option<i64>,
    /// Tokens written to a cache.
    pub(super) cache_write_tokens: Option<i64>,
    /// The runtime's own name of its session. It is no `sessionId`.
    pub(super) adapter_session_id: Option<String>,
    /// What it made, in the order in which it did: at most 100, the newest.
    pub(super) artifacts: Vec<Made>,
    /// How it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failed>,
}

/// Something that a run made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    /// Its identifier.
    #[schemars(with = "word::Artifact")]
    artifact_id: String,
    /// `file`, `patch`, `report`, `memory_candidate`, …
    kind: String,
    /// Where it is.
    uri: String,
    /// A name for people.
    display_name: Option<String>,
}

/// How a run failed. Whose fault it was and what a provider said about it is in `userMessage` and nowhere else, so there
/// is no `source`, `provider` or `technicalMessage`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failed {
    /// A word, for programs.
    pub(super) code: String,
    /// A sentence, for people.
    pub(super) user_message: String,
    /// The registration whose attempt failed.
    pub(super) adapter_id: String,
    /// Another attempt may help: the last one could have been tried again.
    pub(super) retryable: bool,
}

impl RunResult {
    pub(super) fn of(ended: Ended) -> Self {
        let Ended { run, artifacts } = ended;
        let failure = Failed::of(&run);
        Self {
            terminal_status: run.status,
            text: run.final_text.unwrap_or_default(),
            cost_usd: run.cost_usd,
            input_tokens: run.input_tokens,
            output_tokens: run.output_tokens,
            cache_read_tokens: run.cache_read_tokens,
            cache_write_tokens: run.cache_write_tokens,
            adapter_session_id: run.attempts.into_iter().last().and_then(|last| last.adapter_session_id),
            artifacts: artifacts.into_iter().rev().map(Made::of).collect(),
            failure,
        }
    }
}

impl Made {
    fn of(artifact: ArtifactView) -> Self {
        Self {
            artifact_id: artifact.artifact_id,
            kind: artifact.kind,
            uri: artifact.uri,
            display_name: artifact.display_name,
        }
    }
}

impl Failed {
    fn of(run: &RunView) -> Option<Self> {
        let last = run.attempts.last();
        Some(Self {
            code: run.error_code.clone()?,
            user_message: run.error_message.clone().unwrap_or_default(),
            adapter_id: last.map_or(&run.adapter_id, |last| &last.adapter_id).clone(),
            retryable: last.is_some_and(|last| last.retryable),
        })
    }
}
