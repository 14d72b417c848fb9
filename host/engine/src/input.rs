//! What an adapter is told, in the engine's own terms. `v0_1` puts it into those of the contract.

use std::collections::BTreeMap;

use omi_kernel::command::{Answer, BindingSettings, Execute, InputAnswer, StopReason};
use omi_kernel::id::{NativeSessionId, RunId, SessionId};
use omi_kernel::report::FailureDetail;
use omi_kernel::status::Status;

use crate::files::FileError;
use crate::framing::ChunkEnd;

/// The adapter's number of something it asked for.
pub(crate) type Op = u32;

/// The beginning of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) registration: String,
    /// The configuration, as JSON text.
    pub(crate) config: String,
    /// The names of the grants that may be used.
    pub(crate) grants: Vec<String>,
    /// The origins behind those of them that are for requests.
    pub(crate) origins: BTreeMap<String, String>,
    pub(crate) seed: u32,
    pub(crate) limits: crate::limits::Limits,
}

/// A piece of a prompt whose bytes are with the host.
#[derive(Debug, Clone)]
pub(crate) enum Block {
    Text(String),
    Image { mime_type: String, blob: u32, bytes: u32 },
}

/// A run of the session that is over.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) run: RunId,
    pub(crate) prompt: Vec<Block>,
    pub(crate) answer: String,
    pub(crate) status: Status,
}

/// What a process wrote.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) op: Op,
    pub(crate) data: Vec<u8>,
    pub(crate) end: ChunkEnd,
    /// Bytes of standard error that were left out before this chunk because the adapter did not keep up.
    pub(crate) dropped: u64,
}

/// Why an effect was not performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The gate said no.
    Denied(String),
    /// A limit.
    Limit(String),
    /// The queue is full.
    WouldBlock,
    /// Not something of this worker.
    Unknown(String),
    /// Nobody answered in time.
    Expired,
    /// It was cancelled before it was performed.
    Cancelled,
    /// The system said no.
    Failed(String),
    /// Anything else.
    Other(String),
}

/// Why a process takes no more input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedWhy {
    Requested,
    BrokenPipe,
    Exited,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
    Unknown,
}

/// What was read of a file.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Blob(u32),
}

/// How an operation on a file ended.
#[derive(Debug, Clone)]
pub(crate) enum FileOutcome {
    Read {
        content: Content,
        /// Bytes of the whole file.
        size: u64,
    },
    /// So many bytes were written.
    Written(u64),
    Failed(FileError),
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HttpOutcome {
    /// The whole body was given.
    Complete,
    Aborted,
    TimedOut,
    Failed(String),
}

/// What an adapter is told.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Start(Start),
    Stop {
        reason: StopReason,
        grace_ms: u32,
    },
    /// A person chose a way to log in.
    Authenticate {
        method: String,
    },
    OpenBinding {
        binding: u32,
        session: SessionId,
        settings: Box<BindingSettings>,
        history: Vec<Past>,
    },
    ResumeBinding {
        binding: u32,
        session: SessionId,
        native_id: NativeSessionId,
        settings: Box<BindingSettings>,
        history: Vec<Past>,
    },
    CloseBinding {
        binding: u32,
    },
    Execute {
        attempt: u32,
        binding: u32,
        execute: Execute,
        prompt: Vec<Block>,
    },
    Cancel {
        attempt: u32,
    },
    Approval {
        request: u32,
        answer: Answer,
    },
    /// The answer to a request for information.
    Provided {
        request: u32,
        answer: InputAnswer,
    },
    ToolFailed {
        op: Op,
        error: FailureDetail,
    },
    Spawned {
        op: Op,
    },
    /// A process that was allowed could not be started: the last that is told about it.
    SpawnFailed {
        op: Op,
        why: String,
    },
    Stdout(Chunk),
    Stderr(Chunk),
    StdinProgress {
        op: Op,
        accepted: u32,
        queued: u32,
    },
    StdinClosed {
        op: Op,
        why: ClosedWhy,
        lost: u32,
    },
    Exited {
        op: Op,
        exit: Exit,
        stderr_tail: String,
    },
    Timer {
        op: Op,
    },
    BlobCreated {
        op: Op,
        blob: u32,
        bytes: u32,
    },
    /// What became of reading or writing a file.
    File {
        op: Op,
        outcome: FileOutcome,
    },
    /// The beginning of an answer to a request.
    HttpHead {
        op: Op,
        status: u16,
        headers: Vec<(String, String)>,
    },
    /// A piece of the body of an answer.
    HttpBody(Chunk),
    /// A request is over: the last that is told about it.
    HttpEnd {
        op: Op,
        outcome: HttpOutcome,
    },
    Refused {
        op: Op,
        why: Why,
    },
}
