//! The door of an agent: one native session, and at each call the one attempt that it executes.

use std::sync::Arc;

use omi_kernel::id::{RunId, SessionId};
use omi_store::ExecutingAttempt;
use rmcp::service::{Peer, RoleServer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::server::{Door, Server};
use super::stream;
use crate::relay::{Asked, DeclaredTool};
use crate::shim::Handles;
use crate::surface::Surface;
use crate::tool::ToolError;
use crate::wire::Address;

/// An agent, as far as its handle says who it is.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) surface: Surface,
    handles: Handles,
    handle: String,
}

/// Serves an agent until its shim goes. An error is one line.
pub(crate) async fn serve_agent<R, W>(
    surface: Surface,
    handles: Handles,
    handle: String,
    read: R,
    write: W,
) -> Result<(), String>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let agent = Agent { surface, handles, handle };
    let Some(running) = stream::begin(Server::new(Door::Agent(agent.clone())), read, write).await? else {
        return Ok(());
    };
    let peer = running.peer().clone();
    tokio::select! {
        ended = running.waiting() => ended.map(drop).map_err(|error| format!("MCP ended: {error}")),
        // Whoever never closes its end is served all the same, but not as a session that is gone.
        () = agent.tell_changes(&peer) => Ok(()),
    }
}

impl Agent {
    /// The attempt that it executes at this moment: it is that and nothing else.
    pub(super) fn attempt(&self) -> Result<ExecutingAttempt, ToolError> {
        let holder = self.handles.find(&self.handle).ok_or_else(|| {
            ToolError::new("session_gone", "this native session was closed: it has no tools any more")
        })?;
        self.surface.ask(|reader| reader.executing(&holder.binding))?.ok_or_else(|| {
            let why = "this session executes no run now; hint: tools are there while a prompt is worked on";
            ToolError::new("no_run", why)
        })
    }

    /// The tools of the surface that asked for the run that it executes, or is about to.
    pub(super) fn declared(&self) -> Arc<Vec<DeclaredTool>> {
        let holder = self.handles.find(&self.handle);
        let asked = holder.and_then(|holder| self.asked(&holder.run.borrow()));
        asked.map(|asked| self.surface.relay.tools(&asked)).unwrap_or_default()
    }

    /// Who asked for a run.
    fn asked(&self, run: &RunId) -> Option<Asked> {
        let run = self.surface.ask(|reader| reader.run(None, run)).ok()??;
        let session = SessionId::parse(&run.session_id).ok()?;
        let owner = self.surface.ask(|reader| reader.owner(&session)).ok()??;
        let address = Address::v2(run.client_id, run.request_id);
        Some(Asked { owner, address })
    }

    /// Tells the agent when the tools are others, because another run is executed. Ends with the native session.
    async fn tell_changes(&self, peer: &Peer<RoleServer>) {
        let Some(mut holder) = self.handles.find(&self.handle) else { return };
        let mut known = self.declared();
        while holder.run.changed().await.is_ok() {
            let new = self.declared();
            if new != known {
                known = new;
                // One that does not hear it asks again by itself.
                let _ = peer.notify_tool_list_changed().await;
            }
        }
    }
}
