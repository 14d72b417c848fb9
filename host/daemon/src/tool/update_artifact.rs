//! `update_agent_artifact_lifecycle`: says what was done with an artifact.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::event::Event;
use omi_kernel::id::{ArtifactId, AttemptId, Cursor, RunId, SessionId};
use omi_store::{ArtifactFilter, ArtifactView, EventFilter, Reader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::unexpected;
use super::{ControlContext, Tool, ToolError, view};
use crate::client::Answered;

pub(super) const TOOL: Tool = Tool {
    name: "update_agent_artifact_lifecycle",
    description: "Record what was done with an artifact: retained, opened or dismissed. Its file stays as it is.",
    reads_only: false,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?).await }),
};

/// Events that are looked through for the one of the change.
const EVENTS_MAX: u32 = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The artifact.
    #[schemars(with = "String")]
    artifact_id: ArtifactId,
    /// What was done with it.
    #[schemars(with = "String", extend("enum" = ["retained", "opened", "dismissed"]))]
    state: ArtifactState,
    /// A guard: refused if the artifact is not of this session.
    #[serde(alias = "omiSessionId")]
    #[schemars(with = "Option<String>")]
    session_id: Option<SessionId>,
    /// A guard: refused if the artifact is not of this run.
    #[schemars(with = "Option<String>")]
    run_id: Option<RunId>,
    /// A guard: refused if the artifact is not of this attempt.
    #[schemars(with = "Option<String>")]
    attempt_id: Option<AttemptId>,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
}

async fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let (before, latest) = (one(context, &input)?, context.ask(Reader::latest_cursor)?);
    let id = input.artifact_id.clone();
    match context.surface.client.update_artifact(context.owner(), id, input.state).await? {
        Answered::Done => {}
        other => return Err(unexpected(&other)),
    }
    let after = one(context, &input)?;
    let changed = before.lifecycle_state != after.lifecycle_state;
    let event = if changed { told(context, &after, latest)? } else { None };
    let event = event.map(|event| view::events(&[event]).0[0].take());
    Ok(json!({ "artifact": view::artifact(&after), "changed": changed, "event": event }))
}

/// The artifact, if it is where the call says.
fn one(context: &ControlContext, input: &Input) -> Result<ArtifactView, ToolError> {
    let filter = ArtifactFilter {
        owner: Some(context.owner()),
        artifact: Some(input.artifact_id.clone()),
        session: input.session_id.clone(),
        run: input.run_id.clone(),
        attempt: input.attempt_id.clone(),
        role: None,
        limit: 1,
        ..ArtifactFilter::default()
    };
    let found = context.ask(|reader| reader.artifacts(&filter))?.pop();
    found.ok_or_else(|| ToolError::not_found("artifact", input.artifact_id.as_str()))
}

/// The event of the change.
fn told(
    context: &ControlContext,
    artifact: &ArtifactView,
    after: Cursor,
) -> Result<Option<Event>, ToolError> {
    let filter = EventFilter {
        owner: Some(context.owner()),
        session: SessionId::parse(&artifact.session_id).ok(),
        after,
        limit: EVENTS_MAX,
        ..EventFilter::default()
    };
    let events = context.ask(|reader| reader.events(&filter))?;
    let is_it = |event: &Event| {
        event.payload["artifactId"] == artifact.artifact_id.as_str()
            && event.payload["lifecycleState"] == artifact.lifecycle_state.as_str()
    };
    Ok(events.into_iter().find(is_it))
}
