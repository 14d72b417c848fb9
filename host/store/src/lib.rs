//! The durable store: SQLite with one writer and readers beside it. All SQL is here and in `migrations/`.
//!
//! [`Store::batch`] is the only write: one transaction for all inputs that wait, facts read inside it, one
//! savepoint per input, rows and events together (ARCHITECTURE §4). A [`Reader`] has its own read-only connection.

mod batch;
mod error;
mod facts;
mod open;
mod reader;
mod rows;
mod words;
mod write;

pub use batch::{Committed, Outcome, Rejected, Store};
pub use error::StoreError;
pub use reader::{
    ArtifactFilter, ArtifactView, AttemptView, BindingView, ComponentView, DelegationFilter, DelegationView,
    EventFilter, ExecutingAttempt, GateDecisionView, GrantFilter, GrantRecord, GrantView, HoldingRun, Reader,
    RequestState, RequestView, RunFilter, RunView, SessionFilter, SessionView,
};
