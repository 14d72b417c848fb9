//! Takes old events away: what is old, and the oldest beyond a number. Events of runs that are
//! not over stay, and so do the first event of a session and, but for its age, the last one that says how a run ended.

use std::collections::BTreeMap;

use omi_kernel::event::EventKind;
use omi_kernel::id::{Cursor, RunId, Timestamp};

use super::Record;
use crate::row::{EventRow, RunRow};

impl Record {
    /// Runs that ended before a time lose their events; so do the oldest of ended runs beyond a number.
    pub(super) fn prune(&mut self, ended_before: Timestamp, events_max: u64) {
        self.take_away(usize::MAX, |record, row| {
            let ended = match &row.event.about.run {
                None => true,
                Some(_) => {
                    record.ended_run(row).and_then(|run| run.completed_at).is_some_and(|at| at < ended_before)
                }
            };
            ended && row.at < ended_before && row.event.kind != EventKind::SessionCreated
        });
        let excess = (self.events.len() as u64).saturating_sub(events_max);
        let excess = usize::try_from(excess).unwrap_or(usize::MAX);
        let ends = self.last_ends();
        self.take_away(excess, |record, row| {
            record.ended_run(row).is_some_and(|run| ends.get(&run.run.id) != Some(&row.cursor))
        });
        self.prune_gate_decisions();
    }

    /// The run of an event, if it is over.
    fn ended_run(&self, row: &EventRow) -> Option<&RunRow> {
        let run = row.event.about.run.as_ref().and_then(|id| self.runs.get(id));
        run.filter(|run| run.run.status.is_terminal())
    }

    /// The last event of each run that says how it ended.
    fn last_ends(&self) -> BTreeMap<RunId, Cursor> {
        let says = |kind: EventKind| {
            let ends = [
                EventKind::RunSucceeded,
                EventKind::RunFailed,
                EventKind::RunCancelled,
                EventKind::RunTimedOut,
                EventKind::RunOrphaned,
            ];
            ends.contains(&kind)
        };
        let ends = self.events.values().filter(|row| says(row.event.kind));
        ends.filter_map(|row| Some((row.event.about.run.clone()?, row.cursor))).collect()
    }

    /// Takes the oldest events away that may go, so many at most.
    fn take_away(&mut self, max: usize, may_go: impl Fn(&Self, &EventRow) -> bool) {
        let go = self.events.values().filter(|row| may_go(self, row)).take(max);
        for cursor in go.map(|row| row.cursor).collect::<Vec<Cursor>>() {
            let Some(row) = self.events.remove(&cursor) else { continue };
            if let Ok(session) = self.sessions.change(&row.event.about.session) {
                session.pruned_through = session.pruned_through.max(cursor);
            }
        }
    }
}
