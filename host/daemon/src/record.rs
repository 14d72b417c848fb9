//! What the command line records by itself, while no daemon has the state folder.

use anyhow::bail;
use omi_kernel::effect::Effect;
use omi_kernel::id::Ids;
use omi_kernel::input::Input;
use omi_store::{Store, StoreError};

use crate::client::RequestError;
use crate::clock;
use crate::driver::random;
use crate::state::{StateDir, StateError, StateLock};

/// The record, and the right to write in it.
pub(crate) struct Record {
    store: Store,
    _lock: StateLock,
}

impl Record {
    /// Opens the record of a state folder that no daemon uses.
    pub(crate) fn open(state: &StateDir) -> Result<Self, OpenError> {
        Ok(Self::begin(state.lock()?, state)?)
    }

    /// The same on a folder that is locked already.
    pub(crate) fn begin(lock: StateLock, state: &StateDir) -> Result<Self, StoreError> {
        Ok(Self { store: Store::open(&state.database(), clock::of_day())?, _lock: lock })
    }

    /// Has one input decided and recorded, and gives what is to be performed: nothing, where nothing runs.
    pub(crate) fn decide(&mut self, input: Input) -> anyhow::Result<Vec<Effect>> {
        let outcomes = self.store.batch(&[input], clock::of_day(), &mut Ids::new(&mut random))?;
        let mut effects = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(committed) => effects.extend(committed.effects),
                Err(rejected) => bail!(RequestError::rejected(&rejected)),
            }
        }
        Ok(effects)
    }
}

/// Why the record cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The record cannot be.
    #[error(transparent)]
    Store(#[from] StoreError),
}
