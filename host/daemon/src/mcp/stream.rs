//! MCP over a stream of bytes: one message a line, one client.

use rmcp::ServerHandler;
use rmcp::service::{RoleServer, RunningService, ServerInitializeError};
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of one message of a client: more than any call of a tool has.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Serves one client until it goes. An error is one line.
pub(super) async fn serve<S, R, W>(server: S, read: R, write: W) -> Result<(), String>
where
    S: ServerHandler,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    match begin(server, read, write).await? {
        Some(running) => running.waiting().await.map(drop).map_err(|error| format!("MCP ended: {error}")),
        None => Ok(()),
    }
}

/// Begins to serve a client; none if it goes before it has said anything, which is no failure.
pub(super) async fn begin<S, R, W>(
    server: S,
    read: R,
    write: W,
) -> Result<Option<RunningService<RoleServer, S>>, String>
where
    S: ServerHandler,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let transport = AsyncRwTransport::new(read, write).with_max_line_length(LINE_BYTES_MAX);
    match rmcp::serve_server(server, transport).await {
        Ok(running) => Ok(Some(running)),
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(None),
        Err(error) => Err(format!("the client does not speak MCP: {error}").replace('\n', " ")),
    }
}
