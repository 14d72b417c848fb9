//! A store in a folder of its own, and a look at its rows.

use std::path::PathBuf;

use omi_kernel::decision::Reply;
use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::id::{AttemptId, BindingId, Ids, RunId, SessionId, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::request::{Accept, Delegate};
use omi_store::{Committed, Outcome as Came, Reader, Store, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, Row};
use tempfile::TempDir;

pub(crate) use crate::tell::*;

/// What the clock of every test says first.
const START_MS: i64 = 1_700_000_000_000;

/// A store with a clock and identifiers of its own.
pub(crate) struct Bench {
    pub(crate) store: Store,
    folder: TempDir,
    now_ms: i64,
    last_id: u128,
}

/// What was accepted.
#[derive(Clone)]
pub(crate) struct Accepted {
    pub(crate) session: SessionId,
    pub(crate) run: RunId,
}

/// An attempt that a worker has.
#[derive(Clone)]
pub(crate) struct Begun {
    pub(crate) attempt: AttemptId,
    pub(crate) binding: BindingId,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(&folder.path().join("omi.sqlite3"), Timestamp(START_MS)).unwrap();
        Self { store, folder, now_ms: START_MS, last_id: 0 }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("omi.sqlite3")
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// Another connection to the same file.
    pub(crate) fn beside(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The daemon ends and another one starts on the same file.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, folder, now_ms, last_id } = self;
        drop(store);
        let store = Store::open(&folder.path().join("omi.sqlite3"), Timestamp(now_ms + 1)).unwrap();
        Self { store, folder, now_ms: now_ms + 1, last_id }
    }

    /// The daemon ends. The file stays as long as its folder is held.
    pub(crate) fn close(self) -> TempDir {
        self.folder
    }

    /// One batch, a millisecond after the last.
    pub(crate) fn batch(&mut self, inputs: &[Input]) -> Result<Vec<Came>, StoreError> {
        self.now_ms += 1;
        let last_id = &mut self.last_id;
        let mut source = || {
            *last_id += 1;
            *last_id
        };
        self.store.batch(inputs, Timestamp(self.now_ms), &mut Ids::new(&mut source))
    }

    /// A batch of one input, which may be refused.
    pub(crate) fn send(&mut self, input: Input) -> Came {
        self.batch(&[input]).unwrap().remove(0)
    }

    /// A batch of one input, which is taken.
    pub(crate) fn take(&mut self, input: Input) -> Committed {
        self.send(input).unwrap()
    }

    pub(crate) fn accept(&mut self, accept: Accept) -> Accepted {
        let Reply::Accepted { session, run, .. } = self.take(accepts(accept)).reply else { panic!() };
        Accepted { session, run }
    }

    /// A run delegates, and is told which run works for it.
    pub(crate) fn delegate(&mut self, delegate: Delegate) -> Accepted {
        let reply = self.take(Input::Delegate(Box::new(delegate))).reply;
        let Reply::Delegated { session, run, .. } = reply else { panic!("{reply:?}") };
        Accepted { session, run }
    }

    /// The clock is set, forwards or back.
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.now_ms = now.0;
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.now_ms)
    }

    /// A new worker begins the run and is told to make or take up a native session.
    pub(crate) fn begin(&mut self, run: &RunId) -> Begun {
        let committed = self.take(leased(run));
        let bind = committed.effects.iter().find_map(|effect| match effect {
            Effect::Bind { attempt, binding, .. } => Some((attempt.clone(), binding.clone())),
            _ => None,
        });
        let (attempt, binding) = bind.unwrap();
        Begun { attempt, binding }
    }

    /// A run that is accepted, as far as its adapter has it.
    pub(crate) fn executed(&mut self, run: &RunId, native_id: &str) -> Begun {
        let begun = self.begin(run);
        self.take(opened(&begun, native_id, Fidelity::Native));
        begun
    }

    /// A prompt in a new session, as far as its adapter has it.
    pub(crate) fn running(&mut self, request: &str) -> (Accepted, Begun) {
        let accepted = self.accept(asks(request));
        let begun = self.executed(&accepted.run, &format!("native-{request}"));
        (accepted, begun)
    }

    /// The first column of every row, as text.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        let db = self.beside();
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Value>(0)).unwrap();
        rows.map(|value| word(&value.unwrap())).collect()
    }

    /// The types of the events, in their order.
    pub(crate) fn events(&self) -> Vec<String> {
        self.column("SELECT type FROM events ORDER BY event_seq")
    }

    /// The status of the run and of each of its attempts.
    pub(crate) fn statuses(&self, run: &RunId) -> Vec<String> {
        self.column(&format!(
            "SELECT status FROM runs WHERE run_id = '{run}' UNION ALL \
             SELECT * FROM (SELECT status FROM run_attempts WHERE run_id = '{run}' ORDER BY attempt_no)"
        ))
    }

    /// Every row of every table.
    pub(crate) fn dump(&self) -> Vec<String> {
        dump(&self.beside())
    }
}

/// Every row of every table of a database, as text, each after the name of its table.
pub(crate) fn dump(db: &Connection) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = db.prepare(tables).unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut all = Vec::new();
    for table in tables {
        let mut rows = db.prepare(&format!("SELECT * FROM {table} ORDER BY rowid")).unwrap();
        let columns = rows.column_count();
        let read = |row: &Row<'_>| (0..columns).map(|column| row.get::<_, Value>(column)).collect();
        let rows = rows.query_map([], read).unwrap();
        all.extend(rows.map(|row: rusqlite::Result<Vec<Value>>| format!("{table} {:?}", row.unwrap())));
    }
    all
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}
