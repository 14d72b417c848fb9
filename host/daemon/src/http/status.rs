//! `/v1/status`: where a session stands, as its events tell (seed §15). Terminal is terminal, and unknown is no success.

use axum::extract::Extension;
use axum::response::Json;
use omi_kernel::id::{Cursor, RunId};
use omi_kernel::projection::{Projection, RunStanding};
use omi_store::{EventFilter, SessionView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Params, id};
use super::problem::Problem;
use crate::surface::Surface;
use crate::terminal::plain;
use crate::wire::both;

/// Events that are read at once.
const EVENTS_AT_ONCE: u32 = 1000;

/// Which session is meant: by its id, or by the name that its surface has for it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// The session.
    session: Option<String>,
    /// What its surface calls it, the kind of name.
    external_ref_kind: Option<String>,
    /// What its surface calls it.
    external_ref_id: Option<String>,
}

/// Where a session stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    /// The session.
    session: SessionView,
    /// Its newest run, if it has one: `runId`, `status` (`null` is not known, and no success), `attemptId` of the attempt
    /// that goes on, `progress`, `usage`, `error`, `text` so far.
    #[schema(value_type = Option<Object>)]
    run: Option<RunStanding>,
}

/// Shows where a session stands.
#[utoipa::path(get, path = "/v1/status", operation_id = "getStatus", tag = "sessions", params(Meant), responses((status = OK, body = Standing)))]
pub(super) async fn status(
    Extension(surface): Extension<Surface>,
    Params(meant): Params<Meant>,
) -> Result<Json<Standing>, Problem> {
    let session = meant.find(&surface)?;
    let run: Option<RunId> = session.latest_run_id.as_deref().map(|run| id("run", run)).transpose()?;
    let run = match run {
        Some(run) => told(&surface, &run)?,
        None => None,
    };
    Ok(Json(Standing { session, run }))
}

impl Meant {
    fn find(self, surface: &Surface) -> Result<SessionView, Problem> {
        let named = both("externalRefKind", self.external_ref_kind, "externalRefId", self.external_ref_id)
            .map_err(|error| Problem::new("invalid_parameter", error.message))?;
        let (found, asked) = match (self.session, named) {
            (Some(session), None) => {
                let id = id("session", &session)?;
                (surface.ask(|reader| reader.session(Some(&surface.owner), &id))?, session)
            }
            (None, Some((kind, id))) => (
                surface.ask(|reader| reader.session_named(&surface.owner, (&kind, &id)))?,
                format!("{kind}:{id}"),
            ),
            (Some(_), Some(_)) | (None, None) => {
                let why = "a session is named by `session`, or by `externalRefKind` and `externalRefId`";
                return Err(Problem::new("invalid_parameter", why));
            }
        };
        found.ok_or_else(|| Problem::not_found("session", &plain(&asked)))
    }
}

/// What the events of a run tell.
fn told(surface: &Surface, run: &RunId) -> Result<Option<RunStanding>, Problem> {
    let mut projection = Projection::default();
    let mut filter = EventFilter {
        owner: Some(surface.owner.clone()),
        run: Some(run.clone()),
        after: Cursor::default(),
        limit: EVENTS_AT_ONCE,
        ..EventFilter::default()
    };
    loop {
        let events = surface.read(|reader| reader.events(&filter))?;
        let Some(last) = events.last() else { return Ok(projection.run(run).cloned()) };
        filter.after = last.cursor;
        for event in &events {
            projection.apply(event);
        }
    }
}
