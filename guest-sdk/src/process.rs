//! A process as a session sees it: lines to read, bytes to write, an end to wait for.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::lines::{LineTooLong, Lines};
use crate::session::{Host, Shared, remember};
use crate::stdin::{Stdin, StdinFull};
use crate::{CloseStdin, Exited, Failure, Input, Kill, Op, Outputs, Part, Spawn, Why};

/// Bytes of one line of a process, at most. A longer one is an error of `read_line`.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of lines that may wait to be read: the host goes on reading the process, so the adapter has to.
const UNREAD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Why a process cannot be written to, or what it said cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum ProcessFailure {
    /// It reads too slowly.
    Full(StdinFull),
    /// What was written to it was refused and is lost. `read_line` says so, because writing does not wait.
    Refused(Why),
    /// It wrote a line of more than [`LINE_BYTES_MAX`] bytes, which is lost. The next line is whole.
    TooLong(LineTooLong),
}

impl std::fmt::Display for ProcessFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(full) => full.fmt(f),
            Self::Refused(why) => write!(f, "writing to the process was refused: {why}"),
            Self::TooLong(too_long) => too_long.fmt(f),
        }
    }
}

impl std::error::Error for ProcessFailure {}

/// A process that was started. Its standard error is in [`Exited::stderr_tail`](crate::Exited).
pub struct Process {
    host: Host,
    op: Op,
}

/// What is known about a process.
pub(crate) struct ProcessState {
    started: Option<Result<(), Why>>,
    lines: Lines,
    unread: VecDeque<Result<String, ProcessFailure>>,
    unread_bytes: usize,
    stdout_ended: bool,
    exited: Option<Exited>,
    stdin: Stdin,
    wakers: Vec<Waker>,
}

impl ProcessState {
    fn new(op: Op, queue_bytes: u32) -> Self {
        Self {
            started: None,
            lines: Lines::new(LINE_BYTES_MAX),
            unread: VecDeque::new(),
            unread_bytes: 0,
            stdout_ended: false,
            exited: None,
            stdin: Stdin::new(op, queue_bytes),
            wakers: Vec::new(),
        }
    }
}

impl Host {
    /// Start a process: `host.start(Spawn::lines(host.op(), "agent")).await`.
    pub async fn start(&self, spawn: Spawn) -> Result<Process, Why> {
        let process = Process { host: self.clone(), op: spawn.op };
        {
            let mut shared = self.shared.borrow_mut();
            let state = ProcessState::new(spawn.op, shared.stdin_queue_bytes);
            shared.processes.insert(spawn.op, state);
        }
        self.send(spawn);
        process.wait(|state| state.started.clone()).await.map(|()| process)
    }
}

impl Process {
    /// The number by which the host knows it.
    pub fn op(&self) -> Op {
        self.op
    }

    /// The next line of its standard output, or nothing at the end.
    pub async fn read_line(&mut self) -> Result<Option<String>, ProcessFailure> {
        self.wait(|state| match state.unread.pop_front() {
            Some(Ok(line)) => {
                state.unread_bytes -= line.len();
                Some(Ok(Some(line)))
            }
            Some(Err(error)) => Some(Err(error)),
            None => (state.stdout_ended || state.exited.is_some()).then_some(Ok(None)),
        })
        .await
    }

    /// Write bytes, in order and without waiting.
    pub fn write(&self, bytes: impl Into<Vec<u8>>) -> Result<(), ProcessFailure> {
        self.with_stdin(|stdin, out| stdin.write(bytes.into(), out))
    }

    /// Write parts; `blob_bytes` is how many bytes their blobs become.
    pub fn write_parts(&self, parts: Vec<Part>, blob_bytes: usize) -> Result<(), ProcessFailure> {
        self.with_stdin(|stdin, out| stdin.write_parts(parts, blob_bytes, out))
    }

