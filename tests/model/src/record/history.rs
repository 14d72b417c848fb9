//! What was said in a session before a run: the record's own way to say so.

use omi_kernel::history::{History, PastRun};

use super::Record;
use crate::row::RunRow;

impl Record {
    /// The runs of the session of `of` that are over, but itself.
    pub(super) fn history(&self, of: &RunRow) -> History {
        let others = self.runs.rows().iter().filter(|row| {
            row.run.session == of.run.session && row.run.id != of.run.id && row.run.status.is_terminal()
        });
        let mut past: Vec<&RunRow> = others.collect();
        past.sort_by_key(|row| row.created_at);
        let mut history = History::default();
        for row in past.into_iter().rev() {
            history.add_older(PastRun {
                run: row.run.id.clone(),
                prompt: row.run.input.prompt.clone(),
                answer: row.text.clone().unwrap_or_default(),
                status: row.run.status,
                completed_at: row.completed_at.unwrap_or_default(),
                adapter: row.run.adapter.clone(),
                system_prompt: row.run.input.system_prompt.clone(),
            });
        }
        history
    }
}
