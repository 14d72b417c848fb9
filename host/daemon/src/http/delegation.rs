//! `/v1/delegations`: runs that other runs asked for, and what came of them.

use axum::extract::Extension;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use omi_kernel::command::RunMode;
use omi_kernel::delegation::DelegationMode;
use omi_kernel::id::{AdapterId, DelegationId, RequestId, RunId, SessionId};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::Delegate;
use omi_store::{DelegationFilter, DelegationView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::idempotency::Key;
use super::message::{CLIENT, new_request};
use super::page::{self, Limit, Page, no_cursor};
use super::problem::Problem;
use super::{run, word};
use crate::caller;
use crate::client::Answered;
use crate::surface::Surface;
use crate::wire::absolute;

/// Which delegations are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// That this run made, and the one it works for.
    run: Option<String>,
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists delegations, the first one first.
#[utoipa::path(get, path = "/v1/delegations", operation_id = "listDelegations", tag = "delegations", params(List), responses((status = OK, body = Page<DelegationView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<DelegationView>, Problem> {
    let run = list.run.as_deref().map(|text| id("run", text)).transpose()?;
    listed(&surface, run, list.limit, list.cursor.as_ref())
}

/// Which delegations of a run are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListOfRun {
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists the delegations that a run made, and the one it works for, the first one first.
#[utoipa::path(get, path = "/v1/runs/{id}/delegations", operation_id = "listDelegationsOfRun", tag = "delegations",
    params(("id" = String, Path, description = "The run"), ListOfRun),
    responses((status = OK, body = Page<DelegationView>)))]
pub(super) async fn of_run(
    Extension(surface): Extension<Surface>,
    Named(run): Named<String>,
    Params(list): Params<ListOfRun>,
) -> Result<Page<DelegationView>, Problem> {
    listed(&surface, Some(id("run", &run)?), list.limit, list.cursor.as_ref())
}

fn listed(
    surface: &Surface,
    run: Option<RunId>,
    limit: Limit,
    cursor: Option<&String>,
) -> Result<Page<DelegationView>, Problem> {
    if let Some(run) = &run {
        run::find(surface, run)?;
    }
    let after: Option<DelegationId> = page::after(cursor)?;
    if let Some(after) = &after
        && find(surface, after)?.is_none()
    {
        return Err(no_cursor());
    }
    let owner = Some(surface.owner.clone());
    let filter = DelegationFilter { owner, delegation: None, run, after, limit: limit.and_one() };
    let delegations = surface.read(|reader| reader.delegation_page(&filter))?;
    Ok(Page::cut(delegations, limit, |last| last.delegation_id.clone()))
}

/// Shows a delegation: its `result` is what came of it, once it is over.
#[utoipa::path(get, path = "/v1/delegations/{id}", operation_id = "getDelegation", tag = "delegations",
    params(("id" = String, Path, description = "The delegation")), responses((status = OK, body = DelegationView)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(delegation): Named<String>,
) -> Result<Json<DelegationView>, Problem> {
    let delegation: DelegationId = id("delegation", &delegation)?;
    find(&surface, &delegation)?
        .map(Json)
        .ok_or_else(|| Problem::not_found("delegation", delegation.as_str()))
}

fn find(surface: &Surface, delegation: &DelegationId) -> Result<Option<DelegationView>, Problem> {
    let filter = DelegationFilter {
        owner: Some(surface.owner.clone()),
        delegation: Some(delegation.clone()),
        limit: 1,
        ..DelegationFilter::default()
    };
    Ok(surface.read(|reader| reader.delegation_page(&filter))?.pop())
}

/// What a run is to ask another one for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewDelegation {
    /// The run that asks: one that goes on.
    parent_run_id: String,
    /// How.
    #[schema(schema_with = word::delegation_mode)]
    mode: DelegationMode,
    /// What for.
    objective: String,
    /// What the new run needs to know.
    #[schema(max_length = 4000)]
    context: Option<String>,
    /// For `continue`: the session to go on in.
    child_session_id: Option<String>,
    /// The title of a new session.
    #[schema(max_length = 80)]
    child_title: Option<String>,
    /// The registration.
    adapter_id: Option<String>,
    /// The model, by its name.
    model: Option<String>,
    /// What is needed of a model; `worker` if nothing is said.
    #[schema(schema_with = word::profile_or_null)]
    model_profile: Option<ModelProfile>,
    /// What the new run may do; `ask` if nothing is said.
    #[schema(schema_with = word::run_mode_or_null)]
    run_mode: Option<RunMode>,
    /// The working folder: absolute.
    cwd: Option<String>,
    /// How deep runs may delegate.
    #[schema(minimum = 1, maximum = 5)]
    max_depth: Option<u32>,
    /// US dollars that the new run and everything below it may cost.
    #[schema(exclusive_minimum = 0, maximum = 10)]
    max_budget_usd: Option<f64>,
}

/// A run that works for another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delegated {
    /// The delegation: `GET /v1/delegations/{id}` has its result once it is over.
    delegation_id: String,
    /// The session that works.
    session_id: String,
    /// The run that works.
    run_id: String,
    /// It had been delegated before.
    repeated: bool,
}

/// Has a run ask another one for work. Nobody waits here for the result, in no mode: it is in the delegation.
#[utoipa::path(post, path = "/v1/delegations", operation_id = "createDelegation", tag = "delegations", request_body = NewDelegation, responses(
    (status = CREATED, body = Delegated, description = "The parent goes on", headers(("location" = String, description = "The delegation"))),
    (status = ACCEPTED, body = Delegated, description = "The parent waits for the result", headers(("location" = String, description = "The delegation")))))]
pub(super) async fn create(
    Extension(surface): Extension<Surface>,
    Key(key): Key,
    Body(new): Body<NewDelegation>,
) -> Result<Response, Problem> {
    let status = if new.mode.waits() { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let delegate = new.delegate(&surface, key)?;
    match surface.client.delegate(delegate).await? {
        Answered::Delegated { delegation, session, run, repeated } => {
            let location = format!("/v1/delegations/{delegation}");
            let delegated = Delegated {
                delegation_id: delegation.to_string(),
                session_id: session.to_string(),
                run_id: run.to_string(),
                repeated,
            };
            Ok((status, [(header::LOCATION, location)], Json(delegated)).into_response())
        }
        other => Err(Problem::unexpected(&other)),
    }
}

impl NewDelegation {
    fn delegate(self, surface: &Surface, key: Option<String>) -> Result<Delegate, Problem> {
        absolute(self.cwd.as_deref())?;
        if let Some(adapter) = &self.adapter_id {
            surface.config.registration(adapter)?;
        }
        let session: Option<SessionId> =
            self.child_session_id.as_deref().map(|text| id("session", text)).transpose()?;
        Ok(Delegate {
            owner: surface.owner.clone(),
            parent: id("run", &self.parent_run_id)?,
            client: caller::recorded(&surface.owner, CLIENT),
            request: RequestId(key.unwrap_or_else(new_request)),
            mode: self.mode,
            objective: self.objective,
            context: self.context,
            session,
            title: self.child_title,
            adapter: self.adapter_id.map(AdapterId),
            model: self.model,
            profile: self.model_profile,
            // What somebody else asks for only answers, unless it is told that it may act (SPEC §3.6).
            run_mode: self.run_mode.unwrap_or(RunMode::Ask),
            cwd: self.cwd,
            depth_max: self.max_depth,
            budget_usd: self.max_budget_usd,
            limits: surface.config.worker_limits(),
            legacy: surface.config.legacy_adapters(),
        })
    }
}
