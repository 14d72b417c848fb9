//! A database of each version that was ever released is brought up to date with all its rows (STYLE S4).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omi_kernel::grant::Policy;
use omi_kernel::id::{GrantId, Ids, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::model::ModelProfile;
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{Failure, FailureDetail, Outcome, Usage};
use omi_kernel::request::{Accept, Retry, SessionRef};
use omi_kernel::row::HOST_REQUESTS;
use omi_kernel::session::SessionChange;
use omi_store::{ArtifactFilter, GrantFilter, Reader, RunFilter, SessionFilter, Store};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use crate::bench::*;

/// The rows of a table, each with the names of its columns.
type Rows = Vec<BTreeMap<String, Value>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/fixtures")
}

/// Makes the database of a fixture.
fn restore(path: &Path, sql: &str) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(sql).unwrap();
    db
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn tables(db: &Connection) -> Vec<String> {
    texts(
        db,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    )
}

/// The statements that made a schema, without regard to white space.
fn schema(db: &Connection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name";
    let words = |sql: &String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    texts(db, sql).iter().map(words).collect()
}

fn rows(db: &Connection, table: &str) -> Rows {
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY rowid")).unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let read = |row: &rusqlite::Row<'_>| {
        let cell = |(index, name): (usize, &String)| Ok((name.clone(), row.get::<_, Value>(index)?));
        columns.iter().enumerate().map(cell).collect()
    };
    statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn there_is_a_fixture_of_each_version() {
    let version: u32 = Bench::new().column("PRAGMA user_version")[0].parse().unwrap();
    for version in 1..=version {
        let path = folder().join(format!("v{version}.sql"));
        assert!(path.exists(), "{} is missing", path.display());
    }
}

#[test]
fn an_old_database_is_brought_up_to_date_with_all_its_rows() {
    let fresh = schema(&Bench::new().beside());
    for entry in std::fs::read_dir(folder()).unwrap() {
        let fixture = entry.unwrap().path();
        let name = fixture.display();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("omi.sqlite3");
        let old = restore(&path, &std::fs::read_to_string(&fixture).unwrap());
        let before: Vec<(String, Rows)> =
            tables(&old).into_iter().map(|table| (table.clone(), rows(&old, &table))).collect();
        old.close().unwrap();
        for (table, rows) in &before {
            assert!(!rows.is_empty(), "{name}: {table} has no row that could be lost");
        }

        let mut store = Store::open(&path, Timestamp(1)).unwrap();
        let new = Connection::open(&path).unwrap();
        assert_eq!(schema(&new), fresh, "{name}");
        for (table, before) in before.iter().filter(|(table, _)| table != "schema_migrations") {
            let after = rows(&new, table);
            assert_eq!(after.len(), before.len(), "{name}: {table}");
            for (after, before) in after.iter().zip(before) {
                let kept = before.iter().all(|(column, value)| after.get(column) == Some(value));
                assert!(kept, "{name}: {table}: {before:?} became {after:?}");
            }
        }
        assert_eq!(texts(&new, "PRAGMA integrity_check"), ["ok"]);
        assert!(texts(&new, "SELECT 'broken' FROM pragma_foreign_key_check").is_empty(), "{name}");

        let mut last = u128::from(u64::MAX);
        let mut source = || {
            last += 1;
            last
        };
        let reconciled = store.batch(&[Input::Reconcile], Timestamp(2), &mut Ids::new(&mut source)).unwrap();
        assert!(reconciled[0].is_ok(), "{name}: {reconciled:?}");
        let reader = Reader::open(&path).unwrap();
        let sessions = SessionFilter { limit: 100, ..SessionFilter::default() };
        assert!(!reader.sessions(&sessions).unwrap().is_empty());
        let runs = reader.runs(&RunFilter { limit: 100, ..RunFilter::default() }).unwrap();
        assert!(!runs.is_empty());
        assert!(
            !reader
                .artifacts(&ArtifactFilter { limit: 100, ..ArtifactFilter::default() })
                .unwrap()
                .is_empty()
        );
        let grants = reader.grants(&GrantFilter { limit: 100, ..GrantFilter::default() }).unwrap();
        assert!(grants.iter().any(|grant| grant.source == "legacy_default"), "{name}");
        assert!(runs.iter().any(|run| {
            let run = omi_kernel::id::RunId::parse(&run.run_id).unwrap();
            !reader.delegations(None, &run).unwrap().is_empty()
        }));
    }
}

/// Writes the fixture of the schema that the store makes at present, into the folder of the fixtures. Run by hand,
/// once, when a version is released; a fixture that was released never changes.
#[test]
#[ignore = "writes into the work tree; run it with --run-ignored when a version is released"]
fn write_the_fixture_of_this_version() {
    let bench = everything();
    let db = bench.beside();
    let version = bench.column("PRAGMA user_version").remove(0);
    let mut lines = vec![
        format!(
            "-- A database of schema version {version} with rows in every table, as `omi-store` wrote it."
        ),
        "-- It is what a released version left on a disk, so it never changes.".to_owned(),
        "BEGIN;".to_owned(),
    ];
    let made = "SELECT sql || ';' FROM sqlite_schema \
                WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    lines.extend(texts(&db, made));
    for table in tables(&db) {
        let columns = texts(&db, &format!("SELECT name FROM pragma_table_info('{table}')"));
        let values: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let insert = format!("INSERT INTO {table} ({}) VALUES (", columns.join(", "));
        let sql = format!(
            "SELECT '{insert}' || {} || ');' FROM {table} ORDER BY rowid",
            values.join(" || ', ' || ")
        );
        lines.extend(texts(&db, &sql));
    }
    let sequences = "SELECT 'UPDATE sqlite_sequence SET seq = ' || seq || ' WHERE name = ' || quote(name) || ';' \
                     FROM sqlite_sequence ORDER BY name";
    lines.extend(texts(&db, sequences));
    lines.push(format!("PRAGMA user_version = {version};"));
    lines.push("COMMIT;\n".to_owned());
    std::fs::create_dir_all(folder()).unwrap();
    std::fs::write(folder().join(format!("v{version}.sql")), lines.join("\n")).unwrap();
}

