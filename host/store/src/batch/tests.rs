//! A disk that is full, at every step of a batch. The limit is SQLite's own and belongs to the writer's connection.

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{Ids, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::request::{Accept, SessionRef};
use omi_kernel::row::RunInput;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::{Outcome, Store};
use crate::error::StoreError;

/// Larger than a page, so that each prompt needs new ones.
const PROMPT_BYTES: usize = 20_000;

fn prompt(request: &str) -> Input {
    Input::Accept(Box::new(Accept {
        owner: "ann".into(),
        client: "cli".into(),
        request: request.into(),
        session: SessionRef::default(),
        surface: "cli".into(),
        title: None,
        idempotency_key: None,
        default_adapter: "echo".into(),
        input: RunInput {
            prompt: vec![PromptBlock::Text { text: "x".repeat(PROMPT_BYTES) }],
            ..RunInput::default()
        },
        system_prompt_hash: None,
        mode: RunMode::Act,
        legacy: vec!["echo".into()],
    }))
}

/// Every row that the batch may touch.
fn rows(store: &Store) -> Vec<Vec<Value>> {
    let read = |table: &str| {
        let mut statement = store.db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        statement.query_map([], row).unwrap().collect::<Result<Vec<Vec<Value>>, _>>().unwrap()
    };
    ["sessions", "runs", "events", "grants", "sqlite_sequence"].into_iter().flat_map(read).collect()
}

fn pages(store: &Store) -> i64 {
    store.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
}

/// Lets the file grow by so many pages and no more.
fn allow(store: &Store, more: i64) {
    store.db.pragma_update_and_check(None, "max_page_count", pages(store) + more, |_| Ok(())).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_and_the_same_batch_succeeds_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("omi.sqlite3");
    let mut store = Store::open(&path, Timestamp(1)).unwrap();
    let mut last = 0;
    let mut source = || {
        last += 1;
        last
    };
    let mut ids = Ids::new(&mut source);
    store.batch(&[prompt("r0")], Timestamp(2), &mut ids).unwrap();
    let before = rows(&store);
    let batch = [prompt("r1"), prompt("r2"), prompt("r3")];

    let mut failures = 0;
    let outcomes: Vec<Outcome> = loop {
        allow(&store, failures);
        match store.batch(&batch, Timestamp(3), &mut ids) {
            Ok(outcomes) => break outcomes,
            Err(StoreError::Full { .. }) => failures += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(rows(&store) == before, "a batch that found no room after {failures} pages left something");
    };
    assert!(failures > 10, "three prompts need more than {failures} pages");
    assert!(outcomes.iter().all(Result::is_ok));
    let after = rows(&store);
    drop(store);
    assert!(rows(&Store::open(&path, Timestamp(4)).unwrap()) == after, "what was committed is on the disk");
}
