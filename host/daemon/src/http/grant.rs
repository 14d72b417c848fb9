//! `/v1/grants`: what adapters may open, what was decided under it, and taking it back.

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::Json;
use omi_kernel::id::{GrantId, RunId, SessionId};
use omi_store::{GrantFilter, GrantRecord, GrantView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Named, Params, id};
use super::page::{self, LIMIT_MAX, Limit, Page, no_cursor};
use super::problem::Problem;
use super::request::done;
use crate::clock;
use crate::surface::Surface;

/// Which grants are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Of this session, and of no component.
    session: Option<String>,
    /// Of this run, and of no component.
    run: Option<String>,
    /// That hold now.
    #[serde(default)]
    live: bool,
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists grants, the newest first: those of sessions, and those of components, which are nobody's own.
#[utoipa::path(get, path = "/v1/grants", operation_id = "listGrants", tag = "grants", params(List), responses((status = OK, body = Page<GrantView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<GrantView>, Problem> {
    let session: Option<SessionId> = list.session.as_deref().map(|text| id("session", text)).transpose()?;
    let run: Option<RunId> = list.run.as_deref().map(|text| id("run", text)).transpose()?;
    let after: Option<GrantId> = page::after(list.cursor.as_ref())?;
    if let Some(after) = &after
        && surface.read(|reader| reader.grant(Some(&surface.owner), after, 0))?.is_none()
    {
        return Err(no_cursor());
    }
    let owner = Some(surface.owner.clone());
    let live_at = list.live.then(clock::of_day);
    let filter = GrantFilter { owner, session, run, after, live_at, limit: list.limit.and_one() };
    let grants = surface.read(|reader| reader.grants(&filter))?;
    Ok(Page::cut(grants, list.limit, |last| last.grant_id.clone()))
}

/// Shows a grant, with what was decided under it last.
#[utoipa::path(get, path = "/v1/grants/{id}", operation_id = "getGrant", tag = "grants",
    params(("id" = String, Path, description = "The grant")), responses((status = OK, body = GrantRecord)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(grant): Named<String>,
) -> Result<Json<GrantRecord>, Problem> {
    let grant: GrantId = id("grant", &grant)?;
    let found = surface.read(|reader| reader.grant(Some(&surface.owner), &grant, LIMIT_MAX))?;
    found.map(Json).ok_or_else(|| Problem::not_found("grant", grant.as_str()))
}

/// Takes a grant back: nothing more is opened under it, and what is open ends. It stays on record.
#[utoipa::path(delete, path = "/v1/grants/{id}", operation_id = "revokeGrant", tag = "grants",
    params(("id" = String, Path, description = "The grant")), responses((status = NO_CONTENT, description = "It holds no longer")))]
pub(super) async fn revoke(
    Extension(surface): Extension<Surface>,
    Named(grant): Named<String>,
) -> Result<StatusCode, Problem> {
    let grant: GrantId = id("grant", &grant)?;
    done(surface.client.revoke_grant(surface.owner.clone(), grant).await)?;
    Ok(StatusCode::NO_CONTENT)
}
