//! MCP (the Model Context Protocol): the control tools for any client of it, over byte streams and Streamable HTTP.
//!
//! It is a codec. What the tools are [`crate::tool`] says; who a client may be its door does: [`stdio`] for a person's
//! client, [`http`] where each request brings its owner, [`agent`] for an agent through its shim.

mod agent;
mod beside;
pub(crate) mod http;
mod server;
pub(crate) mod stdio;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use agent::serve_agent;
