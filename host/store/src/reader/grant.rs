//! Grants as they are listed.

use omi_kernel::descriptor::GrantRequest;
use omi_kernel::event::Event;
use omi_kernel::id::{GrantId, OwnerId, RunId, SessionId, Timestamp};
use rusqlite::{Connection, Result, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{GateDecisionView, event, gate, time};
use crate::rows::{ANY_CAPABILITY, all, first, json, perhaps};

/// What [`view`] reads of a grant of a session.
const OF_SESSION: &str = "grant_id, session_id, run_id, NULL, NULL, adapter_id, grant_name, capability, operation, \
     resource_pattern, effect, source, constraints_json, origin_grant_id, NULL, created_at_ms, expires_at_ms, \
     revoked_at_ms, rowid AS place";
/// What [`view`] reads of a grant of a component. It is always what a person allowed.
const OF_COMPONENT: &str = "grant_id, NULL, NULL, component, digest, adapter_id, NULL, NULL, operation, \
     resource_pattern, 'allow', 'user', '{}', NULL, declared_json, created_at_ms, NULL, revoked_at_ms, \
     rowid AS place";
/// The owner of a grant of a session.
const OWNER: &str = "(SELECT owner_id FROM sessions WHERE sessions.session_id = grants.session_id)";

/// A grant as it is listed: of a session, or of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    /// Its identifier.
    pub grant_id: String,
    /// Its session; none for a grant of a component.
    pub session_id: Option<String>,
    /// Its run, where it holds for one only.
    pub run_id: Option<String>,
    /// Its component, as the registration names it; none for a grant of a session.
    pub component: Option<String>,
    /// The digest of the component that was decided about.
    pub digest: Option<String>,
    /// The registration; none means any.
    pub adapter_id: Option<String>,
    /// The name under which the component asks; none means any.
    pub grant: Option<String>,
    /// The kind of thing; `*` means any.
    pub capability: String,
    /// What is done; `*` means anything.
    pub operation: String,
    /// What it is done to.
    pub resource_pattern: String,
    /// `allow` or `deny`.
    pub effect: String,
    /// `legacy_default`, `policy`, `user` or `system`.
    pub source: String,
    /// To what it is limited beside.
    #[schema(value_type = Object)]
    pub constraints: Value,
    /// The grant of a component that it was copied from.
    pub origin_grant_id: Option<String>,
    /// What the component declared when it was decided.
    #[schema(value_type = Option<Object>)]
    pub declared: Option<GrantRequest>,
    /// When it was recorded.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When it expires.
    #[schema(value_type = Option<i64>)]
    pub expires_at_ms: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<i64>)]
    pub revoked_at_ms: Option<Timestamp>,
}

/// A grant with what was decided under it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantRecord {
    /// The grant.
    #[serde(flatten)]
    pub grant: GrantView,
    /// What was decided in sessions, the first one first.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Event>,
    /// What was decided outside of any, the first one first.
    pub decisions: Vec<GateDecisionView>,
}

/// Which grants are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantFilter {
    /// Of this owner. Grants of components are nobody's own: they are listed for everybody.
    pub owner: Option<OwnerId>,
    /// Of this session, and of no component.
    pub session: Option<SessionId>,
    /// Of this run, and of no component.
    pub run: Option<RunId>,
    /// After this one, the last of the page before.
    pub after: Option<GrantId>,
    /// That hold at this time.
    pub live_at: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

