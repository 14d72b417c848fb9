//! `inspect_agent_artifacts`: what a session, a run or an attempt made.

use omi_kernel::artifact::ArtifactRole;
use omi_kernel::id::{ArtifactId, AttemptId, RunId, SessionId};
use omi_store::{ArtifactFilter, ArtifactView};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlContext, Tool, ToolError, limit, view};

pub(super) const TOOL: Tool = Tool {
    name: "inspect_agent_artifacts",
    description: "List the artifacts (files, patches, reports, long tool outputs) that a session, a run or an attempt \
        made, the newest first; or show one, and read its file piece by piece. Name exactly one of sessionId, runId, attemptId, artifactId.",
    reads_only: true,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?) }),
};

/// Artifacts that are listed where the call does not say (SPEC §12).
const LIMIT: u32 = 50;
/// Bytes of a file that are read at once (SPEC §6).
const CONTENT_BYTES_MAX: u64 = 8 * 1024;
/// Artifacts that are listed at most (SPEC §12).
const LIMIT_MAX: u32 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// Those of this session.
    #[serde(alias = "omiSessionId")]
    #[schemars(with = "Option<String>")]
    session_id: Option<SessionId>,
    /// Those of this run.
    #[schemars(with = "Option<String>")]
    run_id: Option<RunId>,
    /// Those of this attempt.
    #[schemars(with = "Option<String>")]
    attempt_id: Option<AttemptId>,
    /// This one.
    #[schemars(with = "Option<String>")]
    artifact_id: Option<ArtifactId>,
    /// Only those of this role.
    #[schemars(with = "Option<String>",
        extend("enum" = ["input", "result", "checkpoint", "tool_output", "log", "other"]))]
    role: Option<ArtifactRole>,
    /// With artifactId: the text of its file from this byte on, as much as fits; `nextByte` says where to go on.
    from_byte: Option<u64>,
    /// How many (default 50).
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
}

fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let limit = limit(input.limit, LIMIT, LIMIT_MAX)?;
    let named = [
        input.session_id.is_some(),
        input.run_id.is_some(),
        input.attempt_id.is_some(),
        input.artifact_id.is_some(),
    ];
    if named.into_iter().filter(|named| *named).count() != 1 {
        let why = "exactly one of `sessionId`, `runId`, `attemptId` and `artifactId` is needed";
        return Err(ToolError::invalid(why));
    }
    // What is not there is told from what made nothing.
    if let Some(session) = &input.session_id {
        context.session(session)?;
    }
    if let Some(run) = &input.run_id {
        context.run(run)?;
    }
    let one = input.artifact_id.clone();
    if input.from_byte.is_some() && one.is_none() {
        return Err(ToolError::invalid("`fromByte` goes with an `artifactId`"));
    }
    let filter = ArtifactFilter {
        owner: Some(context.owner()),
        artifact: input.artifact_id,
        session: input.session_id,
        run: input.run_id,
        attempt: input.attempt_id,
        role: input.role,
        limit,
        ..ArtifactFilter::default()
    };
    let artifacts = context.ask(|reader| reader.artifacts(&filter))?;
    let mut shown = json!({ "artifacts": view::artifacts(&artifacts) });
    if let Some(id) = one {
        let artifact = artifacts.first().ok_or_else(|| ToolError::not_found("artifact", id.as_str()))?;
        if let Some(from) = input.from_byte {
            shown["content"] = content(context, artifact, from)?;
        }
    }
    Ok(shown)
}

/// A piece of an artifact's file, as text.
fn content(context: &ControlContext, artifact: &ArtifactView, from: u64) -> Result<Value, ToolError> {
    let hash = artifact.content_hash.as_deref().unwrap_or_default();
    let read = context.surface.artifacts.read(&artifact.uri, hash, from, CONTENT_BYTES_MAX);
    let read = read.map_err(|error| ToolError::new(super::error::FAILED, error.to_string()))?;
    let (mut piece, bytes) = read.ok_or_else(|| {
        let why = format!(
            "`{}` is not kept by omi-agentd; hint: read it where its `uri` says",
            artifact.artifact_id
        );
        ToolError::new("not_kept", why)
    })?;
    // Half a character at the end belongs to the next piece.
    if let Err(error) = std::str::from_utf8(&piece)
        && error.error_len().is_none()
        && error.valid_up_to() > 0
    {
        piece.truncate(error.valid_up_to());
    }
    let read = u64::try_from(piece.len()).unwrap_or(u64::MAX);
    let next = Some(from.saturating_add(read)).filter(|next| *next < bytes);
    let text = String::from_utf8_lossy(&piece);
    Ok(json!({ "text": text, "fromByte": from, "nextByte": next, "sizeBytes": bytes }))
}
