//! Sessions.

use omi_kernel::id::{SessionId, Timestamp};
use omi_kernel::model::ModelProfile;
use omi_kernel::new::NewSession;
use omi_kernel::session::{SessionChange, SessionStatus};
use rusqlite::{Connection, Result, named_params};

use super::{Written, changed};

pub(super) fn insert(db: &Connection, session: &NewSession, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO sessions (session_id, owner_id, title, status, surface_kind, external_ref_kind, \
         external_ref_id, legacy_client_scope, legacy_session_key, default_adapter_id, default_cwd, \
         model_profile, created_at_ms, updated_at_ms, last_activity_at_ms) \
         VALUES (:id, :owner, :title, 'open', :surface, :external_kind, :external_id, :scope, :key, :adapter, \
         :cwd, :profile, :now, :now, :now)";
    let (external_kind, external_id) = session.external.clone().unzip();
    let (scope, key) = session.legacy.clone().unzip();
    let values = named_params! {
        ":id": session.id.as_str(), ":owner": session.owner.as_str(), ":title": session.title,
        ":surface": session.surface, ":external_kind": external_kind, ":external_id": external_id,
        ":scope": scope, ":key": key, ":adapter": session.default_adapter.as_str(),
        ":cwd": session.default_cwd, ":profile": session.profile.map(ModelProfile::as_str), ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn touch(db: &Connection, id: &SessionId, now: Timestamp) -> Result<Written> {
    let sql = "UPDATE sessions SET updated_at_ms = ?2, last_activity_at_ms = ?2 WHERE session_id = ?1";
    db.prepare_cached(sql)?.execute((id.as_str(), now.0)).map(changed)
}

pub(super) fn update(
    db: &Connection,
    id: &SessionId,
    from: SessionStatus,
    change: &SessionChange,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE sessions SET updated_at_ms = :now, title = COALESCE(:title, title), \
         status = COALESCE(:to, status), metadata_json = COALESCE(:metadata, metadata_json) \
         WHERE session_id = :id AND status = :from";
    let values = named_params! {
        ":id": id.as_str(), ":from": from.as_str(), ":to": change.status.map(SessionStatus::as_str),
        ":title": change.title, ":metadata": change.metadata.as_ref().map(ToString::to_string), ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}
