//! Native tests of the adapter, with a scripted agent. `adapters/acp/README.md` says which behaviour each one shows.

mod choosing;
mod endings;
mod failures;
mod files;
mod framing;
mod logins;
mod opening;
mod permissions;
mod questions;
mod restoring;
mod script;
mod terminals;
mod turns;
mod updates;
