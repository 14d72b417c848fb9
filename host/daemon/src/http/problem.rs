//! Why a request came to nothing, as a problem document (RFC 9457) with a word for programs.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use omi_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::client::{Answered, RequestError};
use crate::config::ConfigError;
use crate::wire::WireError;

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:omi-agentd:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// A stable word for programs.
    code: &'static str,
    /// One line for people, with the next step where there is one.
    detail: String,
}

impl Problem {
    /// A problem with a word for programs and a line for people. The word decides about the status.
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let status = status(code);
        Self {
            kind: format!("urn:omi-agentd:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
        }
    }

    /// The kernel answered something else than what it was asked.
    pub(crate) fn unexpected(answered: &Answered) -> Self {
        Self::new("internal", format!("an answer to something else: {answered:?}"))
    }

    /// There is no such thing, or it belongs to somebody else: nobody can tell which.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        WireError::not_found(what, id).into()
    }
}

/// The status that goes with a word. A word that is not here is about what was asked for, and nothing was done.
fn status(code: &str) -> StatusCode {
    match code {
        "bad_request" | "invalid_json" | "invalid_parameter" => StatusCode::BAD_REQUEST,
        "unauthorized" => StatusCode::UNAUTHORIZED,
        "forbidden_host" | "forbidden_origin" | "owner_mismatch" => StatusCode::FORBIDDEN,
        "not_found" => StatusCode::NOT_FOUND,
        "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "too_slow" => StatusCode::REQUEST_TIMEOUT,
        "request_conflict"
        | "conflict"
        | "session_busy"
        | "session_closed"
        | "session_cannot_become"
        | "no_open_request"
        | "cannot_retry"
        | "runtime_recovers"
        | "cannot_delegate"
        | "budget_spent"
        | "too_deep"
        | "not_delegated"
        | "no_worker_for_call"
        | "illegal_step"
        | "files_full"
        | "content_elsewhere"
        | "component_unusable"
        | "request_in_progress" => StatusCode::CONFLICT,
        "body_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "busy" => StatusCode::TOO_MANY_REQUESTS,
        "store_unavailable" | "store_failing" | "ending" => StatusCode::SERVICE_UNAVAILABLE,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<WireError> for Problem {
    fn from(error: WireError) -> Self {
        Self::new(error.code, error.message)
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        WireError::from(error).into()
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        WireError::from(error).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        WireError::from(error).into()
    }
}

/// A file of ours cannot be read or written.
impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::new("store_failing", error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A problem is made of texts and a number, which are JSON.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
