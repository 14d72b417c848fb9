//! One request and what has come of it so far.

use omi_adapter_sdk::{HttpHead, HttpRequest, Millis, Op, Output, Outputs, Scope, SetTimer};

use crate::failures::Refusal;
use crate::ops::Ops;

/// The name of the grant: the registration binds it to a server.
pub(crate) const REMOTE: &str = "remote";

/// What is kept of the body of an answer that is read whole: gateways list hundreds of models.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A request that is open.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) op: Op,
    /// Watches how long the server is silent.
    pub(crate) timer: Op,
    pub(crate) status: Option<u16>,
    retry_after: Option<String>,
    /// The name of the server, if it says one.
    pub(crate) server: Option<String>,
    /// Of an answer that is read whole.
    pub(crate) body: Vec<u8>,
    silence_ms: Millis,
    heard_at: Millis,
    aborted: bool,
}

/// What a request is allowed to say, and for whom it is.
pub(crate) struct Begin {
    pub(crate) scope: Scope,
    pub(crate) now: Millis,
    pub(crate) silence_ms: Millis,
}

impl Exchange {
    /// Sends a request, which gets its number here.
    pub(crate) fn begin(
        begin: &Begin,
        request: impl FnOnce(Op, Scope) -> HttpRequest,
        ops: &mut Ops,
        out: &mut Outputs,
    ) -> Self {
        let (op, timer) = (ops.next(), ops.next());
        out.push(request(op, begin.scope));
        out.push(SetTimer::new(timer, begin.silence_ms));
        let (status, retry_after, server, body) = (None, None, None, Vec::new());
        let (silence_ms, heard_at, aborted) = (begin.silence_ms, begin.now, false);
        Self { op, timer, status, retry_after, server, body, silence_ms, heard_at, aborted }
    }

    pub(crate) fn head(&mut self, head: HttpHead, now: Millis) {
        self.heard_at = now;
        self.status = Some(head.status);
        for (name, value) in head.headers {
            if name.eq_ignore_ascii_case("retry-after") {
                self.retry_after = Some(value);
            } else if name.eq_ignore_ascii_case("server") {
                self.server = Some(value);
            }
        }
    }

    /// The server said something.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.heard_at = now;
    }

    /// Keeps a piece of an answer that is read whole, as far as there is room.
    pub(crate) fn keep(&mut self, data: &[u8]) {
        let room = BODY_BYTES_MAX.saturating_sub(self.body.len());
        self.body.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// The timer is due. Says whether the server was silent for too long; if not, it goes on waiting.
    pub(crate) fn is_silent(&mut self, now: Millis, ops: &mut Ops, out: &mut Outputs) -> bool {
        let silent_ms = now.saturating_sub(self.heard_at);
        let is_silent = silent_ms >= self.silence_ms;
        if !is_silent {
            self.timer = ops.next();
            out.push(SetTimer::new(self.timer, self.silence_ms - silent_ms));
        }
        is_silent
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The answer, if it is none.
    pub(crate) fn refusal(&self) -> Option<Refusal<'_>> {
        let status = self.status.filter(|_| !self.is_success())?;
        Some(Refusal { status, retry_after: self.retry_after.as_deref(), body: &self.body })
    }

    /// Gives the request up, once.
    pub(crate) fn abort(&mut self, out: &mut Outputs) {
        if !std::mem::replace(&mut self.aborted, true) {
            out.push(Output::HttpAbort(self.op));
        }
    }

    /// The request is over, or nobody waits for it any more.
    pub(crate) fn forget(&self, out: &mut Outputs) {
        out.push(Output::ClearTimer(self.timer));
    }
}
