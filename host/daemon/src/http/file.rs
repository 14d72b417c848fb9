//! `/v1/files`: what a client sends along. It is written as it arrives, and named by its content.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};

use super::body::{Named, Params};
use super::problem::Problem;
use super::stream;
use crate::clock;
use crate::files::{KeepError, Known};
use crate::surface::Surface;
use crate::terminal::plain;

/// How long the next piece of a file may take to arrive.
const PIECE_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a file's name.
const NAME_BYTES_MAX: usize = 512;
/// The media type of what does not say what it is.
const UNKNOWN: &str = "application/octet-stream";

/// What a file is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Called {
    /// Its name, for people.
    #[param(max_length = 512)]
    name: Option<String>,
}

/// A file that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileView {
    /// Its identifier: `file_` and the SHA-256 of its bytes.
    file_id: String,
    /// Its name, for people.
    name: Option<String>,
    /// Its media type, as it was said.
    media_type: String,
    /// How many bytes.
    size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    sha256: String,
    /// When it was sent first.
    created_at_ms: i64,
}

impl From<Known> for FileView {
    fn from(known: Known) -> Self {
        Self {
            file_id: known.id(),
            name: known.name,
            media_type: known.media_type,
            size_bytes: known.size_bytes,
            sha256: known.sha256,
            created_at_ms: known.created_at_ms,
        }
    }
}

/// Keeps a file: its bytes are the body, its media type is `Content-Type`. The same content again is the same file. A
/// file that no message used for 30 days goes.
#[utoipa::path(post, path = "/v1/files", operation_id = "createFile", tag = "files", params(Called),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes, at most 100 MiB, of any media type"),
    responses((status = CREATED, body = FileView, headers(("location" = String, description = "The file")))))]
pub(super) async fn create(
    Extension(surface): Extension<Surface>,
    Params(called): Params<Called>,
    request: Request,
) -> Result<Response, Problem> {
    if called.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        let why = format!("`name` has more than {NAME_BYTES_MAX} bytes");
        return Err(Problem::new("invalid_parameter", why));
    }
    let media_type = match request.headers().get(header::CONTENT_TYPE) {
        Some(given) => given
            .to_str()
            .map_err(|_| Problem::new("unsupported_media_type", "`Content-Type` is not text"))?,
        None => UNKNOWN,
    };
    let media_type = media_type.to_owned();
    let mut upload = block_in_place(|| surface.files.upload())?;
    let mut pieces = request.into_body().into_data_stream();
    loop {
        let slow = |_| {
            Problem::new(
                "too_slow",
                format!("nothing more of the file came for {} s", PIECE_PATIENCE.as_secs()),
            )
        };
        let Some(piece) = tokio::time::timeout(PIECE_PATIENCE, pieces.next()).await.map_err(slow)? else {
            break;
        };
        let piece = piece.map_err(|_| Problem::new("bad_request", "the file did not arrive whole"))?;
        block_in_place(|| upload.take(&piece))?;
    }
    let (size_bytes, sha256) = upload.digest();
    if size_bytes == 0 {
        return Err(Problem::new("empty_file", "the file is empty; hint: its bytes are the body"));
    }
    let new = Known { sha256, size_bytes, media_type, name: called.name, created_at_ms: clock::of_day().0 };
    let known = block_in_place(|| surface.files.keep(&surface.owner, upload, &new))?;
    let location = format!("/v1/files/{}", known.id());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(FileView::from(known))).into_response())
}

/// Gives the bytes of a file.
#[utoipa::path(get, path = "/v1/files/{id}", operation_id = "getFile", tag = "files",
    params(("id" = String, Path, description = "The file")),
    responses((status = OK, content_type = "*/*", description = "The bytes, with the media type that was said when they were sent")))]
pub(super) async fn content(
    Extension(surface): Extension<Surface>,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    let found = block_in_place(|| surface.files.find(&surface.owner, &id))?;
    let known = found.ok_or_else(|| Problem::not_found("file", &plain(&id)))?;
    let file = block_in_place(|| surface.files.open(&known))?;
    let name = known.name.as_deref().unwrap_or(&known.sha256);
    Ok(attached(&known.media_type, name, known.size_bytes, stream::of(file)))
}

/// Bytes that a browser saves and never shows: whoever sent them may have written a page.
pub(super) fn attached(media_type: &str, name: &str, size_bytes: u64, body: Body) -> Response {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(UNKNOWN));
    let head = [
        (header::CONTENT_TYPE, value(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(size_bytes)),
        (header::CONTENT_DISPOSITION, value(&disposition)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("content-security-policy"), HeaderValue::from_static("sandbox")),
    ];
    (head, body).into_response()
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::TooLarge => Self::new("body_too_large", error.to_string()),
            KeepError::Full => Self::new("files_full", error.to_string()),
            KeepError::Unusable(error) => error.into(),
        }
    }
}
