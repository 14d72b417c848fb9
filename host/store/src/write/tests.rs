//! Writes that find no row: a decision never asks for these, unless the row went meanwhile.

use omi_kernel::grant::Grant;
use omi_kernel::id::{GrantId, Ids, RunId, SessionId, Timestamp};
use omi_kernel::write::Write;
use tempfile::TempDir;

use super::{Written, write};
use crate::open;

#[test]
fn what_is_not_there_is_neither_revoked_nor_removed() {
    let folder = TempDir::new().unwrap();
    let db = open::writer(&folder.path().join("omi.sqlite3"), Timestamp(1)).unwrap();
    let session = SessionId::new(&mut Ids::new(&mut || 1));
    let insert = "INSERT INTO sessions (session_id, owner_id, status, surface_kind, default_adapter_id, \
                  created_at_ms, updated_at_ms, last_activity_at_ms) VALUES (?1, 'ann', 'open', 'cli', 'echo', 1, 1, 1)";
    db.execute(insert, [session.as_str()]).unwrap();
    let run = RunId::new(&mut Ids::new(&mut || 2));
    let id = GrantId::new(&mut Ids::new(&mut || 3));
    let grant = Grant { run: None, ..Grant::legacy_default(id.clone(), session, run) };
    let conflicts = |row: &Write| matches!(write(&db, row, Timestamp(2)).unwrap(), Written::Conflict);
    let revoke = Write::RevokeGrant(id);
    assert!(conflicts(&revoke), "there is none yet");
    assert!(!conflicts(&Write::InsertGrant(Box::new(grant))));
    assert!(!conflicts(&revoke));
    assert!(conflicts(&revoke), "it is revoked already");
    assert!(conflicts(&Write::RemoveComponent { path: "/opt/echo.wasm".into() }));
}
