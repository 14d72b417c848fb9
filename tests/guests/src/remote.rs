//! The line adapter over HTTP, which is correct: each prompt is a request, and the body of the answer is the answer.

use omi_adapter_sdk::lines::Lines;
use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, CancelAttempt,
    Cancellation, Capabilities, ChunkEnd, Descriptor, ExecuteAttempt, Failure, Fidelity, GrantRequest,
    HttpOutcome, HttpRequest, Input, LINE_BYTES_MAX, Op, Outcome, Output, Outputs, Ready, Scope,
};

use crate::text;

/// What `http-head` says where there is an answer.
const OK: u16 = 200;

/// A descriptor of the adapter.
pub fn descriptor(id: &str) -> Descriptor {
    Descriptor {
        protocol: "lines-http".to_owned(),
        capabilities: Capabilities { cancellation: Cancellation::Dispatched, ..Capabilities::least() },
        grants: vec![GrantRequest::http("remote", "POST /line", "Sends prompts to the server that answers.")],
        ..crate::descriptor(id)
    }
}

/// The adapter.
#[derive(Debug, Default)]
pub struct Remote {
    running: Option<Running>,
    is_stopped: bool,
    /// The last op that was used.
    op: Op,
}

/// The attempt whose answer is waited for.
#[derive(Debug)]
struct Running {
    attempt: Attempt,
    request: Op,
    lines: Lines,
    said: bool,
    aborted: bool,
}

impl Remote {
    /// Takes one thing that happened. What it does not know, and what comes too late, is ignored.
    pub fn handle(&mut self, input: Input, out: &mut Outputs) {
        match input {
            Input::Start(_) => out.push(Ready::new("http-line")),
            Input::OpenBinding(open) => {
                out.push(BindingOpened::new(open.binding, format!("http-{}", open.binding), Fidelity::None));
            }
            Input::ResumeBinding(resume) => {
                let failure = Failure::stale("not_kept", "the server keeps no sessions");
                out.push(BindingFailed::new(resume.binding, failure));
            }
            Input::ExecuteAttempt(execute) => self.execute(&execute, out),
            Input::CancelAttempt(cancel) => self.cancel(&cancel, out),
            Input::HttpHead(head) if self.waits_for(head.op) && head.status != OK => {
                self.abort(out);
                let message = format!("the server answered with the status {}", head.status);
                self.finish(Outcome::Failed(Failure::retryable("http_status", message)), out);
            }
            Input::HttpBody(body) if self.waits_for(body.op) => self.hear(&body.data, body.end, out),
            Input::HttpEnd(end) if self.waits_for(end.op) => self.end(&end.outcome, out),
            Input::Refused(refused) if self.waits_for(refused.op) => {
                let failure = Failure::retryable("request_refused", refused.why.to_string());
                self.finish(Outcome::Failed(failure), out);
            }
            Input::Stop(_) => {
                self.is_stopped = true;
                self.abort(out);
                self.finish(Outcome::Failed(stopped()), out);
            }
            _ => {}
        }
    }

    fn waits_for(&self, request: Op) -> bool {
        self.running.as_ref().is_some_and(|running| running.request == request)
    }

    fn execute(&mut self, execute: &ExecuteAttempt, out: &mut Outputs) {
        let attempt = execute.attempt;
        let refusal = match &self.running {
            _ if self.is_stopped => Some(stopped()),
            Some(_) => Some(Failure::retryable("busy", "one prompt is answered at a time")),
            None => None,
        };
        if let Some(failure) = refusal {
            out.push(AttemptFinished::new(attempt, Outcome::Failed(failure), None));
            return;
        }
        self.op += 1;
        let request = HttpRequest::new(self.op, Scope::Attempt(attempt), "remote", "POST", "/line");
        out.push(request.header("content-type", "text/plain").body(text(&execute.prompt)).lines());
        let lines = Lines::new(LINE_BYTES_MAX);
        self.running = Some(Running { attempt, request: self.op, lines, said: false, aborted: false });
    }

    fn cancel(&mut self, cancel: &CancelAttempt, out: &mut Outputs) {
        let runs = self.running.as_ref().is_some_and(|running| running.attempt == cancel.attempt);
        if runs {
            self.abort(out);
        }
        out.push(CancelAnswer::new(cancel.attempt, runs, false));
    }

    /// Gives the request up, once.
    fn abort(&mut self, out: &mut Outputs) {
        if let Some(running) = &mut self.running
            && !std::mem::replace(&mut running.aborted, true)
        {
            out.push(Output::HttpAbort(running.request));
        }
    }

    fn hear(&mut self, data: &[u8], end: ChunkEnd, out: &mut Outputs) {
        let Some(running) = &mut self.running else { return };
        for line in running.lines.push(data, end) {
            match line {
                Ok(line) => {
                    let between = if std::mem::replace(&mut running.said, true) { "\n" } else { "" };
                    out.push(AttemptEvent::text(running.attempt, "answer", format!("{between}{line}")));
                }
                Err(too_long) => {
                    self.abort(out);
                    let failure = Failure::fatal("line_too_long", too_long.to_string());
                    return self.finish(Outcome::Failed(failure), out);
                }
            }
        }
    }

    fn end(&mut self, end: &HttpOutcome, out: &mut Outputs) {
        // A last line without a line feed, if the end of the body was not told by itself.
        self.hear(&[], ChunkEnd::Eof, out);
        let aborted = self.running.as_ref().is_some_and(|running| running.aborted);
        let failed = |code: &str| Outcome::Failed(Failure::retryable(code, end.to_string()));
        let outcome = match end {
            HttpOutcome::Complete => Outcome::succeeded("end_turn"),
            HttpOutcome::Aborted if aborted => Outcome::Cancelled,
            HttpOutcome::TimedOut => failed("timed_out"),
            HttpOutcome::Aborted | HttpOutcome::Failed(_) | HttpOutcome::Other(_) => failed("request_failed"),
        };
        self.finish(outcome, out);
    }

    fn finish(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(running) = self.running.take() {
            out.push(AttemptFinished::new(running.attempt, outcome, None));
        }
    }
}

fn stopped() -> Failure {
    Failure::retryable("stopped", "the worker is to end")
}

#[cfg(test)]
mod tests;
