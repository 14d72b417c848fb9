//! How an agent reaches the control tools: as an MCP server that it starts, which is a pipe to this daemon.
//!
//! ```text
//! agent ── starts ──▶ omi-agentd mcp-shim ── OMI_MCP_SOCKET, OMI_MCP_HANDLE ──▶ socket ──▶ MCP, for one native session
//! ```
//!
//! A handle names one binding in one worker and says nothing about runs: what its agent executes is looked up at each call,
//! so an agent is never taken for what it executed before (SPEC §11.1 row 8).

mod handle;
mod pipe;
mod socket;

pub(crate) use handle::{Handles, Offer};
pub(crate) use pipe::pipe;
pub(crate) use socket::{Serving, Socket};

/// The variable with the path of the socket.
const SOCKET: &str = "OMI_MCP_SOCKET";
/// The variable with the handle.
const HANDLE: &str = "OMI_MCP_HANDLE";
/// What the server is called in a native session.
pub(crate) const SERVER: &str = "omi";
/// The command of this program that is the pipe.
const COMMAND: &str = "mcp-shim";
