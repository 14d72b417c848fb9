//! What the daemon said: every word of it binds the daemons after it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::load::{Asked, Key};
use super::record::{Record, prompt, text};

/// Everything that was heard so far.
#[derive(Default)]
pub(super) struct Ledger {
    /// The run of each request that was acknowledged.
    pub(super) runs: BTreeMap<Key, String>,
    /// The result of each run that had one.
    pub(super) results: BTreeMap<String, Value>,
    /// The runs whose cancellation was accepted.
    pub(super) cancelled: BTreeSet<String>,
    /// The session of each run.
    sessions: BTreeMap<String, String>,
    /// The event of each cursor.
    events: BTreeMap<i64, String>,
    last_cursor: i64,
}

impl Ledger {
    /// Takes the daemon at its word. Answers whose run it is about, if it is about one.
    pub(super) fn hear(&mut self, message: &Value) -> Option<Key> {
        assert_ne!(message["type"], "error", "nothing here is wrong: {message}");
        if let Some(cursor) = message["cursor"].as_i64() {
            self.last_cursor = self.last_cursor.max(cursor);
            if let Some(event) = message["eventId"].as_str() {
                same(&mut self.events, cursor, event.to_owned(), message);
            }
        }
        let run = message["runId"].as_str()?.to_owned();
        let key = (text(&message["clientId"]).to_owned(), text(&message["requestId"]).to_owned());
        same(&mut self.runs, key.clone(), run.clone(), message);
        if let Some(session) = message["sessionId"].as_str() {
            same(&mut self.sessions, run.clone(), session.to_owned(), message);
        }
        if message["type"] == "result" {
            let result = serde_json::json!([message["terminalStatus"], message["text"]]);
            same(&mut self.results, run, result, message);
        } else if message["type"] == "cancel_ack" && message["accepted"] == true {
            self.cancelled.insert(run);
        }
        Some(key)
    }

    /// Whether a record keeps the daemon's word.
    pub(super) fn is_kept_in(&self, record: &Record, asked: &[Asked]) {
        for (key, run) in &self.runs {
            assert!(record.runs.contains_key(run), "{key:?} was acknowledged as {run}, which is lost");
        }
        for (run, result) in &self.results {
            let row = &record.runs[run];
            let recorded = serde_json::json!([row["status"], text(&row["finalText"])]);
            assert_eq!(&recorded, result, "the result that was sent is not that of {row}");
        }
        for (run, session) in &self.sessions {
            assert_eq!(&record.runs[run]["sessionId"], session, "the session of {run}");
        }
        let cancelled = record.runs_with("run.cancellation_requested");
        for run in &self.cancelled {
            let row = &record.runs[run];
            assert!(cancelled.contains(run.as_str()), "a cancellation was accepted: {row}");
            let status = text(&row["status"]);
            assert!(["cancelling", "cancelled", "orphaned"].contains(&status), "it was to stop: {row}");
        }
        for (cursor, event) in &self.events {
            let recorded = record.events.get(cursor).map(|event| &event["eventId"]);
            // What is gone is looked into where two records are compared.
            assert!(recorded.is_none_or(|id| id == event), "the cursor {cursor} was {event}: {recorded:?}");
        }
        let last = record.last_cursor();
        assert!(self.last_cursor <= last, "the cursor {} was sent, the last is {last}", self.last_cursor);
        self.has_each_request_once(record, asked);
    }

    /// Each run was asked for, no request has two, and no task has two sessions.
    fn has_each_request_once(&self, record: &Record, asked: &[Asked]) {
        let by_prompt: BTreeMap<&str, &Asked> =
            asked.iter().map(|asked| (text(&asked.query["prompt"]), asked)).collect();
        let (mut runs, mut tasks) = (BTreeMap::new(), BTreeMap::new());
        for (id, run) in &record.runs {
            let Some(asked) = by_prompt.get(prompt(run)) else { panic!("nobody asked for {run}") };
            assert_eq!(run["requestId"], asked.key.1.as_str(), "the request of {run}");
            same(&mut runs, &asked.key, id, run);
            if let Some(acknowledged) = self.runs.get(&asked.key) {
                assert_eq!(acknowledged, id, "{:?} was acknowledged as another run", asked.key);
            }
            if let Some(task) = asked.query["externalRefId"].as_str() {
                same(&mut tasks, task, &run["sessionId"], run);
            }
            if let Some(answer) = asked.answer.as_deref().filter(|_| run["status"] == "succeeded") {
                assert_eq!(run["finalText"], answer, "it succeeded, and was asked for this");
            }
        }
    }
}

/// Notes a value, which must be the one that was noted before.
fn same<K: Ord, V: PartialEq + std::fmt::Debug>(known: &mut BTreeMap<K, V>, key: K, value: V, said: &Value) {
    match known.get(&key) {
        Some(before) => assert_eq!(before, &value, "it was said to be another before: {said}"),
        None => drop(known.insert(key, value)),
    }
}
