//! Short ways to write the records of the contract: `new` leaves out what is rarely said, and every record is an [`Output`].

use crate::{
    Approval, ApprovalOption, Attempt, AttemptEvent, AttemptFinished, AuthMethod, AuthRequired, Binding,
    BindingFailed, BindingOpened, BindingSettings, CallTool, CancelAnswer, CloseStdin, ClosedWhy, CreateBlob,
    Event, Exit, Extension, Failure, FailureDetail, Fault, Fidelity, HttpRequest, Kill, MessageDelta, Op,
    OptionKind, Outcome, Output, Part, ReadFile, Ready, RequestApproval, RequestInput, Scope, SetTimer,
    Spawn, Success, Usage, Why, WithdrawRequest, WriteFile, WriteStdin,
};

mod access;

/// Every record that is an output converts into [`Output`].
macro_rules! outputs {
    ($($record:ident),* $(,)?) => {
        $(impl From<$record> for Output {
            fn from(record: $record) -> Self {
                Self::$record(record)
            }
        })*
    };
}

outputs!(
    Ready,
    AuthRequired,
    Fault,
    BindingOpened,
    BindingFailed,
    AttemptEvent,
    AttemptFinished,
    CancelAnswer,
    RequestApproval,
    RequestInput,
    WithdrawRequest,
    CallTool,
    Spawn,
    WriteStdin,
    CloseStdin,
    Kill,
    SetTimer,
    ReadFile,
    WriteFile,
    HttpRequest,
    CreateBlob,
    Extension,
);

impl Ready {
    /// The runtime is up; its name and version, if it said them.
    pub fn new(runtime: impl Into<String>) -> Self {
        Self { runtime: runtime.into(), extra: String::new() }
    }
}

impl FailureDetail {
    /// A stable word, and a sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), extra: String::new() }
    }
}

impl AuthRequired {
    /// A person has to log in, in one of these ways; `message` says why.
    pub fn new(methods: Vec<AuthMethod>, message: impl Into<String>) -> Self {
        Self { methods, message: message.into(), extra: String::new() }
    }
}

impl Failure {
    /// It will not work.
    pub fn fatal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fatal(FailureDetail::new(code, message))
    }

    /// The same thing may work if it is tried again.
    pub fn retryable(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Retryable(FailureDetail::new(code, message))
    }

    /// The native session does not exist any more.
    pub fn stale(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Stale(FailureDetail::new(code, message))
    }
}

impl Fault {
    /// The adapter cannot go on.
    pub fn new(failure: Failure) -> Self {
        Self { failure, extra: String::new() }
    }
}

impl BindingSettings {
    /// A session in this folder, with nothing else asked for.
    pub fn in_folder(cwd: impl Into<String>) -> Self {
        Self {
            cwd: cwd.into(),
            model: None,
            system_prompt: None,
            mcp_servers: Vec::new(),
            history: Vec::new(),
            history_left_out: 0,
            extra: String::new(),
        }
    }
}

impl BindingOpened {
    /// A native session is there, without MCP servers and with an unknown model.
    pub fn new(binding: Binding, native_id: impl Into<String>, fidelity: Fidelity) -> Self {
        Self {
            binding,
            native_id: native_id.into(),
            fidelity,
            effective_mcp: Vec::new(),
            model: None,
            extra: String::new(),
        }
    }
}

impl BindingFailed {
    /// A native session is not there.
    pub fn new(binding: Binding, failure: Failure) -> Self {
        Self { binding, failure, extra: String::new() }
    }
}

impl AttemptEvent {
    /// An attempt did something.
    pub fn new(attempt: Attempt, event: Event) -> Self {
        Self { attempt, event, extra: String::new() }
    }

    /// A piece of the answer.
    pub fn text(attempt: Attempt, message: impl Into<String>, text: impl Into<String>) -> Self {
        let delta = MessageDelta { message: message.into(), text: text.into(), extra: String::new() };
        Self::new(attempt, Event::MessageDelta(delta))
    }
}

