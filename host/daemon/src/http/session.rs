//! `/v1/sessions`: conversations and pieces of work, made, listed, shown and changed. `/v1/tasks/{id}` is a session by
//! the name that seed 002 has for its settings.

use axum::extract::Extension;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use omi_kernel::id::{SessionId, Timestamp};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::{CreateSession, SessionRef};
use omi_kernel::session::{SessionChange, SessionStatus};
use omi_store::{BindingView, SessionFilter, SessionView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::idempotency::Key;
use super::message::{self, Accepted, NewMessage};
use super::page::{Limit, Page, no_cursor};
use super::problem::Problem;
use super::word;
use crate::client::Answered;
use crate::prompt::adapter;
use crate::surface::Surface;
use crate::wire::{absolute, both};

/// The kind of surface where nothing is said.
pub(super) const SURFACE: &str = "http";

/// A session to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "title": "Typos", "adapterId": "echo", "externalRefKind": "task", "externalRefId": "7" }))]
pub(super) struct NewSession {
    /// Its title.
    #[schema(max_length = 80)]
    title: Option<String>,
    /// The registration that it uses unless a message names another.
    adapter_id: Option<String>,
    /// The kind of surface it is made from: `main_chat`, `task_chat`, `floating_pill`; `http` if nothing is said.
    surface_kind: Option<String>,
    /// What the surface calls it, the kind of name. A session that has the name already is the one. Goes with
    /// `externalRefId`.
    external_ref_kind: Option<String>,
    /// What the surface calls it.
    external_ref_id: Option<String>,
    /// The folder it works in unless a message names another: absolute.
    cwd: Option<String>,
    /// What its runs need of a model unless one says otherwise.
    #[schema(schema_with = word::profile_or_null)]
    model_profile: Option<ModelProfile>,
    /// What is asked first. The registration, the folder and the profile are those of the session.
    #[serde(default)]
    message: Option<NewMessage>,
}

/// A session that is there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    /// The session.
    session: SessionRecord,
    /// It was there before, and is as it was.
    repeated: bool,
    /// What was asked first, if something was.
    accepted: Option<Accepted>,
}

/// A session with its native sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionRecord {
    /// The session.
    #[serde(flatten)]
    session: SessionView,
    /// Every generation of its native sessions, the newest first.
    bindings: Vec<BindingView>,
}

/// Which sessions are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// That stand here.
    #[param(schema_with = word::session_status)]
    status: Option<SessionStatus>,
    /// That were made from this kind of surface.
    surface_kind: Option<String>,
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What is to change about a session. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = SessionPatch, min_properties = 1, example = json!({ "title": "Typos", "status": "archived" }))]
pub(super) struct Change {
    /// Its title.
    #[schema(max_length = 80)]
    title: Option<String>,
    /// Where it is to stand. `archived` is opened again by a message; `closed` is for good.
    #[schema(schema_with = word::session_status_or_null)]
    status: Option<SessionStatus>,
    /// What its clients keep with it: marks, not content.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Makes a session, with a first message or without. A session that has the external name already is answered as it is.
#[utoipa::path(post, path = "/v1/sessions", operation_id = "createSession", tag = "sessions", request_body = NewSession, responses(
    (status = CREATED, body = Made, headers(("location" = String, description = "The session"))),
    (status = OK, body = Made, description = "It was there before", headers(("location" = String, description = "The session")))))]
pub(super) async fn create(
    Extension(surface): Extension<Surface>,
    Key(key): Key,
    Body(new): Body<NewSession>,
) -> Result<Response, Problem> {
    absolute(new.cwd.as_deref())?;
    let external = both("externalRefKind", new.external_ref_kind, "externalRefId", new.external_ref_id)?;
    let kind = new.surface_kind.unwrap_or_else(|| SURFACE.to_owned());
    let (session, repeated, accepted) = match new.message {
        Some(message) => {
            let of = message::Session {
                names: SessionRef { external: external.clone(), ..SessionRef::default() },
                surface: kind,
                title: new.title,
                adapter: new.adapter_id,
                cwd: new.cwd,
                profile: new.model_profile,
            };
            let before = match &external {
                Some((kind, id)) => surface.ask(|reader| reader.session_named(&surface.owner, (kind, id)))?,
                None => None,
            };
            let accepted = message::accept(&surface, message.first(&surface, of, key)?).await?;
            let repeated = accepted.repeated || before.is_some();
            (accepted.session.clone(), repeated, Some(accepted))
        }
        None => {
            let create = CreateSession {
                owner: surface.owner.clone(),
                external,
                surface: kind,
                title: new.title,
                adapter: adapter(new.adapter_id, &surface.config)?,
                cwd: new.cwd,
                profile: new.model_profile,
            };
            match surface.client.create_session(create).await? {
                Answered::Session { session, repeated } => (session, repeated, None),
                other => return Err(Problem::unexpected(&other)),
            }
        }
    };
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    let location = format!("/v1/sessions/{session}");
    let made = Made { session: record(&surface, &session)?, repeated, accepted };
    Ok((status, [(header::LOCATION, location)], Json(made)).into_response())
}

