//! Components that are installed.

use omi_kernel::grant::Component;
use omi_kernel::id::Timestamp;
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};

/// In the place of what was there at the same path.
pub(super) fn put(db: &Connection, component: &Component, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO components (path, name, digest, adapter_id, version, grants_json, imports_json, \
         installed_at_ms) VALUES (:path, :name, :digest, :adapter, :version, :grants, :imports, :now) \
         ON CONFLICT (path) DO UPDATE SET name = excluded.name, digest = excluded.digest, \
         adapter_id = excluded.adapter_id, version = excluded.version, grants_json = excluded.grants_json, \
         imports_json = excluded.imports_json, installed_at_ms = excluded.installed_at_ms";
    let values = named_params! {
        ":path": component.path, ":name": component.name, ":digest": component.digest,
        ":adapter": component.adapter_id, ":version": component.version,
        ":grants": json!(component.grants).to_string(), ":imports": json!(component.imports).to_string(),
        ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

/// What was granted to it for good goes with it, also where it was copied into a session. There may be none of that.
pub(super) fn remove(db: &Connection, path: &str, now: Timestamp) -> Result<Written> {
    let copies = "UPDATE grants SET revoked_at_ms = ?2 WHERE revoked_at_ms IS NULL \
                  AND origin_grant_id IN (SELECT grant_id FROM component_grants WHERE component = ?1)";
    db.prepare_cached(copies)?.execute((path, now.0))?;
    db.prepare_cached("DELETE FROM component_grants WHERE component = ?1")?.execute([path])?;
    db.prepare_cached("DELETE FROM components WHERE path = ?1")?.execute([path]).map(changed)
}
