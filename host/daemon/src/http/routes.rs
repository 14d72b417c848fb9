//! Every route, the document that describes them, and what is said where there is none.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json};
use axum::routing::{any, get};
use serde::Serialize;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
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
    let (router, _) = documented(OpenApiRouter::new()).split_for_parts();
    let router = router.layer(from_fn_with_state(Replies::default(), idempotent));
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

fn documented(begin: OpenApiRouter) -> OpenApiRouter {
    begin
        .routes(routes!(health))
        .routes(routes!(wire_schema))
        .routes(routes!(session::create, session::list))
        .routes(routes!(session::one, session::change))
        .routes(routes!(session::task, session::change_task))
        .routes(routes!(status::status))
        .routes(routes!(message::create, message::list))
        .routes(routes!(action::act))
        .routes(routes!(run::list))
        .routes(routes!(run::one))
        .routes(routes!(run::attempts))
        .routes(routes!(run::cancel))
        .routes(routes!(run::retry))
        .routes(routes!(run::events))
        .routes(routes!(delegation::of_run))
        .routes(routes!(delegation::create, delegation::list))
        .routes(routes!(delegation::one))
        .routes(routes!(request::list))
        .routes(routes!(request::approvals))
        .routes(routes!(request::approve))
        .routes(routes!(artifact::list))
        .routes(routes!(artifact::one, artifact::change))
        .routes(routes!(artifact::content))
        .routes(routes!(grant::list))
        .routes(routes!(grant::one, grant::revoke))
        .routes(routes!(adapter::list))
        .routes(routes!(adapter::one))
        .routes(routes!(file::create))
        .routes(routes!(file::content))
        .routes(routes!(events::of_session))
        .routes(routes!(events::of_all))
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
