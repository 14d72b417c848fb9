//! Runs adapters: loads components, gives each worker an instance of its own, and performs the effects they are granted.
//!
//! ```text
//!            Command                    inputs                 handle()
//! daemon ──────────────▶ Worker ──▶ inbox ──▶ actor (a thread, a wasmtime Store) ──▶ adapter.wasm
//!        ◀──────────────                 ▲      │ reports, effects                       │
//!            Report                      │      ▼                                        │
//!  kernel ◀── asked ── parked ◀── gate ── refused ──▶ inbox                              │
//!     └── decided ──▶ gate, again ──▶ process, file, request                             │
//!                              stdin, timers, blobs ◀────────────────────────────────────┘
//! ```
//!
//! What opens something (a program, a file, a request) waits until the kernel has decided and recorded it. What comes
//! back passes a redactor that takes the secrets of the registration out of it.
//!
//! Nothing of the contract's generated types and nothing of wasmtime leaves this crate: the daemon sees [`Engine`],
//! [`Adapter`], [`Worker`] and the types of `omi_kernel`. Processes run under [`supervisor`], which is the daemon's
//! own binary started again.

mod access;
mod actor;
mod address;
mod blobs;
mod cache;
mod contract_json;
mod engine;
mod environment;
mod file_jobs;
mod files;
mod framing;
mod gate;
mod holdings;
mod http;
mod inbox;
mod input;
mod instance;
mod lease;
mod limiter;
pub mod limits;
mod load;
mod lock;
mod log;
mod op_ids;
mod output;
mod process;
mod recorder;
mod redact;
mod registration;
mod secret;
mod stdin;
pub mod supervisor;
mod surface;
mod tail;
mod text;
mod ticker;
mod timers;
mod trap;
mod trial;
mod v0_1;
mod wasi;
mod worker;

pub use contract_json::read_bytes;
pub use engine::{Engine, EngineConfig, EngineError};
pub use lease::reap;
pub use limits::Limits;
pub use load::{Adapter, LoadError, digest, read_component};
pub use process::SupervisorCommand;
pub use recorder::{CallSink, RecordedCall};
pub use registration::{
    Binding, Bound, BoundFiles, BoundHttp, BoundProcess, BoundTerminal, Confine, Folder, ProcessFolder,
    ProcessLimits, Registration, Secret, SecretSource, Setting,
};
pub use trial::{Called, Trial, TrialError};
pub use worker::{ReportSink, Worker, WorkerGone, WorkerSpec};
