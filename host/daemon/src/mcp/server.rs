//! What every door serves: the list of tools, and calls of them.

use std::sync::Arc;

use omi_kernel::id::OwnerId;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::agent::Agent;
use crate::relay::{self, DeclaredTool};
use crate::surface::Surface;
use crate::tool::{self, ControlContext, Source, TOOLS, ToolError};

/// Calls of one client at the same time: most of them wait for a run.
const CALLS_MAX: usize = 64;
/// What the server is called.
const NAME: &str = "omi-agentd";
/// What models are told about all of it.
const INSTRUCTIONS: &str = "Durable agent sessions and runs of this machine's omi-agentd. Ids: a session is `omiSessionId` \
     (ses_…), a run `runId` (run_…). A run is over when its status is succeeded, failed, cancelled, timed_out or orphaned; \
     only `succeeded` means that it was done.";

/// Where a client comes in, and so who it is.
#[derive(Clone)]
pub(super) enum Door {
    /// A stream of somebody who acts for an owner.
    Stream(ControlContext),
    /// Requests that were authenticated: each brings its [`OwnerId`].
    Http(Surface),
    /// The shim of an agent.
    Agent(Agent),
}

/// Why a call is not even tried.
enum Refused {
    /// The request is nobody's.
    Request(ErrorData),
    /// It is told to whoever calls, as any failure of a tool.
    Call(ToolError),
}

/// The control tools for the clients of one door.
#[derive(Clone)]
pub(crate) struct Server {
    door: Door,
    calls: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(door: Door) -> Self {
        Self { door, calls: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// On whose behalf a request is.
    fn context(&self, request: &RequestContext<RoleServer>) -> Result<ControlContext, Refused> {
        match &self.door {
            Door::Stream(context) => Ok(context.clone()),
            Door::Http(surface) => {
                let parts = request.extensions.get::<axum::http::request::Parts>();
                let owner = parts.and_then(|parts| parts.extensions.get::<OwnerId>());
                // Whoever mounts it authenticates. One without an owner is nobody.
                let owner = owner.ok_or_else(|| {
                    let why = "the request has no owner: it was not authenticated";
                    Refused::Request(ErrorData::invalid_request(why, None))
                })?;
                Ok(ControlContext::of_owner(surface.of(owner.clone()), Source::Http))
            }
            Door::Agent(agent) => {
                let attempt = agent.attempt().map_err(Refused::Call)?;
                Ok(ControlContext::of_agent(&agent.surface, attempt))
            }
        }
    }

    async fn call(
        &self,
        name: &str,
        input: Map<String, Value>,
        request: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let context = match self.context(&request) {
            Ok(context) => context,
            Err(Refused::Request(error)) => return Err(error),
            Err(Refused::Call(error)) => return Ok(answered(Err(error))),
        };
        let Ok(_turn) = self.calls.try_acquire() else {
            let why = format!("{CALLS_MAX} calls are not answered yet; hint: wait for some of them");
            return Ok(answered(Err(ToolError::new("busy", why))));
        };
        let called = async {
            if tool::is_tool(name) {
                return Some(answered(tool::call(context, name, Value::Object(input)).await));
            }
            relayed(&context, name, input).await
        };
        // Whoever goes away waits no longer; what was begun goes on.
        tokio::select! {
            done = called => done.ok_or_else(|| unknown_tool(name)),
            () = request.ct.cancelled() => {
                let why = "the call was cancelled; what it began goes on";
                Ok(answered(Err(ToolError::new("call_cancelled", why))))
            }
        }
    }
}

/// Characters of a name that nobody knows, as far as it is repeated.
const NAME_CHARS_SHOWN: usize = 100;

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        info()
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let own = match &self.door {
            // An agent asks before it has a prompt, too.
            Door::Agent(agent) => agent.declared(),
            Door::Stream(_) | Door::Http(_) => match self.context(&context) {
                Ok(_) | Err(Refused::Call(_)) => Arc::default(),
                Err(Refused::Request(error)) => return Err(error),
            },
        };
        let tools = control_tools().chain(own.iter().map(declared)).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        Ok(self.call(&request.name, input, context).await?.into())
    }
}

/// What a client is told first.
pub(super) fn info() -> ServerConfig {
    ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
        .with_server_info(Implementation::new(NAME, env!("CARGO_PKG_VERSION")))
        .with_instructions(INSTRUCTIONS)
}

/// The control tools as MCP lists them.
pub(super) fn control_tools() -> impl Iterator<Item = rmcp::model::Tool> {
    TOOLS.iter().map(listed)
}

/// There is no such tool.
pub(super) fn unknown_tool(name: &str) -> ErrorData {
    let name: String = name.chars().take(NAME_CHARS_SHOWN).collect();
    ErrorData::invalid_params(format!("Unknown tool: {name}"), None)
}

/// An answer of a control tool, structured and as text.
fn answered(done: Result<Value, ToolError>) -> CallToolResult {
    let failed = done.is_err();
    let answer = tool::answer(done);
    if failed { CallToolResult::structured_error(answer) } else { CallToolResult::structured(answer) }
}

/// What a tool of the surface gives an agent; none if it has no such tool.
async fn relayed(context: &ControlContext, name: &str, input: Map<String, Value>) -> Option<CallToolResult> {
    let attempt = context.agent()?.clone();
    let surface = &context.surface;
    Some(match surface.relay.call(attempt.clone(), name, input).await? {
        Ok(result) => {
            let text = relay::shown(surface, &attempt, name, result).await;
            CallToolResult::success(vec![ContentBlock::text(text)])
        }
        Err(error) => answered(Err(error)),
    })
}

/// A tool of the surface as MCP lists it.
fn declared(tool: &DeclaredTool) -> rmcp::model::Tool {
    rmcp::model::Tool::new(tool.name.clone(), tool.description.clone(), tool.input_schema.clone())
}

/// A control tool as MCP lists it.
fn listed(tool: &tool::Tool) -> rmcp::model::Tool {
    let hints = ToolAnnotations::new().read_only(tool.reads_only).open_world(false);
    rmcp::model::Tool::new(tool.name, tool.description, tool.input_schema()).with_annotations(hints)
}
