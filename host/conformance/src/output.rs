//! What an adapter asks for, as far as a host that is only played has to understand it.

use omi_kernel::descriptor::Fidelity;
use serde::Deserialize;
use serde_json::Value;

/// An output of the contract, read from its JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Output {
    Ready(serde::de::IgnoredAny),
    AuthRequired(AuthRequired),
    Fault(Fault),
    BindingOpened(BindingOpened),
    BindingFailed(BindingFailed),
    AttemptEvent(AttemptEvent),
    AttemptFinished(AttemptFinished),
    CancelAnswer(CancelAnswer),
    RequestApproval(RequestApproval),
    RequestInput(RequestInput),
    WithdrawRequest(Withdraw),
    CallTool(CallTool),
    Spawn(Spawn),
    WriteStdin(WriteStdin),
    CloseStdin(OnProcess),
    Kill(OnProcess),
    SetTimer(SetTimer),
    ClearTimer(u32),
    ReadFile(OnFile),
    WriteFile(OnFile),
    HttpRequest(HttpRequest),
    HttpAbort(u32),
    CreateBlob(CreateBlob),
    DropBlob(u32),
    Extension(Extension),
}

/// On whose behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    Worker,
    Binding(u32),
    Attempt(u32),
}

#[derive(Debug, Deserialize)]
pub(crate) struct AuthRequired {
    pub(crate) methods: Vec<AuthMethod>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AuthMethod {
    pub(crate) id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fault {
    pub(crate) failure: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BindingOpened {
    pub(crate) binding: u32,
    pub(crate) native_id: String,
    pub(crate) fidelity: Fidelity,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BindingFailed {
    pub(crate) binding: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AttemptEvent {
    pub(crate) attempt: u32,
    pub(crate) event: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AttemptFinished {
    pub(crate) attempt: u32,
    pub(crate) outcome: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CancelAnswer {
    pub(crate) attempt: u32,
    pub(crate) dispatched: bool,
    pub(crate) acknowledged: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RequestApproval {
    pub(crate) request: u32,
    pub(crate) attempt: u32,
    pub(crate) options: Vec<ApprovalOption>,
    pub(crate) details: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApprovalOption {
    pub(crate) id: String,
    pub(crate) kind: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RequestInput {
    pub(crate) request: u32,
    pub(crate) attempt: u32,
    pub(crate) schema: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Withdraw {
    pub(crate) request: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CallTool {
    pub(crate) op: u32,
    pub(crate) attempt: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Spawn {
    pub(crate) op: u32,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) stdout: Framing,
}

/// How output is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Framing {
    Bytes,
    Lines(u32),
}

#[derive(Debug, Deserialize)]
pub(crate) struct WriteStdin {
    pub(crate) process: u32,
    pub(crate) parts: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OnProcess {
    pub(crate) process: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct SetTimer {
    pub(crate) op: u32,
    pub(crate) scope: Scope,
    pub(crate) after_ms: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OnFile {
    pub(crate) op: u32,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) path: String,
    /// Of a read.
    #[serde(default)]
    pub(crate) offset: u32,
    /// Of a read; 0 means all.
    #[serde(default)]
    pub(crate) max: u32,
    /// What is to be written; a read has none.
    #[serde(default)]
    pub(crate) content: Vec<Value>,
    #[serde(default)]
    pub(crate) mode: WriteMode,
}

/// What writing does to a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WriteMode {
    #[default]
    Replace,
    CreateNew,
    Append,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HttpRequest {
    pub(crate) op: u32,
    pub(crate) scope: Scope,
    pub(crate) grant: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<Value>,
    pub(crate) framing: Framing,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreateBlob {
    pub(crate) op: u32,
    pub(crate) scope: Scope,
    pub(crate) content: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Extension {
    pub(crate) json: String,
}

/// Reads the outputs of one call.
pub(crate) fn read(outputs: &Value) -> Vec<Output> {
    // The engine writes exactly the cases above: they are those of the contract.
    Vec::deserialize(outputs).expect("an output of the contract")
}
