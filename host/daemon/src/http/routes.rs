//! Every route, the document that describes them, and what is said where there is none.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json};
use axum::routing::{MethodRouter, any, get};
use serde::Serialize;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::ToSchema;
#[cfg(test)]
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[cfg(test)]
use super::document;
use super::idempotency::{Replies, idempotent};
use super::problem::Problem;
use super::{
    action, adapter, artifact, delegation, events, file, grant, message, request, run, session, status,
    websocket,
};
use crate::mcp;
use crate::surface::Surface;

/// Bytes of a body that is JSON: a prompt with a picture in it, as on the wire.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the document is that describes it all, and what it says.
const OPENAPI: &str = "/openapi.json";
const OPENAPI_JSON: &str = include_str!("../../docs/openapi.json");
/// What the schema of the wire says.
const WIRE_SCHEMA_JSON: &str = include_str!("../../docs/wire.schema.json");

/// Everything that is served, for requests that were let in.
pub(super) fn router(surface: &Surface) -> Router {
    let router = routes().layer(from_fn_with_state(Replies::default(), idempotent));
    let pages = SwaggerUi::new("/docs").config(Config::new([OPENAPI]).validator_url("none"));
    router
        .route(OPENAPI, get(|| async { ([(CONTENT_TYPE, "application/json")], OPENAPI_JSON) }))
        .route("/v1/ws", any(websocket::upgrade))
        .nest_service("/mcp", mcp::http::streamable_http(surface.clone()))
        .merge(pages)
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// One list of what is served: the routes, and for the tests the document that is made of their handlers.
macro_rules! served {
    ($($path:literal: $($method:ident $($handler:ident)::+),+;)+) => {
        fn routes() -> Router {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($($handler)::+))+))+
        }

        #[cfg(test)]
        fn documented(begin: OpenApiRouter) -> OpenApiRouter {
            begin$(.routes(utoipa_axum::routes!($($($handler)::+),+)))+
        }

        /// Each path with its methods.
        #[cfg(test)]
        const SERVED: &[(&str, &[&str])] = &[$(($path, &[$(stringify!($method)),+])),+];
    };
}

served! {
    "/healthz": get health;
    "/v1/wire.schema.json": get wire_schema;
    "/v1/sessions": post session::create, get session::list;
    "/v1/sessions/{id}": get session::one, patch session::change;
    "/v1/tasks/{id}": get session::task, patch session::change_task;
    "/v1/status": get status::status;
    "/v1/sessions/{id}/messages": post message::create, get message::list;
    "/v1/sessions/{id}/actions": post action::act;
    "/v1/runs": get run::list;
    "/v1/runs/{id}": get run::one;
    "/v1/runs/{id}/attempts": get run::attempts;
    "/v1/runs/{id}/cancel": post run::cancel;
    "/v1/runs/{id}/retry": post run::retry;
    "/v1/runs/{id}/events": get run::events;
    "/v1/runs/{id}/delegations": get delegation::of_run;
    "/v1/delegations": post delegation::create, get delegation::list;
    "/v1/delegations/{id}": get delegation::one;
    "/v1/requests": get request::list;
    "/v1/approvals": get request::approvals;
    "/v1/approvals/{attempt}/{request}": post request::approve;
    "/v1/artifacts": get artifact::list;
    "/v1/artifacts/{id}": get artifact::one, patch artifact::change;
    "/v1/artifacts/{id}/content": get artifact::content;
    "/v1/grants": get grant::list;
    "/v1/grants/{id}": get grant::one, delete grant::revoke;
    "/v1/adapters": get adapter::list;
    "/v1/adapters/{id}": get adapter::one;
    "/v1/files": post file::create;
    "/v1/files/{id}": get file::content;
    "/v1/sessions/{id}/events": get events::of_session;
    "/v1/events": get events::of_all;
}

/// The document that describes everything that is served. What is handed out is the file that is made of it: nothing has to
/// be put together while a daemon runs.
#[cfg(test)]
pub(super) fn document() -> utoipa::openapi::OpenApi {
    let mut document = documented(OpenApiRouter::with_openapi(document::common())).into_openapi();
    document::complete(&mut document);
    document
}

/// What web pages of other origins may do, where they may do anything. The guard refuses the others.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .expose_headers([CONTENT_DISPOSITION, LOCATION])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
}

/// That the daemon is there.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of the daemon.
    version: &'static str,
}

/// Whether the daemon is there. It needs no key.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "daemon", security(()), responses((status = OK, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The JSON Schema of wire v2, and of what clients of v1 say and hear.
#[utoipa::path(get, path = "/v1/wire.schema.json", operation_id = "getWireSchema", tag = "daemon",
    responses((status = OK, content_type = "application/schema+json", description = "A JSON Schema (2020-12)", body = Object)))]
async fn wire_schema() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/schema+json")], WIRE_SCHEMA_JSON)
}

async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(
        "not_found",
        format!("there is nothing at `{}`; hint: /docs shows what there is", uri.path()),
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        "method_not_allowed",
        format!("`{method}` means nothing at `{}`; hint: /docs shows what does", uri.path()),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn everything_that_is_served_is_described_where_it_is_served() {
        let document = serde_json::to_value(document()).unwrap();
        let described: BTreeMap<&str, BTreeSet<&str>> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(path, item)| {
                (path.as_str(), item.as_object().unwrap().keys().map(String::as_str).collect())
            })
            .collect();
        let served: BTreeMap<&str, BTreeSet<&str>> =
            SERVED.iter().map(|(path, methods)| (*path, methods.iter().copied().collect())).collect();
        assert_eq!(described, served);
    }
}
