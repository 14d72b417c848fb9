//! An HTTP request as a session sees it: a head, then pieces of a body, then an end.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::session::{Host, Shared};
use crate::sse::{Event, EventTooLarge, Events};
use crate::{HttpBody, HttpOutcome, HttpRequest, Input, Op, Output, Pair, Why};

/// Bytes of an answer that may wait to be read: what the host has handed over it holds back no more.
const UNREAD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of one event in the body of an answer, at most. A larger one is an error of `next_event`.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why there is no answer, or not all of it.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestFailure {
    /// It was not allowed, or not possible to try.
    Refused(Why),
    /// It was begun and ended like this.
    Ended(HttpOutcome),
    /// The answer has more bytes than the caller wants.
    TooLarge(usize),
    /// One event of the answer is too large. The next one is whole.
    EventTooLarge(EventTooLarge),
}

impl std::fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Ended(outcome) => outcome.fmt(f),
            Self::TooLarge(bytes) => write!(f, "the answer has more than {bytes} bytes"),
            Self::EventTooLarge(too_large) => too_large.fmt(f),
        }
    }
}

impl std::error::Error for RequestFailure {}

/// An answer that arrives. Dropping it before its end gives the request up.
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<Pair>,
    request: Request,
    events: Events,
    /// Events that came in one piece with an earlier one.
    complete: VecDeque<Result<Event, EventTooLarge>>,
}

/// What is known about a request.
#[derive(Default)]
pub(crate) struct RequestState {
    head: Option<(u16, Vec<Pair>)>,
    unread: VecDeque<HttpBody>,
    unread_bytes: usize,
    end: Option<Result<HttpOutcome, Why>>,
    waker: Option<Waker>,
    /// It was given up; the host still says how it ended.
    aborted: bool,
    /// The host said how it ended.
    over: bool,
    /// Nobody reads it any more: what still arrives is forgotten.
    dropped: bool,
}

impl Host {
    /// Send a request; the answer comes back with its head, and its body is read in pieces.
    ///
    /// ```
    /// use omi_adapter_sdk::{Attempt, Host, HttpRequest, RequestFailure, Scope};
    ///
    /// async fn ask(host: &Host, attempt: Attempt) -> Result<Vec<u8>, RequestFailure> {
    ///     let request = HttpRequest::new(host.op(), Scope::Attempt(attempt), "remote", "POST", "/v1/messages")
    ///         .header("content-type", "application/json")
    ///         .body(r#"{"text": "hello"}"#);
    ///     let mut response = host.request(request).await?;
    ///     let mut answer = format!("status {}: ", response.status).into_bytes();
    ///     while let Some(piece) = response.next_piece().await? {
    ///         answer.extend(piece.data);
    ///     }
    ///     Ok(answer)
    /// }
    /// ```
    ///
    /// Dropping the future, as [`Host::within`] does when the time is over, gives the request up.
    pub async fn request(&self, request: HttpRequest) -> Result<Response, RequestFailure> {
        let waiting = Request { host: self.clone(), op: request.op };
        self.shared.borrow_mut().requests.insert(request.op, RequestState::default());
        self.send(request);
        let head = waiting.wait(|state| match (state.head.take(), &state.end) {
            (Some(head), _) => Some(Ok(head)),
            (None, Some(end)) => Some(Err(failure(end))),
            (None, None) => None,
        });
        let (status, headers) = head.await?;
        let (events, complete) = (Events::new(EVENT_BYTES_MAX), VecDeque::new());
        Ok(Response { status, headers, request: waiting, events, complete })
    }
}

impl Response {
    /// The next piece of the body, or nothing at its end.
    pub async fn next_piece(&mut self) -> Result<Option<HttpBody>, RequestFailure> {
        let piece = self.request.wait(|state| match (state.unread.pop_front(), &state.end) {
            (Some(piece), _) => {
                state.unread_bytes -= piece.data.len();
                Some(Ok(Some(piece)))
            }
            (None, Some(Ok(HttpOutcome::Complete))) => Some(Ok(None)),
            (None, Some(end)) => Some(Err(failure(end))),
            (None, None) => None,
        });
        piece.await
    }

