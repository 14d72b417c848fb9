//! The line to the agent: requests that wait for their answer, with deadlines, and answers to the agent's own.

use agent_client_protocol_schema::v1::CancelNotification;
use omi_adapter_sdk::rpc::{self, Calls, RpcError};
use omi_adapter_sdk::stdin::Stdin;
use omi_adapter_sdk::{Attempt, Binding, Millis, Op, Output, Outputs, Part, SetTimer, StdinProgress};
use serde::Serialize;
use serde_json::Value;

use crate::json::value;
use crate::login::LoginFor;

/// Why a request was made: what its answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Initialize,
    Authenticate(LoginFor),
    NewSession(Binding),
    LoadSession(Binding),
    ResumeSession(Binding),
    /// To find a session on this page of all.
    ListSessions(Binding, u32),
    /// To choose what the wish with this number says.
    Choose(Binding, u32),
    Prompt(Binding, Attempt),
    CloseSession,
}

/// Bytes that fit into a pipe: no more than that is ever unread at an agent that reads late but reads.
const PIPE_BYTES: usize = 64 * 1024;

/// Whether the process is still to come, and until when.
#[derive(PartialEq, Eq)]
enum SpawnWait {
    Until(Op),
    Over,
}

/// The running agent, as something to write to.
pub(crate) struct Link {
    pub(crate) process: Op,
    stdin: Stdin,
    last_op: Op,
    last_request: u32,
    calls: Calls<Call>,
    spawn: SpawnWait,
    /// Bytes that the agent has not read, at most, and the end of its time to read any.
    unread: usize,
    reads_until: Option<Op>,
    stdin_timeout_ms: Millis,
    /// The agent does not read: what was to be written is lost, and the link with it.
    pub(crate) broken: Option<String>,
}

impl Link {
    /// The line to the process with this op, which is the first op of the worker.
    pub(crate) fn new(process: Op, stdin_queue_bytes: u32, stdin_timeout_ms: Millis) -> Self {
        Self {
            process,
            stdin: Stdin::new(process, stdin_queue_bytes),
            last_op: process,
            last_request: 0,
            calls: Calls::new(),
            spawn: SpawnWait::Over,
            unread: 0,
            reads_until: None,
            stdin_timeout_ms,
            broken: None,
        }
    }

    /// The process was asked for; it may take so long to run.
    pub(crate) fn expect_spawn(&mut self, timeout_ms: Millis, out: &mut Outputs) {
        self.spawn = SpawnWait::Until(self.timer(timeout_ms, out));
    }

    /// The process runs.
    pub(crate) fn spawned(&mut self, out: &mut Outputs) {
        if let SpawnWait::Until(timer) = std::mem::replace(&mut self.spawn, SpawnWait::Over) {
            out.push(Output::ClearTimer(timer));
        }
    }

    /// Whether the process runs, or ran.
    pub(crate) fn is_spawned(&self) -> bool {
        self.spawn == SpawnWait::Over
    }

    /// Whether this is the timer of a process that does not come to run.
    pub(crate) fn spawn_expired(&self, timer: Op) -> bool {
        self.spawn == SpawnWait::Until(timer)
    }

    /// A fresh op.
    pub(crate) fn op(&mut self) -> Op {
        self.last_op += 1;
        self.last_op
    }

    /// A fresh number for a request to a person.
    pub(crate) fn next_request(&mut self) -> u32 {
        self.last_request += 1;
        self.last_request
    }

