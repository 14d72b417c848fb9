//! `/v1/runs`: accepted prompts, what became of them, and what was recorded about them; cancelled and tried again.

use axum::extract::Extension;
use axum::response::{Json, Response};
use omi_kernel::id::{AdapterId, ArtifactId, Cursor, RunId, SessionId};
use omi_kernel::request::Retry;
use omi_kernel::status::Status;
use omi_store::{AttemptView, EventFilter, RunFilter, RunView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::message::{Accepted, runs};
use super::page::{Limit, Page};
use super::problem::Problem;
use super::word;
use crate::caller;
use crate::client::Answered;
use crate::prompt::fail_over;
use crate::surface::Surface;

/// Which runs are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Of this session.
    session: Option<String>,
    /// That stand here.
    #[param(schema_with = word::status)]
    status: Option<Status>,
    /// At most so many. A page may have fewer where they are long.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists runs with their attempts, the newest first.
#[utoipa::path(get, path = "/v1/runs", operation_id = "listRuns", tag = "runs", params(List), responses((status = OK, body = Page<RunView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<RunView>, Problem> {
    let session: Option<SessionId> = list.session.as_deref().map(|text| id("session", text)).transpose()?;
    if let Some(session) = &session {
        super::session::known(&surface, session)?;
    }
    let filter = RunFilter { session, status: list.status, ..RunFilter::default() };
    let mut page = runs(&surface, filter, list.limit, list.cursor.as_ref())?;
    page.items.iter_mut().for_each(name_client);
    Ok(page)
}

/// Shows a run with its attempts.
#[utoipa::path(get, path = "/v1/runs/{id}", operation_id = "getRun", tag = "runs",
    params(("id" = String, Path, description = "The run")), responses((status = OK, body = RunView)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
) -> Result<Json<RunView>, Problem> {
    find(&surface, &id("run", &run)?).map(Json)
}

/// A run of the owner.
pub(super) fn find(surface: &Surface, run: &RunId) -> Result<RunView, Problem> {
    let found = surface.ask(|reader| reader.run(Some(&surface.owner), run))?;
    let mut found = found.ok_or_else(|| Problem::not_found("run", run.as_str()))?;
    name_client(&mut found);
    Ok(found)
}

fn name_client(run: &mut RunView) {
    run.client_id = caller::shown(&run.client_id).to_owned();
}

/// Lists the attempts of a run, the first one first.
#[utoipa::path(get, path = "/v1/runs/{id}/attempts", operation_id = "listAttempts", tag = "runs",
    params(("id" = String, Path, description = "The run")), responses((status = OK, body = Page<AttemptView>)))]
pub(super) async fn attempts(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
) -> Result<Page<AttemptView>, Problem> {
    let run = find(&surface, &id("run", &run)?)?;
    Ok(Page { items: run.attempts, next_cursor: None })
}

/// What became of a request to stop: no more than is known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    /// The run was to stop from then on.
    accepted: bool,
    /// The run.
    run_id: String,
    /// The attempt that it is about.
    attempt_id: Option<String>,
    /// Telling the adapter was tried.
    dispatch_attempted: bool,
    /// The runtime confirmed that it has stopped.
    adapter_acknowledged: bool,
    /// Where the run stood.
    #[schema(schema_with = word::status)]
    status: &'static str,
}

/// Has a run stopped. What became of it is said by its end: `adapterAcknowledged` says whether the runtime confirmed
/// that it has stopped.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", operation_id = "cancelRun", tag = "runs",
    params(("id" = String, Path, description = "The run")), responses((status = OK, body = Cancellation)))]
pub(super) async fn cancel(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
) -> Result<Json<Cancellation>, Problem> {
    stop(&surface, id("run", &run)?).await.map(Json)
}

/// Has a run stopped.
pub(super) async fn stop(surface: &Surface, run: RunId) -> Result<Cancellation, Problem> {
    match surface.client.cancel(surface.owner.clone(), run.clone()).await? {
        Answered::Cancel(ack) => Ok(Cancellation {
            accepted: ack.accepted,
            run_id: run.to_string(),
            attempt_id: ack.attempt.map(|attempt| attempt.to_string()),
            dispatch_attempted: ack.dispatch_attempted,
            adapter_acknowledged: ack.adapter_acknowledged,
            status: ack.status.as_str(),
        }),
        other => Err(Problem::unexpected(&other)),
    }
}

/// How a run is tried again. What is absent stays as it was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "adapterId": "echo" }))]
pub(super) struct Again {
    /// The registration to fail over to.
    #[schema(value_type = Option<String>)]
    adapter_id: Option<AdapterId>,
    /// The model to ask for.
    model: Option<String>,
    /// The checkpoint to begin from: an artifact of the run's session.
    checkpoint_artifact_id: Option<String>,
    /// Also where the runtime may be going on with the turn by itself, so that the work may be done twice.
    #[serde(default)]
    anyway: bool,
}

/// Tries a run that is over again: another attempt under the same run.
#[utoipa::path(post, path = "/v1/runs/{id}/retry", operation_id = "retryRun", tag = "runs",
    params(("id" = String, Path, description = "The run")), request_body = Again,
    responses((status = ACCEPTED, body = Accepted, headers(("location" = String, description = "The run")))))]
pub(super) async fn retry(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
    Body(again): Body<Again>,
) -> Result<Response, Problem> {
    let checkpoint: Option<ArtifactId> =
        again.checkpoint_artifact_id.as_deref().map(|text| id("artifact", text)).transpose()?;
    let retry = Retry {
        owner: surface.owner.clone(),
        run: id("run", &run)?,
        adapter: again.adapter_id,
        model: again.model,
        checkpoint,
        legacy: Vec::new(),
        anyway: again.anyway,
    };
    let retry = fail_over(retry, &surface.config)?;
    Ok(Accepted::found(&surface, &surface.client.retry(retry).await?)?.answer())
}

/// Which events are read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// After this cursor.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Events as they were recorded, in the order of their cursors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    /// The events: `cursor`, `type`, `payload`, …
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    /// What to ask for next as `after`; none if this was the last one so far.
    next_after: Option<i64>,
    /// Events up to this cursor may have gone because they were old. 0: none has.
    pruned_through: i64,
}

/// Reads what was recorded about a run after a cursor.
#[utoipa::path(get, path = "/v1/runs/{id}/events", operation_id = "listEvents", tag = "events",
    params(("id" = String, Path, description = "The run"), After), responses((status = OK, body = Events)))]
pub(super) async fn events(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
    Params(After { after, limit }): Params<After>,
) -> Result<Json<Events>, Problem> {
    if after < 0 {
        return Err(Problem::new("invalid_parameter", format!("the cursor {after} is less than 0")));
    }
    let run: RunId = id("run", &run)?;
    find(&surface, &run)?;
    let filter = EventFilter {
        owner: Some(surface.owner.clone()),
        run: Some(run),
        after: Cursor(after),
        limit: limit.and_one(),
        ..EventFilter::default()
    };
    // What went is asked for after the events are read, so that what goes meanwhile counts.
    let (events, pruned) =
        surface.read(|reader| Ok((reader.events(&filter)?, reader.pruned_through(&filter)?)))?;
    let page = Page::cut(events, limit, |last| last.cursor.0.to_string());
    let next_after = page.next_cursor.and_then(|cursor| cursor.parse().ok());
    let items = page.items.iter().map(|event| serde_json::to_value(event).unwrap_or_default()).collect();
    Ok(Json(Events { items, next_after, pruned_through: pruned.0 }))
}
