//! `list_agent_sessions`: the sessions of the owner, each with its newest run.

use omi_kernel::id::{SessionId, Timestamp};
use omi_kernel::session::SessionStatus;
use omi_kernel::status::Status;
use omi_store::{RunFilter, RunView, SessionFilter, SessionView};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlContext, Tool, ToolError, limit, view};

pub(super) const TOOL: Tool = Tool {
    name: "list_agent_sessions",
    description: "List agent sessions, newest activity first: each with its latest run, the run that executes now \
        (if one does) and the runtime sessions behind it.",
    reads_only: true,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?) }),
};

/// Sessions that are listed where the call does not say (SPEC §12).
const LIMIT: u32 = 50;
/// Sessions that are listed at most (SPEC §12).
const LIMIT_MAX: u32 = 200;
/// Unfinished runs of a session that are looked through for the one that executes.
const ACTIVE_MAX: u32 = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
    /// Only sessions that stand here.
    #[schemars(with = "Option<String>", extend("enum" = ["open", "archived", "closed"]))]
    status: Option<SessionStatus>,
    /// Only sessions that were made from this kind of surface.
    surface_kind: Option<String>,
    /// How many (default 50).
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// Only sessions that last changed before this time, in milliseconds since 1970.
    before_updated_at_ms: Option<i64>,
    /// `nextCursor` of the page before: go on after it.
    cursor: Option<String>,
}

fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let limit = limit(input.limit, LIMIT, LIMIT_MAX)?;
    let filter = SessionFilter {
        owner: Some(context.owner()),
        status: input.status,
        surface: input.surface_kind,
        updated_before: input.before_updated_at_ms.map(Timestamp),
        after: input.cursor.as_deref().map(cursor).transpose()?,
        limit,
    };
    let sessions = context.ask(|reader| reader.sessions(&filter))?;
    let next = sessions.last().filter(|_| u32::try_from(sessions.len()) == Ok(limit));
    let next = next.map(|last| format!("{}:{}", last.last_activity_at_ms.0, last.session_id));
    let shown = sessions.iter().map(|session| shown(context, session));
    let shown = shown.collect::<Result<Vec<Value>, ToolError>>()?;
    Ok(json!({ "sessions": shown, "nextCursor": next }))
}

/// Where a page ended: its last session, in the order of the list.
fn cursor(text: &str) -> Result<(Timestamp, SessionId), ToolError> {
    let wrong = || ToolError::invalid("`cursor` is not the `nextCursor` of a page before");
    let (at, session) = text.split_once(':').ok_or_else(wrong)?;
    let at = at.parse().map_err(|_| wrong())?;
    Ok((Timestamp(at), SessionId::parse(session).map_err(|_| wrong())?))
}

fn shown(context: &ControlContext, session: &SessionView) -> Result<Value, ToolError> {
    let owner = context.owner();
    // The record has no session whose id it cannot read.
    let id = SessionId::parse(&session.session_id)
        .map_err(|error| ToolError::new(super::error::FAILED, error.to_string()))?;
    let of = |active, limit| RunFilter {
        owner: Some(owner.clone()),
        session: Some(id.clone()),
        active,
        limit,
        ..RunFilter::default()
    };
    let latest = context.ask(|reader| reader.runs(&of(false, 1)))?;
    let is_over =
        latest.first().is_none_or(|run| Status::parse(&run.status).is_some_and(Status::is_terminal));
    // A run that is over may have been queued behind one that executes.
    let active = if is_over && session.run_count < 2 {
        vec![]
    } else {
        context.ask(|reader| reader.runs(&of(true, ACTIVE_MAX)))?
    };
    let executes = |run: &&RunView| Status::parse(&run.status) != Some(Status::Queued);
    let bindings = context.ask(|reader| reader.bindings(Some(&owner), &id))?;
    Ok(json!({
        "session": view::session(session),
        "latestRun": latest.first().map(view::brief),
        "activeRun": active.iter().find(executes).map(view::brief),
        "adapterBindings": view::bindings(&bindings),
    }))
}
