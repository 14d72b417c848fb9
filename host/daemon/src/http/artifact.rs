//! `/v1/artifacts`: what runs made, what a person did with it, and the bytes that are kept here.

use axum::extract::Extension;
use axum::response::{Json, Response};
use omi_kernel::artifact::ArtifactState;
use omi_kernel::id::{ArtifactId, RunId, SessionId};
use omi_store::{ArtifactFilter, ArtifactView};
use serde::Deserialize;
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::file::attached;
use super::page::{self, Limit, Page, no_cursor};
use super::problem::Problem;
use super::request::done;
use super::{stream, word};
use crate::surface::Surface;

/// Which artifacts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Of this session.
    session: Option<String>,
    /// Of this run.
    run: Option<String>,
    /// At most so many.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists artifacts, the newest first. What is said of a file is what was recorded, not what is on the disk.
#[utoipa::path(get, path = "/v1/artifacts", operation_id = "listArtifacts", tag = "artifacts", params(List), responses((status = OK, body = Page<ArtifactView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<ArtifactView>, Problem> {
    let session: Option<SessionId> = list.session.as_deref().map(|text| id("session", text)).transpose()?;
    let run: Option<RunId> = list.run.as_deref().map(|text| id("run", text)).transpose()?;
    let after: Option<ArtifactId> = page::after(list.cursor.as_ref())?;
    if let Some(after) = &after
        && find(&surface, after)?.is_none()
    {
        return Err(no_cursor());
    }
    let owner = Some(surface.owner.clone());
    let filter = ArtifactFilter {
        owner,
        session,
        run,
        after,
        limit: list.limit.and_one(),
        ..ArtifactFilter::default()
    };
    let artifacts = surface.read(|reader| reader.artifacts(&filter))?;
    Ok(Page::cut(artifacts, list.limit, |last| last.artifact_id.clone()))
}

/// Shows an artifact.
#[utoipa::path(get, path = "/v1/artifacts/{id}", operation_id = "getArtifact", tag = "artifacts",
    params(("id" = String, Path, description = "The artifact")), responses((status = OK, body = ArtifactView)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(artifact): Named<String>,
) -> Result<Json<ArtifactView>, Problem> {
    known(&surface, &id("artifact", &artifact)?).map(Json)
}

/// What a person did with an artifact.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = ArtifactPatch)]
pub(super) struct Change {
    /// What they did.
    #[schema(schema_with = word::artifact_state)]
    lifecycle_state: ArtifactState,
}

/// Says what a person did with an artifact.
#[utoipa::path(patch, path = "/v1/artifacts/{id}", operation_id = "changeArtifact", tag = "artifacts",
    params(("id" = String, Path, description = "The artifact")), request_body = Change,
    responses((status = OK, body = ArtifactView)))]
pub(super) async fn change(
    Extension(surface): Extension<Surface>,
    Named(artifact): Named<String>,
    Body(change): Body<Change>,
) -> Result<Json<ArtifactView>, Problem> {
    let artifact: ArtifactId = id("artifact", &artifact)?;
    let client = &surface.client;
    done(client.update_artifact(surface.owner.clone(), artifact.clone(), change.lifecycle_state).await)?;
    known(&surface, &artifact).map(Json)
}

/// Gives the bytes of an artifact, if they are kept here: what an agent wrote elsewhere stays there.
#[utoipa::path(get, path = "/v1/artifacts/{id}/content", operation_id = "getArtifactContent", tag = "artifacts",
    params(("id" = String, Path, description = "The artifact")),
    responses((status = OK, content_type = "*/*", description = "The bytes, with the media type that was recorded"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json", description = "They are not kept here")))]
pub(super) async fn content(
    Extension(surface): Extension<Surface>,
    Named(artifact): Named<String>,
) -> Result<Response, Problem> {
    let artifact = known(&surface, &id("artifact", &artifact)?)?;
    let elsewhere = || {
        let why =
            format!("the content of `{}` is not kept here; it is where `uri` says", artifact.artifact_id);
        Problem::new("content_elsewhere", why)
    };
    let hash = artifact.content_hash.as_deref().ok_or_else(elsewhere)?;
    let path = surface.artifacts.kept(hash, &artifact.uri).ok_or_else(elsewhere)?;
    let opened: std::io::Result<_> = block_in_place(|| {
        let file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    let (file, size) = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = format!("the content of `{}` was removed", artifact.artifact_id);
            return Err(Problem::new("content_elsewhere", why));
        }
        Err(error) => return Err(error.into()),
    };
    let media_type = artifact.mime_type.as_deref().unwrap_or("application/octet-stream");
    Ok(attached(media_type, artifact.display_name.as_deref().unwrap_or(hash), size, stream::of(file)))
}

fn find(surface: &Surface, artifact: &ArtifactId) -> Result<Option<ArtifactView>, Problem> {
    let filter = ArtifactFilter {
        owner: Some(surface.owner.clone()),
        artifact: Some(artifact.clone()),
        limit: 1,
        ..ArtifactFilter::default()
    };
    Ok(surface.read(|reader| reader.artifacts(&filter))?.pop())
}

fn known(surface: &Surface, artifact: &ArtifactId) -> Result<ArtifactView, Problem> {
    find(surface, artifact)?.ok_or_else(|| Problem::not_found("artifact", artifact.as_str()))
}