pub(super) fn list(db: &Connection, filter: &GrantFilter) -> Result<Vec<GrantView>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let of_session = filter.session.as_ref().map_or(":session IS NULL", |_| "session_id = :session");
    let of_run = filter.run.as_ref().map_or(
        ":run IS NULL",
        |_| "session_id = (SELECT session_id FROM runs WHERE runs.run_id = :run) AND run_id = :run",
    );
    // Grants of sessions come before those of components of the same time.
    let (after, after_wide) = match filter.after {
        Some(_) => (
            "((created_at_ms < (SELECT at FROM last)) OR (created_at_ms = (SELECT at FROM last) \
             AND (SELECT is_wide FROM last) = 0 AND rowid < (SELECT place FROM last)))",
            "((created_at_ms < (SELECT at FROM last)) OR (created_at_ms = (SELECT at FROM last) \
             AND ((SELECT is_wide FROM last) = 0 OR rowid < (SELECT place FROM last))))",
        ),
        None => ("1", "1"),
    };
    let sql = format!(
        "WITH last (at, is_wide, place) AS (SELECT created_at_ms, 0, rowid FROM grants WHERE grant_id = :after \
         UNION ALL SELECT created_at_ms, 1, rowid FROM component_grants WHERE grant_id = :after) \
         SELECT *, 0 AS is_wide FROM (SELECT {OF_SESSION} FROM grants WHERE {of_session} AND {of_run} AND {after} \
         AND (:owner IS NULL OR :owner = {OWNER}) AND (:now IS NULL OR (revoked_at_ms IS NULL \
         AND (expires_at_ms IS NULL OR :now < expires_at_ms))) \
         ORDER BY created_at_ms DESC, rowid DESC LIMIT :limit) \
         UNION ALL SELECT *, 1 FROM (SELECT {OF_COMPONENT} FROM component_grants \
         WHERE :session IS NULL AND :run IS NULL AND {after_wide} AND (:now IS NULL OR revoked_at_ms IS NULL) \
         ORDER BY created_at_ms DESC, rowid DESC LIMIT :limit) \
         ORDER BY created_at_ms DESC, is_wide, place DESC LIMIT :limit"
    );
    let values = named_params! {
        ":session": filter.session.as_ref().map(SessionId::as_str),
        ":run": filter.run.as_ref().map(RunId::as_str),
        ":after": filter.after.as_ref().map(GrantId::as_str),
        ":owner": filter.owner.as_ref().map(OwnerId::as_str), ":now": filter.live_at.map(|at| at.0),
        ":limit": filter.limit,
    };
    all(db.prepare_cached(&sql)?, values, view)
}

pub(super) fn one(
    db: &Connection,
    owner: Option<&OwnerId>,
    id: &GrantId,
    limit: u32,
) -> Result<Option<GrantRecord>> {
    let sql = format!(
        "SELECT {OF_SESSION} FROM grants WHERE grant_id = ?1 AND (?2 IS NULL OR ?2 = {OWNER}) \
         UNION ALL SELECT {OF_COMPONENT} FROM component_grants WHERE grant_id = ?1"
    );
    let values = (id.as_str(), owner.map(OwnerId::as_str));
    let Some(grant) = first(db.prepare_cached(&sql)?, values, view)? else { return Ok(None) };
    Ok(Some(GrantRecord {
        grant,
        events: event::of_grant(db, owner, id, limit)?,
        decisions: gate::of_grant(db, id, limit)?,
    }))
}

fn view(row: &Row<'_>) -> Result<GrantView> {
    let declared: Option<GrantRequest> = perhaps(row, 14, |text| serde_json::from_str(text).ok())?;
    let (name, capability) = match &declared {
        Some(declared) => (Some(declared.name.clone()), Some(declared.capability.as_str().to_owned())),
        None => (row.get(6)?, row.get(7)?),
    };
    Ok(GrantView {
        grant_id: row.get(0)?,
        session_id: row.get(1)?,
        run_id: row.get(2)?,
        component: row.get(3)?,
        digest: row.get(4)?,
        adapter_id: row.get(5)?,
        grant: name,
        capability: capability.unwrap_or_else(|| ANY_CAPABILITY.to_owned()),
        operation: row.get(8)?,
        resource_pattern: row.get(9)?,
        effect: row.get(10)?,
        source: row.get(11)?,
        constraints: json(row, 12)?,
        origin_grant_id: row.get(13)?,
        declared,
        created_at_ms: Timestamp(row.get(15)?),
        expires_at_ms: time(row, 16)?,
        revoked_at_ms: time(row, 17)?,
    })
}
