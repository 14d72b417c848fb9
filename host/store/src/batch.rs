//! The commit path: many inputs, one transaction, one savepoint each (ARCHITECTURE §4).

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use omi_kernel::decision::{Decision, Reply};
use omi_kernel::effect::Effect;
use omi_kernel::event::Event;
use omi_kernel::id::{Ids, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;
use crate::write::Written;
use crate::{facts, open, write};

/// How often an input is decided again after a conflict. Facts are read inside the transaction of the only writer,
/// so even the first conflict means a decision that contradicts itself.
const DECISIONS_MAX: u32 = 2;

/// The writer: the only one of its file.
pub struct Store {
    db: Connection,
    path: PathBuf,
}

/// What an input came to, after the commit.
#[derive(Debug)]
pub struct Committed {
    /// What its sender is told.
    pub reply: Reply,
    /// What was recorded.
    pub events: Vec<Event>,
    /// What is to be done now.
    pub effects: Vec<Effect>,
}

/// Why an input changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// The kernel refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A row was not where the decision saw it, twice.
    #[error(
        "the record changed under the decision ({0}); hint: this is a defect of omi-agentd, please report it"
    )]
    Conflict(String),
}

/// What an input came to.
pub type Outcome = Result<Committed, Rejected>;

impl Store {
    /// Opens the database at `path`, making it if there is none, and brings its schema up to date.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self { db: open::writer(path, now)?, path: path.to_owned() })
    }

    /// Decides all inputs in order and commits what follows in one transaction.
    ///
    /// An input that is refused changes nothing and does not disturb the others. On an error nothing at all has
    /// changed, and the caller may try the same batch again.
    pub fn batch(
        &mut self,
        inputs: &[Input],
        now: Timestamp,
        ids: &mut Ids<'_>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let path = self.path.clone();
        self.try_batch(inputs, now, ids).map_err(|source| StoreError::from_sqlite(&path, source))
    }

    fn try_batch(
        &mut self,
        inputs: &[Input],
        now: Timestamp,
        ids: &mut Ids<'_>,
    ) -> rusqlite::Result<Vec<Outcome>> {
        let mut transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(inputs.len());
        for input in inputs {
            outcomes.push(one(&mut transaction, input, now, ids)?);
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

fn one(
    transaction: &mut rusqlite::Transaction<'_>,
    input: &Input,
    now: Timestamp,
    ids: &mut Ids<'_>,
) -> rusqlite::Result<Outcome> {
    let mut conflict = String::new();
    for _ in 0..DECISIONS_MAX {
        let savepoint = transaction.savepoint()?;
        let facts = facts::read(&savepoint, &input.wants())?;
        let decision = match omi_kernel::decide(input, &facts, ids) {
            Ok(decision) => decision,
            // A savepoint that is dropped is rolled back.
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        match apply(&savepoint, &decision, now)? {
            Ok(events) => {
                savepoint.commit()?;
                return Ok(Ok(Committed { reply: decision.reply, events, effects: decision.effects }));
            }
            Err(what) => conflict = what,
        }
    }
    Ok(Err(Rejected::Conflict(conflict)))
}

/// Writes a decision. The inner error is a conflict, in words.
fn apply(
    db: &Connection,
    decision: &Decision,
    now: Timestamp,
) -> rusqlite::Result<Result<Vec<Event>, String>> {
    for row in &decision.writes {
        match write::write(db, row, now) {
            Ok(Written::Done) => {}
            Ok(Written::Conflict) => return Ok(Err(format!("{row:?}"))),
            Err(error) if is_conflict(db, &error) => return Ok(Err(format!("{error}: {row:?}"))),
            Err(error) => return Err(error),
        }
    }
    let mut events = Vec::with_capacity(decision.events.len());
    for event in &decision.events {
        match write::event(db, event, now) {
            Ok(event) => events.push(event),
            Err(error) if is_conflict(db, &error) => return Ok(Err(format!("{error}: {event:?}"))),
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(events))
}

/// Only this input cannot be written. Where SQLite has rolled back the whole transaction there are no others left.
fn is_conflict(db: &Connection, error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) && !db.is_autocommit()
}
