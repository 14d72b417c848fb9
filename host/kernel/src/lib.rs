//! The pure domain of omi-agentd: what a session, a run, an attempt and a binding are, and what happens next.
//!
//! The kernel does nothing. [`decide`] takes what happened and the facts that were read for it, and answers with
//! the rows to write, the events to record and the effects to perform once all that is committed. Time and
//! identifiers are arguments, so that every decision can be tested without a clock, a process or a file
//! (ARCHITECTURE §3).

pub mod command;
mod decide;
pub mod decision;
pub mod descriptor;
mod draft;
pub mod event;
pub mod grant;
pub mod id;
pub mod input;
pub mod permission;
pub mod report;
pub mod row;
pub mod schedule;
pub mod status;
pub mod transcript;

pub use decide::decide;
