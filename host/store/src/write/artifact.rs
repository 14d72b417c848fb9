//! Artifacts.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::id::{ArtifactId, Timestamp};
use omi_kernel::new::NewArtifact;
use rusqlite::{Connection, Result, named_params};

use super::{Written, changed, integer};

pub(super) fn insert(db: &Connection, artifact: &NewArtifact, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO artifacts (artifact_id, session_id, run_id, attempt_id, kind, role, uri, \
         display_name, mime_type, content_hash, size_bytes, metadata_json, created_at_ms) \
         VALUES (:id, :session, :run, :attempt, :kind, :role, :uri, :name, :mime, :hash, :size, :metadata, :now)";
    let values = named_params! {
        ":id": artifact.id.as_str(), ":session": artifact.session.as_str(), ":run": artifact.run.as_str(),
        ":attempt": artifact.attempt.as_str(), ":kind": artifact.kind, ":role": artifact.role.as_str(),
        ":uri": artifact.uri, ":name": artifact.name, ":mime": artifact.mime_type,
        ":hash": artifact.content_hash, ":size": artifact.size_bytes.map(integer),
        ":metadata": artifact.metadata.to_string(), ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn advance(
    db: &Connection,
    id: &ArtifactId,
    (from, to): (ArtifactState, ArtifactState),
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE artifacts SET lifecycle_state = ?3, lifecycle_updated_at_ms = ?4 \
         WHERE artifact_id = ?1 AND lifecycle_state = ?2";
    db.prepare_cached(sql)?.execute((id.as_str(), from.as_str(), to.as_str(), now.0)).map(changed)
}
