//! `get_agent_run`: one run, with all that belongs to it.

use omi_kernel::event::Visibility;
use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_store::{ArtifactFilter, EventFilter};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlContext, Tool, ToolError, view};

pub(super) const TOOL: Tool = Tool {
    name: "get_agent_run",
    description: "Show one agent run: where it stands, its answer, its attempts, artifacts, recent events, the \
        delegation it works for and those it made.",
    reads_only: true,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, &super::read(input)?) }),
};

/// Events that are shown where the call does not say (SPEC §12).
const EVENTS: u32 = 100;
/// Events that are shown at most (SPEC §12).
const EVENTS_MAX: u32 = 500;
/// Artifacts that are shown (SPEC §6).
const ARTIFACTS_MAX: u32 = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The run.
    #[schemars(with = "String")]
    run_id: RunId,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
    /// Whether events are shown (default true).
    include_events: Option<bool>,
    /// How many events (default 100).
    #[schemars(range(min = 1, max = 500))]
    event_limit: Option<u32>,
    /// The events after this cursor, the first ones first; without it the newest.
    #[schemars(range(min = 0))]
    after_cursor: Option<i64>,
}

fn call(context: &ControlContext, input: &Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let limit = match input.event_limit {
        None => EVENTS,
        Some(limit) if (1..=EVENTS_MAX).contains(&limit) => limit,
        Some(limit) => {
            let why = format!("`eventLimit` must be 1 to {EVENTS_MAX}, not {limit}");
            return Err(ToolError::invalid(why));
        }
    };
    let run = context.run(&input.run_id)?;
    // The record has no run whose session it cannot read.
    let session = SessionId::parse(&run.session_id)
        .map_err(|error| ToolError::new(super::error::FAILED, error.to_string()))?;
    let owner = context.owner();
    let of_run = ArtifactFilter {
        owner: Some(owner.clone()),
        run: Some(input.run_id.clone()),
        limit: ARTIFACTS_MAX,
        ..ArtifactFilter::default()
    };
    let events = match (input.include_events, input.after_cursor) {
        (Some(false), _) => vec![],
        (Some(true) | None, Some(before @ ..0)) => {
            return Err(ToolError::invalid(format!("`afterCursor`: {before} is less than 0")));
        }
        (Some(true) | None, Some(after)) => {
            let filter = EventFilter {
                owner: Some(owner.clone()),
                run: Some(input.run_id.clone()),
                visibility: Some(Visibility::Ui),
                after: Cursor(after),
                limit,
                ..EventFilter::default()
            };
            context.ask(|reader| reader.events(&filter))?
        }
        (Some(true) | None, None) => context
            .ask(|reader| reader.newest_events(Some(&owner), &input.run_id, Some(Visibility::Ui), limit))?,
    };
    let (events, is_cut) = view::events(&events);
    let (parents, children): (Vec<_>, Vec<_>) = context
        .ask(|reader| reader.delegations(Some(&owner), &input.run_id))?
        .into_iter()
        .partition(|delegation| delegation.child_run_id == run.run_id);
    let bindings = context.ask(|reader| reader.bindings(Some(&owner), &session))?;
    let artifacts = context.ask(|reader| reader.artifacts(&of_run))?;
    let mut shown = json!({
        "session": view::session(&context.session(&session)?),
        "run": view::run(&run),
        "attempts": view::attempts(&run),
        "adapterBindings": view::bindings(&bindings),
        "artifacts": view::artifacts(&artifacts),
        "events": events,
        "parentDelegations": parents.iter().map(view::delegation).collect::<Vec<_>>(),
        "childDelegations": children.iter().map(view::delegation).collect::<Vec<_>>(),
    });
    if is_cut {
        shown["eventsCut"] = json!(true);
    }
    Ok(shown)
}
