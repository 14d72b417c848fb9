//! Artifacts as they are listed.

use omi_kernel::artifact::ArtifactRole;
use omi_kernel::id::{ArtifactId, AttemptId, OwnerId, RunId, SessionId, Timestamp};
use rusqlite::{Connection, Result, named_params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time;
use crate::rows::{all, json};

/// An artifact as it is listed. What it says about a file is what was recorded, not what is on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactView {
    /// Its identifier.
    pub artifact_id: String,
    /// Its session.
    pub session_id: String,
    /// The run that made it.
    pub run_id: Option<String>,
    /// The attempt that made it.
    pub attempt_id: Option<String>,
    /// `file`, `patch`, `report`, `memory_candidate`, …
    pub kind: String,
    /// `input`, `result`, `checkpoint`, `tool_output`, `log` or `other`.
    pub role: String,
    /// Where it is.
    pub uri: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub content_hash: Option<String>,
    /// How many bytes.
    pub size_bytes: Option<i64>,
    /// What else is known.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// `retained`, `opened` or `dismissed`.
    pub lifecycle_state: String,
    /// When that last changed.
    #[schema(value_type = Option<i64>)]
    pub lifecycle_updated_at_ms: Option<Timestamp>,
    /// When it was recorded.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
}

/// Which artifacts are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// This one.
    pub artifact: Option<ArtifactId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this attempt.
    pub attempt: Option<AttemptId>,
    /// Of this role.
    pub role: Option<ArtifactRole>,
    /// After this one, the last of the page before.
    pub after: Option<ArtifactId>,
    /// At most so many.
    pub limit: u32,
}

pub(super) fn list(db: &Connection, filter: &ArtifactFilter) -> Result<Vec<ArtifactView>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let is = filter.artifact.as_ref().map_or(":id IS NULL", |_| "artifact_id = :id");
    let of_session = filter.session.as_ref().map_or(":session IS NULL", |_| "session_id = :session");
    let of_run = filter.run.as_ref().map_or(":run IS NULL", |_| "run_id = :run");
    let of_attempt = filter.attempt.as_ref().map_or(":attempt IS NULL", |_| "attempt_id = :attempt");
    let after = match filter.after {
        Some(_) => "rowid < (SELECT rowid FROM artifacts WHERE artifact_id = :after)",
        None => ":after IS NULL",
    };
    let sql = format!(
        "SELECT artifact_id, session_id, run_id, attempt_id, kind, role, uri, display_name, mime_type, \
         content_hash, size_bytes, metadata_json, lifecycle_state, lifecycle_updated_at_ms, created_at_ms \
         FROM artifacts WHERE {is} AND {of_session} AND {of_run} AND {of_attempt} AND {after} \
         AND (:role IS NULL OR role = :role) AND (:owner IS NULL OR \
         :owner = (SELECT owner_id FROM sessions WHERE sessions.session_id = artifacts.session_id)) \
         ORDER BY rowid DESC LIMIT :limit"
    );
    let values = named_params! {
        ":id": filter.artifact.as_ref().map(ArtifactId::as_str),
        ":session": filter.session.as_ref().map(SessionId::as_str),
        ":run": filter.run.as_ref().map(RunId::as_str),
        ":after": filter.after.as_ref().map(ArtifactId::as_str),
        ":attempt": filter.attempt.as_ref().map(AttemptId::as_str),
        ":role": filter.role.map(ArtifactRole::as_str),
        ":owner": filter.owner.as_ref().map(OwnerId::as_str), ":limit": filter.limit,
    };
    all(db.prepare_cached(&sql)?, values, |row| {
        Ok(ArtifactView {
            artifact_id: row.get(0)?,
            session_id: row.get(1)?,
            run_id: row.get(2)?,
            attempt_id: row.get(3)?,
            kind: row.get(4)?,
            role: row.get(5)?,
            uri: row.get(6)?,
            display_name: row.get(7)?,
            mime_type: row.get(8)?,
            content_hash: row.get(9)?,
            size_bytes: row.get(10)?,
            metadata: json(row, 11)?,
            lifecycle_state: row.get(12)?,
            lifecycle_updated_at_ms: time(row, 13)?,
            created_at_ms: Timestamp(row.get(14)?),
        })
    })
}
