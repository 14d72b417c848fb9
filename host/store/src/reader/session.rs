//! Sessions as they are listed.

use omi_kernel::id::{OwnerId, SessionId, Timestamp};
use omi_kernel::session::SessionStatus;
use rusqlite::{Connection, Result, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::rows::{all, first, json};

/// A session as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Its identifier.
    pub session_id: String,
    /// Its owner.
    pub owner_id: String,
    /// Its title.
    pub title: Option<String>,
    /// `open`, `archived` or `closed`.
    pub status: String,
    /// The kind of surface it was made from.
    pub surface_kind: String,
    /// What that surface calls it, the kind of name.
    pub external_ref_kind: Option<String>,
    /// What that surface calls it.
    pub external_ref_id: Option<String>,
    /// What an old client calls it, where its names count.
    pub legacy_client_scope: Option<String>,
    /// What an old client calls it.
    pub legacy_session_key: Option<String>,
    /// The registration it uses.
    pub default_adapter_id: String,
    /// The folder it works in.
    pub default_cwd: Option<String>,
    /// What its runs need of a model.
    pub model_profile: Option<String>,
    /// What its clients keep with it.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// How many runs it has.
    pub run_count: i64,
    /// Its newest run.
    pub latest_run_id: Option<String>,
    /// Where that stands.
    pub latest_run_status: Option<String>,
    /// When it was made.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When it last changed.
    #[schema(value_type = i64)]
    pub updated_at_ms: Timestamp,
    /// When something last happened in it.
    #[schema(value_type = i64)]
    pub last_activity_at_ms: Timestamp,
}

/// Which sessions are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// That stand here.
    pub status: Option<SessionStatus>,
    /// That were made from this kind of surface.
    pub surface: Option<String>,
    /// That last changed before this.
    pub updated_before: Option<Timestamp>,
    /// After this one: the last activity and the id of the last session of the page before. Pages follow the order
    /// of the list, so that none is left out or shown twice unless something happens in it meanwhile.
    pub after: Option<(Timestamp, SessionId)>,
    /// At most so many.
    pub limit: u32,
}

const VIEW: &str = "session_id, owner_id, title, status, surface_kind, external_ref_kind, external_ref_id, \
     legacy_client_scope, legacy_session_key, default_adapter_id, default_cwd, model_profile, metadata_json, \
     (SELECT COUNT(*) FROM runs WHERE runs.session_id = sessions.session_id), \
     (SELECT run_id FROM runs WHERE runs.session_id = sessions.session_id ORDER BY created_at_ms DESC, rowid DESC LIMIT 1), \
     (SELECT status FROM runs WHERE runs.session_id = sessions.session_id ORDER BY created_at_ms DESC, rowid DESC LIMIT 1), \
     created_at_ms, updated_at_ms, last_activity_at_ms";

pub(super) fn list(db: &Connection, filter: &SessionFilter) -> Result<Vec<SessionView>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let of_owner = filter.owner.as_ref().map_or(":owner IS NULL", |_| "owner_id = :owner");
    let after = match filter.after {
        Some(_) => "(last_activity_at_ms, session_id) < (:at, :session)",
        None => ":at IS NULL AND :session IS NULL",
    };
    let sql = format!(
        "SELECT {VIEW} FROM sessions WHERE {of_owner} AND (:status IS NULL OR status = :status) \
         AND (:surface IS NULL OR surface_kind = :surface) \
         AND (:updated_before IS NULL OR updated_at_ms < :updated_before) AND {after} \
         ORDER BY last_activity_at_ms DESC, session_id DESC LIMIT :limit"
    );
    let (at, session) = filter.after.as_ref().map(|(at, session)| (at.0, session.as_str())).unzip();
    let values = named_params! {
        ":owner": filter.owner.as_ref().map(OwnerId::as_str),
        ":status": filter.status.map(SessionStatus::as_str), ":surface": filter.surface,
        ":updated_before": filter.updated_before.map(|before| before.0), ":at": at, ":session": session,
        ":limit": filter.limit,
    };
    all(db.prepare_cached(&sql)?, values, view)
}

pub(super) fn owner(db: &Connection, id: &SessionId) -> Result<Option<OwnerId>> {
    let sql = "SELECT owner_id FROM sessions WHERE session_id = ?1";
    first(db.prepare_cached(sql)?, [id.as_str()], |row| row.get(0).map(OwnerId))
}

pub(super) fn one(db: &Connection, owner: Option<&OwnerId>, id: &SessionId) -> Result<Option<SessionView>> {
    let sql = format!("SELECT {VIEW} FROM sessions WHERE session_id = ?1 AND (?2 IS NULL OR owner_id = ?2)");
    first(db.prepare_cached(&sql)?, (id.as_str(), owner.map(OwnerId::as_str)), view)
}

pub(super) fn named(db: &Connection, owner: &OwnerId, kind: &str, id: &str) -> Result<Option<SessionView>> {
    let sql = format!(
        "SELECT {VIEW} FROM sessions WHERE owner_id = ?1 AND external_ref_kind = ?2 AND external_ref_id = ?3"
    );
    first(db.prepare_cached(&sql)?, (owner.as_str(), kind, id), view)
}

fn view(row: &Row<'_>) -> Result<SessionView> {
    Ok(SessionView {
        session_id: row.get(0)?,
        owner_id: row.get(1)?,
        title: row.get(2)?,
        status: row.get(3)?,
        surface_kind: row.get(4)?,
        external_ref_kind: row.get(5)?,
        external_ref_id: row.get(6)?,
        legacy_client_scope: row.get(7)?,
        legacy_session_key: row.get(8)?,
        default_adapter_id: row.get(9)?,
        default_cwd: row.get(10)?,
        model_profile: row.get(11)?,
        metadata: json(row, 12)?,
        run_count: row.get(13)?,
        latest_run_id: row.get(14)?,
        latest_run_status: row.get(15)?,
        created_at_ms: Timestamp(row.get(16)?),
        updated_at_ms: Timestamp(row.get(17)?),
        last_activity_at_ms: Timestamp(row.get(18)?),
    })
}
