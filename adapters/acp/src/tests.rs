//! Native tests of the adapter, with a scripted agent.

mod endings;
mod opening;
mod permissions;
mod script;
mod turns;