/// Lists sessions, the newest activity first.
#[utoipa::path(get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions", params(List), responses((status = OK, body = Page<SessionView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<SessionView>, Problem> {
    let filter = SessionFilter {
        owner: Some(surface.owner.clone()),
        status: list.status,
        surface: list.surface_kind,
        updated_before: None,
        after: list.cursor.as_deref().map(|text| last(text).ok_or_else(no_cursor)).transpose()?,
        limit: list.limit.and_one(),
    };
    let sessions = surface.read(|reader| reader.sessions(&filter))?;
    Ok(Page::cut(sessions, list.limit, |last| format!("{}.{}", last.last_activity_at_ms.0, last.session_id)))
}

/// The last session of a page, and when something last happened in it when it was listed.
fn last(cursor: &str) -> Option<(Timestamp, SessionId)> {
    let (at, session) = cursor.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), SessionId::parse(session).ok()?))
}

/// Shows a session with its native sessions.
#[utoipa::path(get, path = "/v1/sessions/{id}", operation_id = "getSession", tag = "sessions",
    params(("id" = String, Path, description = "The session")), responses((status = OK, body = SessionRecord)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(session): Named<String>,
) -> Result<Json<SessionRecord>, Problem> {
    record(&surface, &id("session", &session)?).map(Json)
}

/// Renames a session, puts it away, opens it again, closes it, or keeps something with it.
#[utoipa::path(patch, path = "/v1/sessions/{id}", operation_id = "changeSession", tag = "sessions",
    params(("id" = String, Path, description = "The session")), request_body = Change,
    responses((status = OK, body = SessionRecord)))]
pub(super) async fn change(
    Extension(surface): Extension<Surface>,
    Named(session): Named<String>,
    Body(change): Body<Change>,
) -> Result<Json<SessionRecord>, Problem> {
    let session: SessionId = id("session", &session)?;
    let change = SessionChange { title: change.title, status: change.status, metadata: change.metadata };
    if change == SessionChange::default() {
        return Err(Problem::new("invalid_message", "one of `title`, `status` and `metadata` is needed"));
    }
    surface.client.update_session(surface.owner.clone(), session.clone(), change).await?;
    record(&surface, &session).map(Json)
}

/// Shows the settings of a task: those of its session.
#[utoipa::path(get, path = "/v1/tasks/{id}", operation_id = "getTask", tag = "sessions",
    params(("id" = String, Path, description = "The session")), responses((status = OK, body = SessionRecord)))]
pub(super) async fn task(
    surface: Extension<Surface>,
    session: Named<String>,
) -> Result<Json<SessionRecord>, Problem> {
    one(surface, session).await
}

/// Changes the settings of a task: those of its session.
#[utoipa::path(patch, path = "/v1/tasks/{id}", operation_id = "changeTask", tag = "sessions",
    params(("id" = String, Path, description = "The session")), request_body = Change,
    responses((status = OK, body = SessionRecord)))]
pub(super) async fn change_task(
    surface: Extension<Surface>,
    session: Named<String>,
    body: Body<Change>,
) -> Result<Json<SessionRecord>, Problem> {
    change(surface, session, body).await
}

/// Whether there is such a session of the owner: a problem if not.
pub(super) fn known(surface: &Surface, session: &SessionId) -> Result<(), Problem> {
    if surface.owns(session)? { Ok(()) } else { Err(Problem::not_found("session", session.as_str())) }
}

fn record(surface: &Surface, session: &SessionId) -> Result<SessionRecord, Problem> {
    let owner = Some(&surface.owner);
    let found =
        surface.read(|reader| Ok((reader.session(owner, session)?, reader.bindings(owner, session)?)))?;
    match found {
        (Some(session), bindings) => Ok(SessionRecord { session, bindings }),
        (None, _) => Err(Problem::not_found("session", session.as_str())),
    }
}
