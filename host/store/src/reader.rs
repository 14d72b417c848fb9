//! Reads what is recorded, beside the writer: what surfaces and the command line show.
//!
//! Where an owner is named, what belongs to another owner is as if it were not there.

mod artifact;
mod binding;
mod component;
mod delegation;
mod event;
mod gate;
mod grant;
mod request;
mod run;
mod session;

use std::path::{Path, PathBuf};

pub use artifact::{ArtifactFilter, ArtifactView};
pub use binding::{BindingView, ExecutingAttempt};
pub use component::ComponentView;
pub use delegation::{DelegationFilter, DelegationView};
pub use event::EventFilter;
pub use gate::GateDecisionView;
pub use grant::{GrantFilter, GrantRecord, GrantView};
use omi_kernel::event::{Event, Visibility};
use omi_kernel::id::{BindingId, Cursor, GrantId, OwnerId, RunId, SessionId, Timestamp};
pub use request::{RequestState, RequestView};
pub use run::{AttemptView, HoldingRun, RunFilter, RunView};
use rusqlite::{Connection, Row};
pub use session::{SessionFilter, SessionView};

use crate::error::StoreError;
use crate::open;

/// A connection that only reads.
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the database at `path`, which must exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::reader(path)?, path: path.to_owned() })
    }

    /// Sessions, newest activity first.
    pub fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionView>, StoreError> {
        self.read(|db| session::list(db, filter))
    }

    /// One session.
    pub fn session(
        &self,
        owner: Option<&OwnerId>,
        session: &SessionId,
    ) -> Result<Option<SessionView>, StoreError> {
        self.read(|db| session::one(db, owner, session))
    }

    /// Whose a session is; none if there is no such session.
    pub fn owner(&self, session: &SessionId) -> Result<Option<OwnerId>, StoreError> {
        self.read(|db| session::owner(db, session))
    }

    /// The session that a surface has this name for: kind and id.
    pub fn session_named(
        &self,
        owner: &OwnerId,
        (kind, id): (&str, &str),
    ) -> Result<Option<SessionView>, StoreError> {
        self.read(|db| session::named(db, owner, kind, id))
    }

    /// Runs with their attempts, newest first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunView>, StoreError> {
        self.read(|db| run::list(db, filter))
    }

    /// One run with its attempts.
    pub fn run(&self, owner: Option<&OwnerId>, run: &RunId) -> Result<Option<RunView>, StoreError> {
        self.read(|db| run::one(db, owner, run))
    }

    /// Every generation of the native sessions of a session, the newest first.
    pub fn bindings(
        &self,
        owner: Option<&OwnerId>,
        session: &SessionId,
    ) -> Result<Vec<BindingView>, StoreError> {
        self.read(|db| binding::list(db, owner, session))
    }

    /// The attempt that a native session executes; none if it has no prompt, or is to stop.
    pub fn executing(&self, binding: &BindingId) -> Result<Option<ExecutingAttempt>, StoreError> {
        self.read(|db| binding::executing(db, binding))
    }

    /// Every run that holds a worker, whoever owns it.
    pub fn holding_runs(&self) -> Result<Vec<HoldingRun>, StoreError> {
        self.read(run::holding)
    }

    /// Artifacts, the newest first.
    pub fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<ArtifactView>, StoreError> {
        self.read(|db| artifact::list(db, filter))
    }

    /// The delegations that a run made and the one it works for, the first one first.
    pub fn delegations(
        &self,
        owner: Option<&OwnerId>,
        run: &RunId,
    ) -> Result<Vec<DelegationView>, StoreError> {
        let filter = DelegationFilter {
            owner: owner.cloned(),
            run: Some(run.clone()),
            limit: u32::MAX,
            ..DelegationFilter::default()
        };
        self.delegation_page(&filter)
    }

    /// Delegations, the first one first.
    pub fn delegation_page(&self, filter: &DelegationFilter) -> Result<Vec<DelegationView>, StoreError> {
        self.read(|db| delegation::list(db, filter))
    }

    /// The requests to people that nobody has answered, the first one first: those of one state, or all.
    pub fn requests(
        &self,
        owner: Option<&OwnerId>,
        state: Option<RequestState>,
    ) -> Result<Vec<RequestView>, StoreError> {
        self.read(|db| request::list(db, owner, state))
    }

    /// Grants, the newest first: those of sessions, and those of components, which are nobody's own.
    pub fn grants(&self, filter: &GrantFilter) -> Result<Vec<GrantView>, StoreError> {
        self.read(|db| grant::list(db, filter))
    }

    /// One grant, with the newest `limit` events and decisions of the gate that name it or what was copied from it.
    pub fn grant(
        &self,
        owner: Option<&OwnerId>,
        grant: &GrantId,
        limit: u32,
    ) -> Result<Option<GrantRecord>, StoreError> {
        self.read(|db| grant::one(db, owner, grant, limit))
    }

    /// What the gate decided outside of any session, the newest first.
    pub fn gate_decisions(&self, limit: u32) -> Result<Vec<GateDecisionView>, StoreError> {
        self.read(|db| gate::list(db, limit))
    }

    /// The components that are installed, in the order of their paths.
    pub fn components(&self) -> Result<Vec<ComponentView>, StoreError> {
        self.read(component::list)
    }

    /// The component that is installed at a path.
    pub fn component(&self, path: &str) -> Result<Option<ComponentView>, StoreError> {
        self.read(|db| component::one(db, path))
    }

    /// Events in the order of their cursors.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        self.read(|db| event::list(db, filter))
    }

    /// The newest events of a run that are shown to these (none means all), in the order of their cursors.
    pub fn newest_events(
        &self,
        owner: Option<&OwnerId>,
        run: &RunId,
        visibility: Option<Visibility>,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(|db| event::newest(db, owner, run, visibility, limit))
    }

    /// The cursor of the last event that was ever recorded; 0 if none was.
    pub fn latest_cursor(&self) -> Result<Cursor, StoreError> {
        self.read(event::latest)
    }

    /// The highest cursor of an event that went because it was old, in the sessions that a filter is about: whoever asks
    /// for what comes after a lower one has a gap. 0 if none ever went. To be asked once the events are read, so that
    /// what went meanwhile counts.
    pub fn pruned_through(&self, filter: &EventFilter) -> Result<Cursor, StoreError> {
        self.read(|db| event::pruned_through(db, filter))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        // One transaction: what is read together belongs together, whatever the writer does meanwhile.
        let read = || {
            let transaction = self.db.unchecked_transaction()?;
            read(&transaction)
        };
        read().map_err(|source| StoreError::from_sqlite(&self.path, source))
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}
