//! What was said in a session before a run: the record's own way to say so.

use omi_kernel::facts::Facts;
use omi_kernel::history::{History, PastRun};
use omi_kernel::id::BindingId;

use super::Record;
use crate::row::RunRow;

impl Record {
    /// What a runtime that keeps nothing has to be told when this run begins with a worker that holds these bindings.
    pub(super) fn told_at_begin(&self, of: &RunRow, held: &[BindingId], facts: Facts) -> Facts {
        let mut past = self.past(of);
        past.sort_by_key(|row| row.created_at);
        let last = past.iter().max_by_key(|row| row.completed_at).map(|row| row.run.adapter.clone());
        let binding = facts.binding.as_ref();
        let holds = binding.is_some_and(|binding| held.contains(&binding.id));
        let heard = holds && last.as_ref().is_none_or(|last| *last == of.run.adapter);
        let hash = binding.and_then(|binding| binding.system_prompt_hash.as_ref());
        let in_session = self.runs.rows().iter().filter(|row| row.run.session == of.run.session);
        let named = in_session.filter(|row| hash.is_some() && row.run.system_prompt_hash.as_ref() == hash);
        let told = named.max_by_key(|row| row.created_at).and_then(|row| row.run.input.system_prompt.clone());
        let history = if heard { History::default() } else { history(&past) };
        Facts { history, last_adapter: last, told, ..facts }
    }

    /// The runs of the session of `of` that are over, but itself.
    fn past(&self, of: &RunRow) -> Vec<&RunRow> {
        let is_past = |row: &&RunRow| {
            row.run.session == of.run.session && row.run.id != of.run.id && row.run.status.is_terminal()
        };
        self.runs.rows().iter().filter(is_past).collect()
    }
}

fn history(past: &[&RunRow]) -> History {
    let mut history = History::default();
    for row in past.iter().rev() {
        let added = history.add_older(PastRun {
            run: row.run.id.clone(),
            prompt: row.run.input.prompt.clone(),
            answer: row.text.clone().unwrap_or_default(),
            status: row.run.status,
        });
        if !added {
            history.left_out = u32::try_from(past.len() - history.runs.len()).unwrap_or(u32::MAX);
            break;
        }
    }
    history
}
