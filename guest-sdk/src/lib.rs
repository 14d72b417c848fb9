//! What the author of an omi-agentd adapter depends on.
//!
//! An adapter is a WebAssembly component that translates between omi-agentd and one kind of agent runtime. The host
//! tells it what happened (an [`Input`]) and it answers with what should happen (an [`Output`]); it imports
//! nothing but [`log`]. The contract itself, with a sentence on every record, is in `wit/v0.1`.
//!
//! # Two styles
//!
//! * **A reactor**: implement [`Adapter`], one `handle` per input. Best where many things happen at the same time.
//! * **Straight-line code**: implement [`Session`], one `async fn run(host)`. Best where one thing follows another.
//!
//! A session awaits what it asks for: [`Host::start`] for a process, [`Host::read_file`] and [`Host::write_file`] for
//! files, [`Host::request`] for HTTP. Each names a grant that `describe` lists; [`Start::grants`] says which of them
//! the registration binds.
//!
//! Both become a component with one macro, [`export_adapter!`] or [`export_session!`], in a crate with
//! `crate-type = ["cdylib", "rlib"]`, built with `--target wasm32-wasip2`.
//!
//! # A whole adapter
//!
//! It starts the program of its grant `agent`, writes each prompt to it as one line and gives its answer, one line.
//!
//! ```
//! use omi_adapter_sdk::testkit::{self, TestKit};
//! use omi_adapter_sdk::{
//!     AttemptEvent, AttemptFinished, BindingOpened, CancelAnswer, Capabilities, Descriptor, ExecuteAttempt, Failure, Fault,
//!     Fidelity, GrantRequest, Host, Input, Outcome, Output, Process, PromptBlock, Ready, Session, SessionAdapter, Spawn,
//! };
//!
//! struct LineAdapter;
//!
//! impl Session for LineAdapter {
//!     fn describe() -> Descriptor {
//!         Descriptor {
//!             adapter_id: "line".to_owned(),
//!             version: "0.1.0".to_owned(),
//!             title: "One line, one answer".to_owned(),
//!             protocol: "lines".to_owned(),
//!             capabilities: Capabilities::least(),
//!             grants: vec![GrantRequest::process("agent", "Runs the program that answers.")],
//!             config_schema: String::new(),
//!             extra: String::new(),
//!         }
//!     }
//!
//!     async fn run(host: Host) {
//!         let mut agent = match host.start(Spawn::lines(host.op(), "agent")).await {
//!             Ok(agent) => agent,
//!             Err(why) => return host.send(Fault::new(Failure::fatal("spawn_refused", why.to_string()))),
//!         };
//!         host.send(Ready::new("line"));
//!         loop {
//!             match host.next_input().await {
//!                 Input::OpenBinding(open) => {
//!                     host.send(BindingOpened::new(open.binding, format!("line-{}", open.binding), Fidelity::None));
//!                 }
//!                 Input::ExecuteAttempt(execute) => {
//!                     let outcome = answer(&host, &mut agent, &execute).await;
//!                     host.send(AttemptFinished::new(execute.attempt, outcome, None));
//!                 }
//!                 Input::CancelAttempt(cancel) => {
//!                     host.send(CancelAnswer::new(cancel.attempt, false, false).because("it is over already"));
//!                 }
//!                 Input::Stop(_) => return agent.close_stdin(),
//!                 _ => {}
//!             }
//!         }
//!     }
//! }
//!
//! async fn answer(host: &Host, agent: &mut Process, execute: &ExecuteAttempt) -> Outcome {
//!     for block in &execute.prompt {
//!         if let PromptBlock::Text(text) = block
//!             && let Err(full) = agent.write(format!("{}\n", text.replace('\n', " ")))
//!         {
//!             return Outcome::Failed(Failure::retryable("agent_stuck", full.to_string()));
//!         }
//!     }
//!     match host.within(30_000, agent.read_line()).await {
//!         Some(Ok(Some(line))) => {
//!             host.send(AttemptEvent::text(execute.attempt, "answer", line));
//!             Outcome::succeeded("end_turn")
//!         }
//!         Some(Ok(None)) => Outcome::Failed(Failure::retryable("agent_ended", "the agent ended")),
//!         Some(Err(too_long)) => Outcome::Failed(Failure::fatal("line_too_long", too_long.to_string())),
//!         None => Outcome::Failed(Failure::retryable("timed_out", "the agent did not answer")),
//!     }
//! }
//!
//! omi_adapter_sdk::export_session!(LineAdapter);
//!
//! // Its test needs no WebAssembly: the kit plays the host, and checks that the adapter keeps to the contract.
//! let mut kit = TestKit::<SessionAdapter<LineAdapter>>::new();
//! let spawn = kit.start("{}").remove(0);
//! let Output::Spawn(Spawn { op, .. }) = spawn else { panic!("a spawn is expected, not {spawn:?}") };
//! assert_eq!(kit.send(testkit::spawned(op)), [Ready::new("line").into()]);
//! kit.open(1, "/work");
//! kit.execute(1, 1, "hello");
//! let outputs = kit.send(testkit::line(op, "hello yourself"));
//! assert_eq!(testkit::answer_text(&outputs), "hello yourself");
//! assert_eq!(testkit::outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
//! ```

#[doc(hidden)]
pub mod adapter;
#[doc(hidden)]
pub mod bindings;
mod constructors;
mod either;
mod executor;
mod failures;
mod files;
mod http;
pub mod lines;
pub mod log;
mod panic;
mod process;
#[cfg(feature = "json-rpc")]
pub mod rpc;
mod session;
pub mod sse;
pub mod stdin;
#[cfg(not(target_arch = "wasm32"))]
pub mod testkit;

pub use adapter::{Adapter, Millis, Outputs};
pub use either::{Either, either};
pub use files::FileFailure;
pub use http::{EVENT_BYTES_MAX, RequestFailure, Response};
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
    Pair, PromptBlock, Ready, ResourceLink, ResumeBinding, RunMode, Start, Stop, StopReason, Success, Tool,
    Usage,
};
