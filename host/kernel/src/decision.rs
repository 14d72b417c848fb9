//! What the kernel answers: rows to write, events to record, effects to perform once those are committed.

use crate::effect::Effect;
use crate::event::NewEvent;
use crate::id::{AttemptId, DelegationId, RunId, SessionId};
use crate::status::Status;
use crate::write::Write;

/// What the one who sent an input is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// There is nothing to tell.
    Done,
    /// A prompt was accepted, or had been before.
    Accepted {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
        /// The same request had been accepted before.
        repeated: bool,
    },
    /// A session is there.
    Session {
        /// The session.
        session: SessionId,
        /// It was there before, as it is.
        repeated: bool,
    },
    /// A run was delegated.
    Delegated {
        /// The delegation.
        delegation: DelegationId,
        /// The session that works.
        session: SessionId,
        /// The run that works.
        run: RunId,
        /// The same request had been accepted before.
        repeated: bool,
    },
    /// What became of a request to stop (seed §12.1).
    Cancelling {
        /// The kernel accepted it.
        accepted: bool,
        /// The attempt it is about.
        attempt: Option<AttemptId>,
        /// The adapter will be told now, or has been: its answer completes the acknowledgement.
        dispatching: bool,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
        /// Where the run stands.
        status: Status,
    },
    /// It came too late to change anything.
    Late,
}

/// What the kernel decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Rows to write, in this order.
    pub writes: Vec<Write>,
    /// Events to record, in this order.
    pub events: Vec<NewEvent>,
    /// What to do once all that is committed.
    pub effects: Vec<Effect>,
    /// What the sender is told.
    pub reply: Reply,
}