impl Outcome {
    /// It ended well; the runtime's own word for why it stopped.
    pub fn succeeded(stop_reason: impl Into<String>) -> Self {
        Self::Succeeded(Success { stop_reason: stop_reason.into(), extra: String::new() })
    }
}

impl AttemptFinished {
    /// An attempt is over.
    pub fn new(attempt: Attempt, outcome: Outcome, usage: Option<Usage>) -> Self {
        Self { attempt, outcome, usage, extra: String::new() }
    }
}

impl CancelAnswer {
    /// What became of a cancellation so far.
    pub fn new(attempt: Attempt, dispatched: bool, acknowledged: bool) -> Self {
        Self { attempt, dispatched, acknowledged, message: None, extra: String::new() }
    }

    /// With a sentence for a person.
    #[must_use]
    pub fn because(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

impl RequestApproval {
    /// Ask whether something may be done, without a tool it is about and without details.
    pub fn new(
        request: u32,
        attempt: Attempt,
        title: impl Into<String>,
        options: Vec<ApprovalOption>,
    ) -> Self {
        let (title, details) = (title.into(), "null".to_owned());
        Self { request, attempt, title, tool: None, options, details, extra: String::new() }
    }
}

impl ApprovalOption {
    /// One possible answer.
    pub fn new(id: impl Into<String>, name: impl Into<String>, kind: OptionKind) -> Self {
        Self { id: id.into(), name: name.into(), kind, extra: String::new() }
    }
}

impl WithdrawRequest {
    /// Take back a request.
    pub fn new(request: u32) -> Self {
        Self { request, extra: String::new() }
    }
}

impl CloseStdin {
    /// Close the standard input of a process.
    pub fn new(process: Op) -> Self {
        Self { process, extra: String::new() }
    }
}

impl Kill {
    /// End a process, with so much time for each step.
    pub fn new(process: Op, grace_ms: u32) -> Self {
        Self { process, grace_ms, extra: String::new() }
    }
}

impl SetTimer {
    /// Be told after a time, for the whole worker.
    pub fn new(op: Op, after_ms: u32) -> Self {
        Self { op, scope: Scope::Worker, after_ms, extra: String::new() }
    }
}

impl CreateBlob {
    /// Hand bytes to the host on behalf of an attempt.
    pub fn of_attempt(op: Op, attempt: Attempt, bytes: Vec<u8>) -> Self {
        Self { op, scope: Scope::Attempt(attempt), content: vec![Part::Bytes(bytes)], extra: String::new() }
    }
}

impl Approval {
    /// A decision, as the host sends it.
    pub fn new(request: u32, decision: crate::Decision) -> Self {
        Self { request, decision, extra: String::new() }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied(text) => write!(f, "denied: {text}"),
            Self::Limit(text) => write!(f, "over a limit: {text}"),
            Self::WouldBlock => write!(f, "the queue is full"),
            Self::Unknown(text) => write!(f, "unknown: {text}"),
            Self::Expired => write!(f, "nobody answered in time"),
            Self::Cancelled => write!(f, "cancelled"),
            Self::Failed(text) | Self::Other(text) => write!(f, "{text}"),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => write!(f, "an unknown exit status"),
        }
    }
}

impl std::fmt::Display for ClosedWhy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Requested => "it was closed",
            Self::BrokenPipe => "the process closed its end",
            Self::Exited => "the process ended",
        })
    }
}

impl crate::Capabilities {
    /// The least an adapter can do: one binding, one attempt, nothing survives, nothing can be cancelled.
    pub fn least() -> Self {
        Self {
            resume: Fidelity::None,
            cancellation: crate::Cancellation::Unsupported,
            restart: crate::Restart::BindingsLost,
            recovery: crate::Recovery::Host,
            pinned_worker: true,
            bindings_per_worker: 1,
            attempts_per_worker: 1,
            model_switching: false,
            artifacts: false,
            tools: false,
            extra: String::new(),
        }
    }
}
