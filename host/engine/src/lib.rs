//! Runs adapters: loads components, gives each worker an instance of its own, and performs the effects they are granted.
//!
//! ```text
//!            Command                    inputs                 handle()
//! daemon ──────────────▶ Worker ──▶ inbox ──▶ actor (a thread, a wasmtime Store) ──▶ adapter.wasm
//!        ◀──────────────                 ▲      │ reports, effects                       │
//!            Report                      │      ▼                                        │
//!                                        │    gate ── refused ──▶ inbox                  │
//!                                        │      ▼ allowed                                │
//!                                   process, stdin, timers, blobs ◀──────────────────────┘
//! ```
//!
//! Nothing of the contract's generated types and nothing of wasmtime leaves this crate: the daemon sees [`Engine`],
//! [`Adapter`], [`Worker`] and the types of `omi_kernel`. Processes run under [`supervisor`], which is the daemon's
//! own binary started again.

mod actor;
mod blobs;
mod cache;
mod engine;
mod environment;
mod framing;
mod gate;
mod holdings;
mod inbox;
mod input;
mod instance;
mod lease;
mod limiter;
mod limits;
mod load;
mod lock;
mod log;
mod op_ids;
mod output;
mod process;
mod registration;
mod stdin;
pub mod supervisor;
mod surface;
mod tail;
mod text;
mod ticker;
mod timers;
mod trap;
mod v0_1;
mod wasi;
mod worker;

pub use engine::{Engine, EngineConfig, EngineError};
pub use lease::reap;
pub use limits::Limits;
pub use load::{Adapter, LoadError};
pub use process::SupervisorCommand;
pub use registration::{Bound, BoundProcess, Registration};
pub use worker::{ReportSink, Worker, WorkerGone, WorkerSpec};