    /// The rest of the body, if it has at most so many bytes. Line ends that the host removed are not in it.
    pub async fn body(&mut self, bytes_max: usize) -> Result<Vec<u8>, RequestFailure> {
        let mut body = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            body.extend(piece.data);
            if body.len() > bytes_max {
                return Err(RequestFailure::TooLarge(bytes_max));
            }
        }
        Ok(body)
    }

    /// The next server-sent event of the body, or nothing at its end. It reads the pieces, so use it alone.
    ///
    /// ```
    /// use omi_adapter_sdk::{Attempt, AttemptEvent, Failure, Host, HttpRequest, Scope};
    ///
    /// async fn stream(host: &Host, attempt: Attempt, body: &str) -> Result<(), Failure> {
    ///     let request = HttpRequest::new(host.op(), Scope::Attempt(attempt), "remote", "POST", "/v1/messages").body(body);
    ///     let mut response = host.request(request).await?;
    ///     while let Some(event) = response.next_event().await? {
    ///         if event.event == "delta" {
    ///             host.send(AttemptEvent::text(attempt, "answer", event.data));
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn next_event(&mut self) -> Result<Option<Event>, RequestFailure> {
        loop {
            if let Some(event) = self.complete.pop_front() {
                return event.map(Some).map_err(RequestFailure::EventTooLarge);
            }
            let Some(piece) = self.next_piece().await? else { return Ok(None) };
            self.complete.extend(self.events.push(&piece.data, piece.end));
        }
    }

    /// Give the request up. `next_piece` then says so.
    pub fn abort(&self) {
        self.request.abort();
    }
}

fn failure(end: &Result<HttpOutcome, Why>) -> RequestFailure {
    match end {
        Ok(outcome) => RequestFailure::Ended(outcome.clone()),
        Err(why) => RequestFailure::Refused(why.clone()),
    }
}

/// A request that somebody waits for.
struct Request {
    host: Host,
    op: Op,
}

impl Request {
    fn abort(&self) {
        let mut shared = self.host.shared.borrow_mut();
        if shared.requests.get_mut(&self.op).is_some_and(RequestState::abort) {
            shared.out.push(Output::HttpAbort(self.op));
        }
    }

    async fn wait<T>(&self, mut ready: impl FnMut(&mut RequestState) -> Option<T>) -> T {
        std::future::poll_fn(|context| {
            let mut shared = self.host.shared.borrow_mut();
            let Some(state) = shared.requests.get_mut(&self.op) else { return Poll::Pending };
            if let Some(value) = ready(state) {
                return Poll::Ready(value);
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.abort();
        let mut shared = self.host.shared.borrow_mut();
        match shared.requests.get_mut(&self.op) {
            Some(state) if !state.over => {
                *state = RequestState { aborted: true, dropped: true, ..RequestState::default() };
            }
            Some(_) | None => {
                shared.requests.remove(&self.op);
            }
        }
    }
}

impl Shared {
    /// Give an input to the request that it is about; give it back if there is none.
    pub(crate) fn deliver_to_request(&mut self, input: Input) -> Option<Input> {
        let op = match &input {
            Input::HttpHead(head) => head.op,
            Input::HttpBody(body) => body.op,
            Input::HttpEnd(end) => end.op,
            Input::Refused(refused) => refused.op,
            _ => return Some(input),
        };
        let Some(state) = self.requests.get_mut(&op) else { return Some(input) };
        match input {
            Input::HttpEnd(_) | Input::Refused(_) if state.dropped => {
                self.requests.remove(&op);
                return None;
            }
            _ if state.dropped => return None,
            Input::HttpHead(head) => state.head = Some((head.status, head.headers)),
            Input::HttpBody(body) => state.keep(body),
            Input::HttpEnd(end) => state.ends(Ok(end.outcome)),
            Input::Refused(refused) => state.ends(Err(refused.why)),
            _ => {}
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        if state.unread_bytes > UNREAD_BYTES_MAX && state.overflow() {
            self.out.push(Output::HttpAbort(op));
        }
        None
    }
}

impl RequestState {
    /// Whether it has to be given up: it was not, and it goes on.
    fn abort(&mut self) -> bool {
        !self.over && !std::mem::replace(&mut self.aborted, true)
    }

    fn keep(&mut self, body: HttpBody) {
        if self.end.is_none() {
            self.unread_bytes += body.data.len();
            self.unread.push_back(body);
        }
    }

    fn ends(&mut self, end: Result<HttpOutcome, Why>) {
        self.over = true;
        self.end.get_or_insert(end);
    }

    /// Too much waits: it is a failure, and says whether it has to be given up.
    fn overflow(&mut self) -> bool {
        let message = format!("{UNREAD_BYTES_MAX} bytes of the answer wait and the adapter reads none");
        (self.unread, self.unread_bytes) = (VecDeque::new(), 0);
        self.end = Some(Ok(HttpOutcome::Failed(message)));
        self.abort()
    }
}
