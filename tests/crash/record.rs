//! The record as the daemon's own commands list it, and what has to hold in it at any moment.

use std::collections::{BTreeMap, BTreeSet};

use omi_tests::world::World;
use serde_json::Value;

/// More than there ever is.
const ALL: &str = "1000000";
/// Events that may go again: what the whole message takes the place of.
const COMPACTED: [&str; 1] = ["message.delta"];
/// Statuses that nothing follows where nobody retries.
const TERMINAL: [&str; 5] = ["succeeded", "failed", "cancelled", "timed_out", "orphaned"];

/// The runs by their identifier.
pub(super) type Runs = BTreeMap<String, Value>;

/// What is listed while no daemon writes.
#[derive(Default)]
pub(super) struct Record {
    pub(super) runs: Runs,
    sessions: BTreeMap<String, Value>,
    /// The events by their cursor.
    pub(super) events: BTreeMap<i64, Value>,
}

impl Record {
    pub(super) fn read(world: &World) -> Self {
        let events = list(world, "events");
        let cursors: Vec<i64> = events.iter().map(cursor).collect();
        assert!(cursors.is_sorted_by(|a, b| a < b), "the cursors do not strictly increase: {cursors:?}");
        Self {
            runs: runs(world),
            events: events.into_iter().map(|event| (cursor(&event), event)).collect(),
            sessions: by_id(list(world, "sessions"), "sessionId"),
        }
    }

    /// The last cursor that is there.
    pub(super) fn last_cursor(&self) -> i64 {
        self.events.last_key_value().map_or(0, |(cursor, _)| *cursor)
    }

    /// The runs that have an event of a type.
    pub(super) fn runs_with(&self, kind: &str) -> BTreeSet<&str> {
        let events = self.events.values().filter(|event| event["type"] == kind);
        events.map(|event| text(&event["runId"])).collect()
    }

    /// The runs that have a status.
    pub(super) fn with_status(&self, wanted: impl Fn(&str) -> bool) -> usize {
        self.runs.values().filter(|run| wanted(text(&run["status"]))).count()
    }

    /// What holds at any moment: the rows say what the events say.
    pub(super) fn agrees_with_itself(&self) {
        let ids: BTreeSet<&str> = self.events.values().map(|event| text(&event["eventId"])).collect();
        assert_eq!(ids.len(), self.events.len(), "an event is there twice");
        let mut ends: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for event in self.events.values() {
            let id = if text(&event["type"]).starts_with("run.") { "runId" } else { "attemptId" };
            *ends.entry((text(&event[id]), text(&event["type"]))).or_default() += 1;
        }
        let count = |id: &str, kind: &str| ends.get(&(id, kind)).copied().unwrap_or_default();
        for (id, run) in &self.runs {
            assert!(self.sessions.contains_key(text(&run["sessionId"])), "a run without a session: {run}");
            assert_ne!(run["status"], "failed", "nothing here has a reason to fail: {run}");
            for status in TERMINAL {
                let expected = usize::from(run["status"] == status);
                assert_eq!(count(id, &format!("run.{status}")), expected, "`run.{status}` events of {run}");
            }
            assert_eq!(count(id, "run.queued"), 1, "`run.queued` events of {run}");
            for attempt in attempts(run) {
                let expected = usize::from(attempt["status"] == "orphaned");
                let orphaned = count(text(&attempt["attemptId"]), "attempt.orphaned");
                assert_eq!(orphaned, expected, "`attempt.orphaned` events of {attempt}");
            }
            let active = attempts(run).filter(|attempt| !is_terminal(attempt)).count();
            let most = usize::from(!is_terminal(run) && run["status"] != "queued");
            assert!(active <= most, "{active} attempts that are not over: {run}");
        }
        let listed: i64 = self.sessions.values().filter_map(|session| session["runCount"].as_i64()).sum();
        assert_eq!(usize::try_from(listed).ok(), Some(self.runs.len()), "runs that sessions count");
    }

