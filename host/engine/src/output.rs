//! What an adapter asks for, in the engine's own terms. `v0_1` reads it from those of the contract.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::report::{Activity, ApprovalOption, AuthMethod, Failure, Outcome, Usage};

use crate::files::WriteMode;
use crate::framing::Framing;
use crate::input::Op;

/// On whose behalf an effect happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Worker,
    Binding(u32),
    Attempt(u32),
}

/// Bytes, or bytes that the host keeps.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    Blob(u32),
    BlobAsBase64(u32),
}

/// A request for approval.
#[derive(Debug, Clone)]
pub(crate) struct RequestApproval {
    pub(crate) request: u32,
    pub(crate) attempt: u32,
    pub(crate) title: String,
    pub(crate) tool: Option<String>,
    pub(crate) options: Vec<ApprovalOption>,
    pub(crate) details: serde_json::Value,
}

/// A request for information.
#[derive(Debug, Clone)]
pub(crate) struct RequestInput {
    pub(crate) request: u32,
    pub(crate) attempt: u32,
    pub(crate) prompt: String,
    pub(crate) schema: Option<serde_json::Value>,
    pub(crate) url: Option<String>,
}

/// A process to start.
#[derive(Debug, Clone)]
pub(crate) struct Spawn {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) command: Option<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: Option<String>,
    pub(crate) stdout: Framing,
}

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct ReadFile {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) path: String,
    /// Bytes to skip.
    pub(crate) offset: u64,
    /// Bytes to read at most; none means all.
    pub(crate) max: Option<u64>,
}

/// A file to write.
#[derive(Debug, Clone)]
pub(crate) struct WriteFile {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) path: String,
    pub(crate) mode: WriteMode,
}

/// A request to send.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) framing: Framing,
}

/// What an adapter asks for.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    Ready {
        runtime: String,
    },
    AuthRequired {
        methods: Vec<AuthMethod>,
        message: String,
    },
    Fault(Failure),
    BindingOpened {
        binding: u32,
        native_id: String,
        fidelity: Fidelity,
        model: Option<String>,
    },
    BindingFailed {
        binding: u32,
        failure: Failure,
    },
    /// What one event of the contract becomes: a long text becomes several.
    Activities {
        attempt: u32,
        activities: Vec<Activity>,
        /// What of it is not as the contract says.
        broken: Option<&'static str>,
    },
    AttemptFinished {
        attempt: u32,
        outcome: Outcome,
        usage: Option<Usage>,
    },
    CancelAnswer {
        attempt: u32,
        dispatched: bool,
        acknowledged: bool,
        message: Option<String>,
    },
    RequestApproval(RequestApproval),
    RequestInput(RequestInput),
    WithdrawRequest {
        request: u32,
    },
    CallTool {
        op: Op,
        attempt: u32,
        name: String,
    },
    Spawn(Spawn),
    WriteStdin {
        process: Op,
        parts: Vec<Part>,
    },
    CloseStdin {
        process: Op,
    },
    Kill {
        process: Op,
        grace_ms: u32,
    },
    SetTimer {
        op: Op,
        scope: Scope,
        after_ms: u32,
    },
    ClearTimer {
        op: Op,
    },
    CreateBlob {
        op: Op,
        scope: Scope,
        parts: Vec<Part>,
    },
    DropBlob {
        blob: u32,
    },
    ReadFile(ReadFile),
    WriteFile {
        write: WriteFile,
        parts: Vec<Part>,
    },
    HttpRequest {
        request: HttpRequest,
        parts: Vec<Part>,
    },
    HttpAbort {
        op: Op,
    },
    Extension {
        name: String,
    },
}
