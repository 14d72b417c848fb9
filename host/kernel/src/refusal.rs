//! Why an input changes nothing: a value, never a panic.

use crate::id::{AdapterId, AttemptId, RequestId, SessionId};
use crate::session::SessionStatus;
use crate::status::{IllegalStep, Status};

/// Why an input changes nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or it belongs to somebody else: nobody can tell which.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `session`, `run`, `attempt`, `artifact`.
        what: &'static str,
        /// What was named.
        id: String,
    },
    /// The session takes no new runs.
    #[error("the session `{0}` is closed; hint: start a new one")]
    SessionClosed(SessionId),
    /// A session cannot go from where it is to there.
    #[error("the session `{id}` is {from} and cannot become {to}")]
    SessionCannotBecome {
        /// The session.
        id: SessionId,
        /// Where it stands.
        from: SessionStatus,
        /// Where it should.
        to: SessionStatus,
    },
    /// A session with a run that is not over cannot be closed.
    #[error("the session `{0}` has a run that is not over; hint: cancel it first")]
    SessionBusy(SessionId),
    /// The same client used this request id for something else.
    #[error("request `{0}` was used before for another prompt; hint: use a new request id")]
    RequestConflict(RequestId),
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used before for another prompt; hint: use a new key")]
    KeyConflict,
    /// A name that is none.
    #[error("{what} is empty")]
    EmptyName {
        /// Whose.
        what: &'static str,
    },
    /// A picture whose bytes cannot be read.
    #[error("a picture of the prompt is not base64 (standard alphabet, padded)")]
    NotBase64,
    /// The prompt has no content.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// Something is longer than it may be.
    #[error("{what} has {has} {unit}; {max} are allowed")]
    TooLong {
        /// What.
        what: &'static str,
        /// How long it is.
        has: usize,
        /// How long it may be.
        max: usize,
        /// `bytes` or `characters`.
        unit: &'static str,
    },
    /// What should be a JSON object is not one.
    #[error("{what} is not a JSON object")]
    NotAnObject {
        /// What.
        what: &'static str,
    },
    /// A time limit of nothing.
    #[error("a run cannot have 0 ms; hint: leave the time limit out")]
    NoTime,
    /// Nobody waits for this answer.
    #[error("no request `{request}` is open for `{attempt}`")]
    NoOpenRequest {
        /// The attempt.
        attempt: AttemptId,
        /// The adapter's number of the request.
        request: u32,
    },
    /// The adapter did not offer this option.
    #[error("`{option}` is not an option of request `{request}`; hint: it offers {offered}")]
    NoSuchOption {
        /// What was chosen.
        option: String,
        /// The adapter's number of the request.
        request: u32,
        /// What there is to choose from.
        offered: String,
    },
    /// Only what has not succeeded and is over can be tried again.
    #[error(
        "the run is {0}; only a run that failed, timed out, was orphaned or cancelled can be tried again"
    )]
    CannotRetry(Status),
    /// The runtime takes up an interrupted turn by itself: exactly one may (ARCHITECTURE §2).
    #[error(
        "`{}` takes up an interrupted turn by itself, so the work may be done twice; hint: look at the session there \
         first, then try again with `anyway`",
        .0.as_str().escape_debug()
    )]
    RuntimeRecovers(AdapterId),
    /// Only a run that is executed can delegate.
    #[error("the run is {0} and cannot delegate")]
    CannotDelegate(Status),
    /// Delegations are nested too deep.
    #[error("a run at depth {depth} cannot delegate; {max} is the limit")]
    TooDeep {
        /// How deep the new run would be.
        depth: u32,
        /// How deep it may be.
        max: u32,
    },
    /// What may be spent is spent.
    #[error("the budget of ${limit_usd:.2} is spent (${spent_usd:.2})")]
    BudgetSpent {
        /// What could be spent, in US dollars.
        limit_usd: f64,
        /// What was spent, in US dollars.
        spent_usd: f64,
    },
    /// A budget that is none.
    #[error("a budget of ${0} cannot be; it is above 0 and at most {max}", max = crate::delegation::BUDGET_USD_MAX)]
    InvalidBudget(f64),
    /// A depth that is none.
    #[error("a depth of {0} cannot be; it is 1 to {max}", max = crate::delegation::DEPTH_MAX)]
    InvalidDepth(u32),
    /// A delegation that continues names the session, and one that does not must not.
    #[error("`continue` names the session to continue, and only `continue` does")]
    ContinueNamesSession,
    /// The session to continue is not one that this session delegated to.
    #[error("the session `{0}` was not delegated to from here")]
    NotDelegated(SessionId),
    /// All workers that could do the work wait for such work themselves.
    #[error(
        "the call would wait for ever: every worker of `{}` that may run waits for another run; \
         hint: spawn instead of call, or raise `workers-max`",
        .0.as_str().escape_debug()
    )]
    NoWorkerForCall(AdapterId),
    /// The table of transitions does not have this step.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
}
