//! What the machine itself can do: an fsync, and a commit of SQLite without anything of ours.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use omi_figures::percentile;

/// Times that each is measured.
const TIMES: usize = 200;
/// Bytes of a page.
const PAGE: usize = 4096;

/// The median of appending a page and having it reach the disk.
pub(crate) fn fsync_ms(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("fsync"))?;
    let page = [7_u8; PAGE];
    let mut values = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        values.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(percentile(&mut values, 50))
}

/// The median of a transaction that inserts one small row, as durable as ours are.
pub(crate) fn sqlite_commit_ms(folder: &Path) -> Result<f64> {
    let db = Connection::open(folder.join("raw.sqlite3"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")?;
    let mut insert = db.prepare("INSERT INTO rows (text) VALUES (?1)")?;
    let mut values = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        insert.execute(["a row of a few words, as a run or an event is at the least"])?;
        values.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(percentile(&mut values, 50))
}