    fn with_stdin(
        &self,
        write: impl FnOnce(&mut Stdin, &mut Outputs) -> Result<(), StdinFull>,
    ) -> Result<(), ProcessFailure> {
        let mut shared = self.host.shared.borrow_mut();
        let mut out = Outputs::new();
        let written = match shared.processes.get_mut(&self.op) {
            Some(state) => write(&mut state.stdin, &mut out),
            None => Ok(()),
        };
        shared.out.extend(out.into_vec());
        written.map_err(ProcessFailure::Full)
    }

    /// Close its standard input, after what was written.
    pub fn close_stdin(&self) {
        self.host.send(CloseStdin::new(self.op));
    }

    /// End it and everything it started, with so much time for each step.
    pub fn kill(&self, grace_ms: u32) {
        self.host.send(Kill::new(self.op, grace_ms));
    }

    /// How it ended.
    pub async fn exited(&self) -> Exited {
        self.wait(|state| state.exited.clone()).await
    }

    async fn wait<T>(&self, mut ready: impl FnMut(&mut ProcessState) -> Option<T>) -> T {
        std::future::poll_fn(|context| {
            let mut shared = self.host.shared.borrow_mut();
            let Some(state) = shared.processes.get_mut(&self.op) else { return Poll::Pending };
            if let Some(value) = ready(state) {
                return Poll::Ready(value);
            }
            remember(&mut state.wakers, context);
            Poll::Pending
        })
        .await
    }
}

/// What arrives for a process without a handle goes to `next_input`.
impl Drop for Process {
    fn drop(&mut self) {
        self.host.shared.borrow_mut().processes.remove(&self.op);
    }
}

impl Shared {
    /// Give an input to the process it is about; give it back if there is none.
    pub(crate) fn deliver_to_process(&mut self, input: Input) -> Option<Input> {
        let op = match &input {
            Input::Spawned(spawned) => spawned.op,
            Input::Stdout(output) | Input::Stderr(output) => output.op,
            Input::StdinProgress(progress) => progress.op,
            Input::StdinClosed(closed) => closed.op,
            Input::Exited(exited) => exited.op,
            Input::Refused(refused) => refused.op,
            Input::Start(_)
            | Input::Stop(_)
            | Input::Authenticate(_)
            | Input::OpenBinding(_)
            | Input::ResumeBinding(_)
            | Input::CloseBinding(_)
            | Input::ExecuteAttempt(_)
            | Input::CancelAttempt(_)
            | Input::Approval(_)
            | Input::ProvidedInput(_)
            | Input::ToolResult(_)
            | Input::Timer(_)
            | Input::File(_)
            | Input::HttpHead(_)
            | Input::HttpBody(_)
            | Input::HttpEnd(_)
            | Input::BlobCreated(_)
            | Input::Extension(_) => return Some(input),
        };
        let Some(state) = self.processes.get_mut(&op) else { return Some(input) };
        match input {
            Input::Spawned(_) => state.started = Some(Ok(())),
            Input::Refused(refused) if state.started.is_none() => state.started = Some(Err(refused.why)),
            Input::Refused(refused) => state.unread.push_back(Err(ProcessFailure::Refused(refused.why))),
            Input::Stdout(output) => {
                state.stdout_ended |= output.end == crate::ChunkEnd::Eof;
                for line in state.lines.push(&output.data, output.end) {
                    state.unread_bytes += line.as_ref().map_or(0, String::len);
                    state.unread.push_back(line.map_err(ProcessFailure::TooLong));
                }
            }
            Input::StdinProgress(progress) => state.stdin.progress(&progress, &mut self.out),
            Input::Exited(exited) => state.exited = Some(exited),
            // The tail of standard error comes with `exited`; a closed standard input shows there too.
            _ => {}
        }
        state.wakers.drain(..).for_each(Waker::wake);
        if state.unread_bytes > UNREAD_BYTES_MAX {
            let message = format!("{UNREAD_BYTES_MAX} bytes of output wait and the adapter reads none");
            self.fault(Failure::fatal("output_unread", message));
        }
        None
    }
}
