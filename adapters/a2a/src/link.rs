//! The requests that are open and the timers that are set, and what each of them is for.

use std::collections::BTreeMap;

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::sse::Events;
use omi_adapter_sdk::{
    Attempt, EVENT_BYTES_MAX, Failure, HttpBody, HttpHead, HttpOutcome, HttpRequest, Millis, Op, Output,
    Outputs, Part, Scope, SetTimer, Why, log,
};
use serde_json::Value;

use crate::REMOTE;
use crate::card::{Agent, Dialect};
use crate::json::{quote, text};
use crate::wire::Method;

/// Bytes of an answer that is no stream: a task with its files, as large as one event of a stream may be.
const BODY_BYTES_MAX: usize = EVENT_BYTES_MAX;

/// The first status that is an error.
const HTTP_ERROR: u16 = 400;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Card,
    Of(Attempt, Method),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// To see whether the agent is silent.
    Silence(Attempt),
    /// To ask again.
    Again(Attempt),
    /// To wait no longer for a cancellation.
    Cancel(Attempt),
}

impl Due {
    fn attempt(self) -> Attempt {
        match self {
            Self::Silence(attempt) | Self::Again(attempt) | Self::Cancel(attempt) => attempt,
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Told {
    /// A JSON-RPC answer: the only one, or one of a stream.
    Answer(Result<Value, RpcError>),
    /// It is over; there is nothing more to tell.
    Over(Over),
}

/// How a request ended.
#[derive(Debug)]
pub(crate) enum Over {
    /// Its answer was whole. Nothing says how a stream stands.
    Complete,
    /// The server refused, with this status and these words.
    Status(u16, String),
    /// The connection failed, or what came is no answer. Whether the server acted on it is not known.
    Lost(String),
    /// It was never sent.
    NotSent(Failure),
}

struct Open {
    call: Call,
    status: u16,
    /// Where the answer is a stream.
    events: Option<Events>,
    body: Vec<u8>,
}

/// The requests and timers of a worker.
#[derive(Default)]
pub(crate) struct Link {
    last_op: Op,
    open: BTreeMap<Op, Open>,
    timers: BTreeMap<Op, Due>,
}

impl Link {
    /// A fresh op.
    pub(crate) fn op(&mut self) -> Op {
        self.last_op += 1;
        self.last_op
    }

    /// Get the card.
    pub(crate) fn get_card(&mut self, path: &str, out: &mut Outputs) {
        let op = self.op();
        let request = HttpRequest::new(op, Scope::Worker, REMOTE, "GET", path);
        out.push(request.header("accept", "application/json"));
        self.open.insert(op, Open::new(Call::Card));
    }

    /// Call a method of the agent on behalf of an attempt.
    pub(crate) fn call(
        &mut self,
        attempt: Attempt,
        method: Method,
        agent: &Agent,
        body: impl FnOnce(Op) -> Vec<Part>,
        out: &mut Outputs,
    ) {
        let op = self.op();
        let accepts = if method.streams() { "text/event-stream" } else { "application/json" };
        let mut request = HttpRequest::new(op, Scope::Attempt(attempt), REMOTE, "POST", agent.path.as_str())
            .header("content-type", "application/json")
            .header("accept", accepts);
        if agent.dialect == Dialect::V1 {
            // Without it a server takes the client for one of 0.3.
            request = request.header("a2a-version", "1.0");
        }
        request.body = body(op);
        out.push(request);
        self.open.insert(op, Open::new(Call::Of(attempt, method)));
    }

    /// Whether an attempt has such a request open.
    pub(crate) fn is_open(&self, attempt: Attempt, method: Method) -> bool {
        self.open.values().any(|open| open.call == Call::Of(attempt, method))
    }

    /// Give up the requests of an attempt that these are. How they end is of no interest.
    pub(crate) fn abort(&mut self, attempt: Attempt, which: impl Fn(Method) -> bool, out: &mut Outputs) {
        let is_it = |open: &Open| matches!(open.call, Call::Of(of, method) if of == attempt && which(method));
        for (op, _) in self.open.extract_if(.., |_, open| is_it(open)) {
            out.push(Output::HttpAbort(op));
        }
    }

    /// Be told after a time, instead of an earlier time for the same.
    pub(crate) fn timer(&mut self, due: Due, after_ms: Millis, out: &mut Outputs) {
        self.clear(due, out);
        let op = self.op();
        out.push(SetTimer { scope: Scope::Attempt(due.attempt()), ..SetTimer::new(op, after_ms) });
        self.timers.insert(op, due);
    }

    /// Whether such a timer is set.
    pub(crate) fn is_due(&self, due: Due) -> bool {
        self.timers.values().any(|one| *one == due)
    }

    /// Forget a timer.
    pub(crate) fn clear(&mut self, due: Due, out: &mut Outputs) {
        for (op, _) in self.timers.extract_if(.., |_, one| *one == due) {
            out.push(Output::ClearTimer(op));
        }
    }

    /// Forget everything of an attempt.
    pub(crate) fn forget(&mut self, attempt: Attempt, out: &mut Outputs) {
        self.abort(attempt, |_| true, out);
        for (op, _) in self.timers.extract_if(.., |_, due| due.attempt() == attempt) {
            out.push(Output::ClearTimer(op));
        }
    }

    /// What a timer was for.
    pub(crate) fn timed(&mut self, op: Op) -> Option<Due> {
        self.timers.remove(&op)
    }

    /// An answer begins.
    pub(crate) fn head(&mut self, head: &HttpHead) {
        let Some(open) = self.open.get_mut(&head.op) else { return };
        open.status = head.status;
        let kind = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_stream = kind.is_some_and(|(_, kind)| kind.to_ascii_lowercase().contains("text/event-stream"));
        open.events = (is_stream && head.status < HTTP_ERROR).then(|| Events::new(EVENT_BYTES_MAX));
    }

    /// A piece of an answer.
    pub(crate) fn body(&mut self, piece: &HttpBody, out: &mut Outputs) -> Option<(Call, Vec<Told>)> {
        let open = self.open.get_mut(&piece.op)?;
        let call = open.call;
        if let Some(events) = &mut open.events {
            let mut told = Vec::new();
            for event in events.push(&piece.data, piece.end) {
                match event.map(|event| answer(event.data.as_bytes())) {
                    Ok(Some(answer)) => told.push(Told::Answer(answer)),
                    Ok(None) => log::warn("an event of the agent is no JSON-RPC answer"),
                    Err(too_large) => log::warn(&format!("from the agent: {too_large}")),
                }
            }
            return Some((call, told));
        }
        open.body.extend_from_slice(&piece.data);
        if open.body.len() <= BODY_BYTES_MAX {
            return None;
        }
        self.open.remove(&piece.op);
        out.push(Output::HttpAbort(piece.op));
        let why = format!("the answer has more than {BODY_BYTES_MAX} bytes");
        Some((call, vec![Told::Over(Over::Lost(why))]))
    }

    /// A request is over.
    pub(crate) fn end(&mut self, op: Op, outcome: &HttpOutcome) -> Option<(Call, Vec<Told>)> {
        let open = self.open.remove(&op)?;
        let call = open.call;
        let told = match outcome {
            HttpOutcome::Complete if open.events.is_some() => vec![Told::Over(Over::Complete)],
            HttpOutcome::Complete => open.whole(),
            failed @ (HttpOutcome::Aborted
            | HttpOutcome::TimedOut
            | HttpOutcome::Failed(_)
            | HttpOutcome::Other(_)) => vec![Told::Over(Over::Lost(failed.to_string()))],
        };
        Some((call, told))
    }

    /// A request was not sent.
    pub(crate) fn refused(&mut self, op: Op, why: Why) -> Option<(Call, Vec<Told>)> {
        let open = self.open.remove(&op)?;
        Some((open.call, vec![Told::Over(Over::NotSent(why.into()))]))
    }
}

impl Open {
    fn new(call: Call) -> Self {
        Self { call, status: 0, events: None, body: Vec::new() }
    }

    /// An answer that is no stream.
    fn whole(self) -> Vec<Told> {
        let words = || quote(&String::from_utf8_lossy(&self.body));
        let is_error = self.status >= HTTP_ERROR;
        let answer = match self.call {
            Call::Card => serde_json::from_slice(&self.body).ok().filter(|_| !is_error).map(Ok),
            // Some servers put an error of JSON-RPC under a status of HTTP; who you are is decided by the status.
            Call::Of(..) if matches!(self.status, 401 | 403) => None,
            Call::Of(..) => answer(&self.body).filter(|answer| !is_error || answer.is_err()),
        };
        match answer {
            Some(answer) => vec![Told::Answer(answer), Told::Over(Over::Complete)],
            None if is_error => vec![Told::Over(Over::Status(self.status, words()))],
            None => {
                vec![Told::Over(Over::Lost(format!("the answer is not what the protocol says: {}", words())))]
            }
        }
    }
}

/// A JSON-RPC answer, whatever its id: a request has an answer of its own.
fn answer(json: &[u8]) -> Option<Result<Value, RpcError>> {
    let mut answer: Value = serde_json::from_slice(json).ok()?;
    if let Some(error) = answer.get("error").filter(|error| error.is_object()) {
        let mut read = RpcError::new(
            error["code"].as_i64().unwrap_or(omi_adapter_sdk::rpc::INTERNAL_ERROR),
            text(error, "message").unwrap_or("no message"),
        );
        read.data = error.get("data").cloned().unwrap_or_default();
        return Some(Err(read));
    }
    answer.get_mut("result").map(Value::take).map(Ok)
}
