//! Native tests of the adapter, with a scripted agent.

mod endings;
mod files;
mod opening;
mod permissions;
mod script;
mod terminals;
mod turns;