/// A store with rows in every table: runs in every state that a daemon can leave behind.
fn everything() -> Bench {
    let mut bench = Bench::new();
    finished_runs(&mut bench);
    granted(&mut bench);
    bench.running("lost");
    bench.take(Input::Reconcile);
    waiting_runs(&mut bench);
    bench.accept(asks("queued"));
    bench
}

fn finished_runs(bench: &mut Bench) {
    let names = SessionRef {
        id: None,
        external: Some(("chat".into(), "default".into())),
        legacy: Some(("bridge".into(), "main".into())),
    };
    let mut accept = Accept {
        session: names,
        legacy: vec!["echo".into()],
        title: Some("It's a chat".into()),
        idempotency_key: Some("key-1".into()),
        system_prompt_hash: Some("hash-1".into()),
        ..asks("done")
    };
    accept.input.cwd = Some("/home/ann/project".into());
    accept.input.profile = Some(ModelProfile::Vision);
    let done = bench.accept(accept);
    let begun = bench.executed(&done.run, "native-done");
    bench.take(asks_leave(&begun.attempt, 1, ApprovalPolicy::Legacy));
    let usage =
        Usage { input_tokens: Some(10), output_tokens: Some(3), cost_usd: Some(0.25), ..Usage::default() };
    bench.take(finished(&begun.attempt, stale(), "", Some(usage)));
    let begun = bench.executed(&done.run, "native-done-2");
    bench.take(Input::Leased { attempt: begun.attempt.clone(), lease: lease(71) });
    bench.take(message_completed(&begun.attempt, "m1", "Grüße"));
    bench.take(makes(&begun.attempt, "checkpoint", "file:///home/ann/project/a.txt"));
    let child = bench.delegate(calls(&done.run, "delegated"));
    let working = bench.executed(&child.run, "native-child");
    bench.take(finished(&working.attempt, well(), "It's done", Some(usage)));
    bench.take(finished(&begun.attempt, well(), "Grüße", Some(usage)));
    bench.take(Input::CameLate { attempt: begun.attempt, count: 2 });
    let metadata = Some(serde_json::json!({ "color": "red" }));
    bench.take(changes(&done.session, SessionChange { metadata, ..SessionChange::default() }));
    let (stopped, begun) = bench.running("stopped");
    bench.take(chunk(&begun.attempt, "m1", 0, "Hel"));
    bench.take(cancel(&stopped.run));
    bench.take(cancel_dispatched(&begun.attempt));
    bench.take(finished(&begun.attempt, Outcome::Cancelled, "Hel", None));
    bench.take(Input::Retain { ended_before: Timestamp(0), events_max: 40 });
}

/// What a person allowed and denied: for good, once, in a session; taken back, and still open.
fn granted(bench: &mut Bench) {
    bench.take(installs("/opt/echo.wasm", "d1"));
    bench.take(installs("/opt/other.wasm", "d2"));
    bench.take(Input::RemoveComponent { path: "/opt/other.wasm".into() });
    let (asking, begun) = bench.running("opening");
    for (op, answer) in [(1, "once"), (2, "session"), (3, "deny"), (4, "always")] {
        let mut asked = reads(op, &format!("src/{op}.rs"), Policy::Ask);
        asked.access.covers.clone_from(&asked.access.resource);
        bench.take(wants(Some(&asking.session), &begun.attempt, asked));
        bench.take(chooses(&begun.attempt, HOST_REQUESTS + op, answer));
    }
    let taken_back = bench.column("SELECT grant_id FROM grants WHERE constraints_json != '{}'").remove(0);
    bench.take(revokes(&GrantId::parse(&taken_back).unwrap()));
    bench.take(wants(None, &begun.attempt, reads(5, "src/4.rs", Policy::Deny)));
    bench.take(wants(Some(&asking.session), &begun.attempt, reads(6, "src/6.rs", Policy::Ask)));
}

fn waiting_runs(bench: &mut Bench) {
    let (failed, begun) = bench.running("failed");
    let broken = Outcome::Failed(Failure::Fatal(FailureDetail::new("broken", "it broke")));
    bench.take(finished(&begun.attempt, broken, "half", None));
    bench.take(Input::Retry(Retry { adapter: Some("another".into()), ..retries(&failed.run) }));
    let (_, begun) = bench.running("asking");
    bench.take(asks_leave(&begun.attempt, 1, ApprovalPolicy::Ask));
    let (_, begun) = bench.running("wondering");
    bench.take(asks_for(&begun.attempt, 1, "Which one?"));
    let (_, begun) = bench.running("logged-out");
    bench.take(wants_log_in(&begun.attempt, &["browser", "key"]));
}
