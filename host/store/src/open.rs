//! Opens the database and brings its schema up to date: forward only, in one transaction, never deleting anything.

use std::path::Path;

use omi_kernel::id::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::StoreError;

/// Each migration with its version, oldest first.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("../../../migrations/0001_init.sql")),
    (2, include_str!("../../../migrations/0002_kernel_whole.sql")),
    (3, include_str!("../../../migrations/0003_grants.sql")),
    (4, include_str!("../../../migrations/0004_recovery.sql")),
    (5, include_str!("../../../migrations/0005_pruned.sql")),
];

/// Milliseconds to wait for another connection that holds a lock (SPEC §1.4).
const BUSY_TIMEOUT_MS: u64 = 5000;
/// Pages of the write-ahead log before they are written back (16 MiB): with SQLite's own 1000 every 60th prompt waited for
/// that, and pages that change often were written back four times as often.
const LOG_PAGES: u32 = 4000;
/// Statements that a connection keeps prepared: more than there are that are asked often.
const STATEMENTS_KEPT_MAX: usize = 128;

/// Opens the writer's connection, making the file if there is none.
pub(crate) fn writer(path: &Path, now: Timestamp) -> Result<Connection, StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    let mut connection = Connection::open(path).map_err(fail)?;
    look(&connection, path)?;
    configure(&connection).map_err(fail)?;
    migrate(&mut connection, path, now)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(fail)?;
    plan_once(&connection).map_err(fail)?;
    match check_version(&connection, path)? {
        found if found < known() => Err(StoreError::TooOld { path: path.to_owned(), found }),
        _ => Ok(connection),
    }
}

/// Refuses what cannot be used before anything is changed: neither its journal mode nor, when the connection is
/// closed again, what a daemon that died left in its log.
fn look(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(fail)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fail)?;
    check_version(connection, path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(fail)?;
    Ok(())
}

/// FULL, not the NORMAL of SPEC §1.4: what was acknowledged survives a loss of power.
fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // What a savepoint needs to go back is small and is gone after the commit: no file need hold it.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    plan_once(connection)
}

/// A statement is planned once. Otherwise SQLite plans anew for each value that might fit a partial index.
fn plan_once(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    Ok(())
}

fn known() -> u32 {
    MIGRATIONS.last().map_or(0, |(version, _)| *version)
}

fn check_version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| StoreError::from_sqlite(path, source))?;
    if found > known() {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: known() });
    }
    Ok(found)
}

fn migrate(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    let found = check_version(connection, path)?;
    if found == known() {
        return Ok(());
    }
    let fail = |source| StoreError::from_sqlite(path, source);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(fail)?;
    for (version, sql) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        transaction.execute_batch(sql).map_err(fail)?;
        let record = "INSERT INTO schema_migrations (version, applied_at_ms) VALUES (?1, ?2)";
        transaction.execute(record, (version, now.0)).map_err(fail)?;
        transaction.pragma_update(None, "user_version", version).map_err(fail)?;
    }
    transaction.commit().map_err(fail)
}
