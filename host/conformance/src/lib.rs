//! Judges whether a component keeps the adapter contract.
//!
//! The suite plays the host: it tells the adapter what happens, in virtual time, and does what the adapter asks with a
//! pretended runtime ([`Peer`]), so that nothing real is started and the same case always goes the same way.
//!
//! ```text
//! check ─▶ case ─▶ stage ── inputs ─▶ adapter.wasm      watch: the rules that show in any conversation
//!                    ▲  ◀─ outputs ──┘                  peer: what the child or the server says to what
//! ```
//!
//! [`RULES`](rule::RULES) is every rule with what it demands and why. A case that needs a runtime which nobody plays is
//! reported as not run, never as passed. [`replay`] runs what was recorded of a real conversation.
//!
//! The contract's values are JSON here, in the contract's own words: the suite speaks every version that the engine
//! speaks, and what it shows is what an author of any language knows.

mod canonical;
mod case;
mod check;
mod imports;
mod output;
mod peer;
mod recording;
mod replay;
mod report;
pub mod rule;
mod stage;
mod stop;
mod told;
mod watch;
mod weather;

pub use canonical::events as canonical_events;
pub use check::{Options, check};
pub use peer::{Peer, PeerError};
pub use recording::{Call, Header, Recording, RecordingError};
pub use replay::{Replay, ReplayError, replay};
pub use report::{CaseResult, Counts, Judged, NotRun, Reason, Report, Verdict};
