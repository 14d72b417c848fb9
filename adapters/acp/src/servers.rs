//! The MCP servers of a session, as far as the agent can reach them.

use agent_client_protocol_schema::v1::{
    EnvVariable, HttpHeader, McpServer, McpServerHttp, McpServerSse, McpServerStdio,
};
use omi_adapter_sdk::{BindingSettings, McpTransport, Pair, log};

use crate::offers::Offers;

/// The servers that this agent can reach, and their names.
pub(crate) fn mcp_servers(settings: &BindingSettings, offers: &Offers) -> (Vec<McpServer>, Vec<String>) {
    let mut servers = Vec::new();
    let mut names = Vec::new();
    for server in &settings.mcp_servers {
        let name = server.name.clone();
        let reachable = match &server.transport {
            McpTransport::Stdio(stdio) => {
                let env = stdio.env.iter().map(|(name, value)| EnvVariable::new(name.clone(), value.clone()));
                let command = McpServerStdio::new(name.clone(), stdio.command.clone());
                McpServer::Stdio(command.args(stdio.args.clone()).env(env.collect::<Vec<_>>()))
            }
            McpTransport::Http(remote) if offers.mcp_http => {
                let http = McpServerHttp::new(name.clone(), remote.url.clone());
                McpServer::Http(http.headers(headers(&remote.headers)))
            }
            McpTransport::Sse(remote) if offers.mcp_sse => {
                let sse = McpServerSse::new(name.clone(), remote.url.clone());
                McpServer::Sse(sse.headers(headers(&remote.headers)))
            }
            McpTransport::Http(_) | McpTransport::Sse(_) | McpTransport::Other(_) => {
                log::warn(&format!("the agent cannot reach the MCP server `{name}`"));
                continue;
            }
        };
        servers.push(reachable);
        names.push(name);
    }
    (servers, names)
}

fn headers(pairs: &[Pair]) -> Vec<HttpHeader> {
    pairs.iter().map(|(name, value)| HttpHeader::new(name.clone(), value.clone())).collect()
}
