//! The pure domain of omi-agentd: what a session, a run, an attempt and a binding are, and what happens next.
//!
//! The kernel does nothing. [`decide`] takes what happened and the facts that were read for it, and answers with
//! the rows to write, the events to record and the effects to perform once all that is committed. Time and
//! identifiers are arguments, so that every decision can be tested without a clock, a process or a file
//! (ARCHITECTURE §3).

pub mod artifact;
pub mod command;
mod decide;
pub mod decision;
pub mod delegation;
pub mod descriptor;
mod draft;
pub mod effect;
mod ending;
pub mod event;
pub mod facts;
pub mod failure;
pub mod grant;
pub mod history;
pub mod id;
pub mod input;
pub mod model;
pub mod new;
pub mod permission;
pub mod pool;
pub mod projection;
pub mod refusal;
pub mod report;
pub mod request;
pub mod row;
pub mod schedule;
pub mod session;
pub mod status;
pub mod transcript;
pub mod usage;
pub mod wants;
pub mod watch;
pub mod write;

pub use decide::decide;
