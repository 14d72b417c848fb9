//! How a surface talks to the driver: requests with one answer each, and everything that is published.

use std::sync::Arc;

use omi_kernel::command::Answer;
use omi_kernel::event::Event;
use omi_kernel::id::{AttemptId, Cursor, OwnerId, RequestId, RunId, SessionId};
use omi_kernel::input::{Accept, Input};
use omi_kernel::status::Status;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::driver::Message;

/// A piece of text while it streams, or a thought. Live only: what is kept follows as events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveText {
    /// The session.
    pub(crate) session: SessionId,
    /// The run.
    pub(crate) run: RunId,
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// The client's request.
    pub(crate) request: RequestId,
    /// The latest durable cursor when it was published.
    pub(crate) cursor: Cursor,
    /// The place among the live pieces of this daemon's life.
    pub(crate) sequence: u64,
    /// What it is a piece of.
    pub(crate) kind: LiveKind,
    /// The piece.
    pub(crate) text: String,
}

/// What a live piece of text belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LiveKind {
    /// A message of the answer.
    Message {
        /// Which message of the attempt.
        message: String,
        /// Where the piece begins in it, in bytes.
        offset: usize,
    },
    /// A private thought, never stored.
    Thought,
}

/// What every surface hears.
#[derive(Debug, Clone)]
pub(crate) enum Published {
    /// Recorded, and committed.
    Event(Arc<Event>),
    /// Live text.
    Live(Arc<LiveText>),
    /// Nothing can be recorded at the moment, for this reason; what happened is kept and tried again.
    StoreFailing(Arc<str>),
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// A prompt was accepted, or had been before.
    Accepted {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
        /// It had been accepted before.
        repeated: bool,
    },
    /// What became of a request to stop.
    Cancel(CancelAck),
    /// It is done.
    Done,
}

/// What became of a request to stop: no more than is known (seed §12.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CancelAck {
    /// The kernel accepted it.
    pub(crate) accepted: bool,
    /// The attempt it is about.
    pub(crate) attempt: Option<AttemptId>,
    /// Telling the adapter was tried.
    pub(crate) dispatch_attempted: bool,
    /// The runtime confirmed that it has stopped.
    pub(crate) adapter_acknowledged: bool,
    /// Where the run stood.
    pub(crate) status: Status,
}

/// Why a request changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// It was refused, or could not be recorded.
    #[error("{0}")]
    Refused(String),
    /// The daemon ends.
    #[error("omi-agentd is ending")]
    Ending,
}

/// A request with the place for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) input: Input,
    pub(crate) answer: oneshot::Sender<Result<Answered, RequestError>>,
}

/// The way to the driver. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) messages: mpsc::Sender<Message>,
    /// Never read: a place to subscribe from that does not keep the channel open when the driver is gone.
    pub(crate) published: Arc<broadcast::Receiver<Published>>,
}

impl Client {
    /// Everything that is published from now on. One that lags behind is told so and reads the record.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Published> {
        self.published.resubscribe()
    }

    /// Has a prompt run.
    pub(crate) async fn accept(&self, accept: Accept) -> Result<Answered, RequestError> {
        self.request(Input::Accept(Box::new(accept))).await
    }

    /// Has a run stopped.
    pub(crate) async fn cancel(&self, owner: OwnerId, run: RunId) -> Result<Answered, RequestError> {
        self.request(Input::Cancel { owner, run }).await
    }

    /// Answers a request for permission, as a person.
    pub(crate) async fn answer(
        &self,
        attempt: AttemptId,
        request: u32,
        answer: Answer,
    ) -> Result<Answered, RequestError> {
        self.request(Input::ApprovalAnswered { attempt, request, answer, by: "user".to_owned() }).await
    }

    /// Ends the driver: workers are stopped, what they did is recorded, the store is closed.
    pub(crate) async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.messages.send(Message::Shutdown { done }).await.is_ok() {
            // A driver that is gone has ended.
            let _ = ended.await;
        }
    }

    async fn request(&self, input: Input) -> Result<Answered, RequestError> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Request(Request { input, answer });
        self.messages.send(message).await.map_err(|_| RequestError::Ending)?;
        answered.await.map_err(|_| RequestError::Ending)?
    }
}