    /// What holds between a moment and a later one, however many daemons were killed in between.
    pub(super) fn is_continued_by(&self, later: &Self) {
        for (id, run) in &self.runs {
            let Some(after) = later.runs.get(id) else { panic!("a run is lost: {run}") };
            if is_terminal(run) {
                assert_eq!(without_workers(run), without_workers(after), "terminal means terminal");
            }
        }
        for (cursor, event) in &self.events {
            match later.events.get(cursor) {
                Some(after) => assert_eq!(event, after, "a cursor is used again"),
                None => assert!(
                    COMPACTED.contains(&text(&event["type"])),
                    "an event is lost that nothing takes the place of: {event}"
                ),
            }
        }
        let new = later.events.keys().find(|cursor| !self.events.contains_key(cursor));
        assert!(new.is_none_or(|new| *new > self.last_cursor()), "a new event is among the old: {new:?}");
    }

    /// What holds when a daemon has started on this record: what ran is orphaned, all of it, and nothing else is.
    /// One that was killed while it started has done all of that, or nothing.
    pub(super) fn is_reconciled_in(&self, later: &Runs, killed: bool) {
        let (ran, waited): (Vec<_>, Vec<_>) =
            self.runs.iter().filter(|(_, run)| !is_terminal(run)).partition(|(_, run)| {
                run["status"] != "queued" || attempts(run).any(|one| !is_terminal(one))
            });
        let orphaned: Vec<bool> = ran
            .iter()
            .map(|(id, run)| {
                let after = &later[*id];
                let now = |attempt: &Value| attempts(after).find(|a| a["attemptId"] == attempt["attemptId"]);
                let orphan = |attempt| now(attempt).is_some_and(|after| after["status"] == "orphaned");
                let whole = attempts(run).filter(|attempt| !is_terminal(attempt)).all(orphan);
                after["status"] == "orphaned" && whole
            })
            .collect();
        let none = killed && !orphaned.contains(&true);
        assert!(none || !orphaned.contains(&false), "not all that ran is orphaned: {ran:?}");
        if !killed {
            for (id, run) in waited {
                assert_ne!(later[id]["status"], "orphaned", "it waited, nothing of it was lost: {run}");
            }
        }
    }
}

/// The runs, also beside a daemon that writes.
pub(super) fn runs(world: &World) -> Runs {
    by_id(list(world, "runs"), "runId")
}

fn list(world: &World, kind: &str) -> Vec<Value> {
    let ended = world.run(&[kind, "--json", "--limit", ALL], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    match serde_json::from_str(&ended.stdout) {
        Ok(Value::Array(list)) => list,
        _ => ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect(),
    }
}

fn by_id(list: Vec<Value>, key: &str) -> BTreeMap<String, Value> {
    let count = list.len();
    let by_id: BTreeMap<_, _> = list.into_iter().map(|item| (text(&item[key]).to_owned(), item)).collect();
    assert_eq!(by_id.len(), count, "a `{key}` is there twice");
    by_id
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a run was asked.
pub(super) fn prompt(run: &Value) -> &str {
    text(&run["input"]["prompt"][0]["text"])
}

fn cursor(event: &Value) -> i64 {
    event["cursor"].as_i64().expect("an event has a cursor")
}

fn attempts(run: &Value) -> impl Iterator<Item = &Value> {
    run["attempts"].as_array().into_iter().flatten()
}

/// Whether a run or an attempt is over.
pub(super) fn is_terminal(row: &Value) -> bool {
    TERMINAL.contains(&text(&row["status"]))
}

/// A run as it stays: its workers are gone with their daemon, and a start says so (SPEC §3.7).
fn without_workers(run: &Value) -> Value {
    let mut run = run.clone();
    for attempt in run["attempts"].as_array_mut().into_iter().flatten() {
        attempt["workerId"] = Value::Null;
    }
    run
}
