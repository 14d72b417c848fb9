//! What the author of an omi-agentd adapter depends on.
//!
//! An adapter is a WebAssembly component that translates between omi-agentd and one kind of agent runtime. The host
//! tells it what happened (an [`Input`]) and it answers with what should happen (an [`Output`]); it imports
//! nothing but [`log`]. The contract itself, with a sentence on every record, is in `wit/v0.1`.
//!
//! * [`tutorial`]: from nothing to an adapter that streams, asks, stops and resumes, with its test. Read it first.
//! * [`styles`]: straight-line code ([`Session`]) or a reactor ([`Adapter`]), and when to choose which.
//! * [`testkit`]: tests without WebAssembly, which check that the adapter keeps the contract.
//!
//! A session awaits what it asks for: [`Host::start`] for a process, [`Host::read_file`] and [`Host::write_file`] for
//! files, [`Host::request`] for HTTP and [`Response::next_event`] for a stream of events. Each names a grant that
//! `describe` lists; [`Start::grants`] says which of them the registration binds. Every error becomes a [`Failure`].
//!
//! Both styles become a component with one macro, [`export_adapter!`] or [`export_session!`], in a crate with
//! `crate-type = ["cdylib", "rlib"]`, built with `--target wasm32-wasip2`.
//!
//! # Features
//!
//! * `config`: the module `config`, the `[config]` table with errors that name its keys;
//! * `json-rpc`: the module `rpc`, JSON-RPC 2.0 over lines.

#[doc(hidden)]
pub mod adapter;
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "config")]
pub mod config;
mod constructors;
mod either;
mod executor;
mod failures;
mod files;
mod http;
mod life;
pub mod lines;
pub mod log;
mod panic;
mod process;
mod refusal;
#[cfg(feature = "json-rpc")]
pub mod rpc;
mod session;
pub mod sse;
pub mod stdin;
pub mod styles;
#[cfg(not(target_arch = "wasm32"))]
pub mod testkit;
pub mod tutorial;
pub mod wording;

pub use adapter::{Adapter, Millis, Outputs};
pub use either::{Either, either};
pub use files::FileFailure;
pub use http::{EVENT_BYTES_MAX, RequestFailure, Response};
pub use life::Life;
pub use process::{LINE_BYTES_MAX, Process, ProcessFailure};
pub use session::{Host, Session, SessionAdapter, Sleep};

pub use bindings::exports::omi::runtime_adapter::runtime_adapter::{Extension, Input, Output};
pub use bindings::omi::runtime_adapter::activity::{
    Answer, Approval, ApprovalOption, Artifact, AttemptEvent, CallTool, Decision, Event, MessageDelta,
    OptionKind, OtherEvent, Payload, Progress, ProvidedInput, RequestApproval, RequestInput, ToolEnd,
    ToolFailure, ToolOutcome, ToolResult, ToolStart, ToolUpdate, WithdrawRequest,
};
pub use bindings::omi::runtime_adapter::description::{
    Cancellation, Capabilities, Capability, Descriptor, Fidelity, GrantRequest, Recovery, Restart,
};
pub use bindings::omi::runtime_adapter::effects::{
    BlobCreated, ChunkEnd, CloseStdin, ClosedWhy, Content, CreateBlob, Exit, Exited, FileError, FileOutcome,
    FileRead, FileResult, Framing, HttpBody, HttpEnd, HttpHead, HttpOutcome, HttpRequest, Kill, Op, Part,
    ProcessOutput, ReadFile, Refused, Scope, SetTimer, Spawn, Spawned, StdinClosed, StdinProgress, Why,
    WriteFile, WriteMode, WriteStdin,
};
pub use bindings::omi::runtime_adapter::session::{
    Attempt, AttemptFinished, AuthMethod, AuthRequired, Authenticate, Binding, BindingFailed, BindingOpened,
    BindingSettings, Blob, CancelAnswer, CancelAttempt, CloseBinding, EmbeddedText, ExecuteAttempt, Failure,
    FailureDetail, Fault, Limits, McpRemote, McpServer, McpStdio, McpTransport, Media, OpenBinding, Outcome,
    Pair, PastRun, PromptBlock, Ready, ResourceLink, ResumeBinding, RunMode, Start, Stop, StopReason,
    Success, Tool, Usage,
};
