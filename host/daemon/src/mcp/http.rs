//! MCP over Streamable HTTP, to be mounted in a router that authenticates.

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::server::{Door, Server};
use crate::surface::Surface;

/// The service for `/mcp`: `router.nest_service("/mcp", streamable_http(surface))`.
///
/// Whoever mounts it authenticates each request, checks its `Host` and `Origin`, and puts the
/// [`OwnerId`](omi_kernel::id::OwnerId) of its key into the request's extensions; a request without one is refused.
///
/// It keeps no sessions: what a client may do its key says each time, so there is none to take over or to collect, and
/// the calls at the same time are bounded for all clients together.
pub(crate) fn streamable_http(surface: Surface) -> StreamableHttpService<Server, NeverSessionManager> {
    let server = Server::new(Door::Http(surface));
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(NeverSessionManager::default()), config)
}