    /// A fresh request number, for a request whose line is made elsewhere.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.calls.next_id()
    }

    /// Ask the agent something; `call` comes back with the answer, or when the time is over.
    pub(crate) fn call(
        &mut self,
        call: Call,
        method: &str,
        params: impl Serialize,
        timeout_ms: Option<Millis>,
        out: &mut Outputs,
    ) {
        let id = self.next_id();
        let deadline = timeout_ms.map(|after_ms| self.timer(after_ms, out));
        self.calls.wait(id, call, deadline);
        self.write(rpc::request(id, method, value(&params)), out);
    }

    /// Ask with a line that was made elsewhere.
    pub(crate) fn call_with_parts(
        &mut self,
        id: u64,
        call: Call,
        parts: Vec<Part>,
        blob_bytes: usize,
        out: &mut Outputs,
    ) {
        self.calls.wait(id, call, None);
        let inline: usize = parts.iter().map(inline_bytes).sum();
        let written = self.stdin.write_parts(parts, blob_bytes, out);
        self.wrote(inline + blob_bytes, written, out);
    }

    /// Tell the agent to stop what it does in a session.
    pub(crate) fn cancel(&mut self, session: &str, out: &mut Outputs) {
        let params = value(&CancelNotification::new(session.to_owned()));
        self.write(rpc::notification("session/cancel", params), out);
    }

    /// Answer a request of the agent.
    pub(crate) fn answer(&mut self, id: &Value, result: impl Serialize, out: &mut Outputs) {
        self.write(rpc::answer(id, value(&result)), out);
    }

    /// Answer a request of the agent with an error.
    pub(crate) fn answer_error(&mut self, id: &Value, error: &RpcError, out: &mut Outputs) {
        self.write(rpc::answer_error(id, error), out);
    }

    /// What the request with this number was for. A second answer is to nothing.
    pub(crate) fn answered(&mut self, id: u64, out: &mut Outputs) -> Option<Call> {
        self.calls.answered(id, out)
    }

    /// The request whose time is over, if the timer is one of a request. Its answer will be ignored.
    pub(crate) fn expired(&mut self, timer: Op) -> Option<Call> {
        self.calls.expired(timer)
    }

    /// The host said how far writing has come.
    pub(crate) fn progress(&mut self, progress: &StdinProgress, out: &mut Outputs) {
        self.unread = usize::try_from(progress.queued).unwrap_or(usize::MAX);
        if let Some(timer) = self.reads_until.take() {
            out.push(Output::ClearTimer(timer));
        }
        self.expect_reading(out);
        self.stdin.progress(progress, out);
    }

    /// Whether this is the end of the time in which the agent had to read; the link is broken then.
    pub(crate) fn unread_expired(&mut self, timer: Op) -> bool {
        let is_it = self.reads_until.take_if(|until| *until == timer).is_some();
        if is_it {
            let (bytes, ms) = (self.unread, self.stdin_timeout_ms);
            self.broken = Some(format!("the agent reads nothing: {bytes} bytes wait for it since {ms} ms"));
        }
        is_it
    }

    /// What is unread and does not fit a pipe shows within a time whether the agent reads at all.
    fn expect_reading(&mut self, out: &mut Outputs) {
        if self.unread > PIPE_BYTES && self.reads_until.is_none() {
            self.reads_until = Some(self.timer(self.stdin_timeout_ms, out));
        }
    }

    /// A fresh timer.
    pub(crate) fn timer(&mut self, after_ms: Millis, out: &mut Outputs) -> Op {
        let op = self.op();
        out.push(SetTimer::new(op, after_ms));
        op
    }

    fn write(&mut self, line: Vec<u8>, out: &mut Outputs) {
        let bytes = line.len();
        let written = self.stdin.write(line, out);
        self.wrote(bytes, written, out);
    }

    fn wrote(&mut self, bytes: usize, written: Result<(), impl std::fmt::Display>, out: &mut Outputs) {
        if let Err(full) = written {
            self.broken = Some(full.to_string());
        }
        self.unread = self.unread.saturating_add(bytes);
        self.expect_reading(out);
    }
}

fn inline_bytes(part: &Part) -> usize {
    match part {
        Part::Bytes(bytes) => bytes.len(),
        Part::BlobRaw(_) | Part::BlobBase64(_) => 0,
    }
}
