//! MCP (the Model Context Protocol): the control tools for any client of it, over byte streams and Streamable HTTP.
//!
//! It is a codec. What the tools are [`crate::tool`] says; who a client may be its door does: [`stream`] for a person's
//! client at the other end of a pipe, [`http`] where each request brings its owner.

pub(crate) mod http;
mod server;
pub(crate) mod stdio;
mod stream;
#[cfg(test)]
mod tests;
