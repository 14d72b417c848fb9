//! What every door serves: the list of tools, and calls of them.

use std::sync::Arc;

use omi_kernel::id::OwnerId;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

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
    fn context(&self, request: &RequestContext<RoleServer>) -> Result<ControlContext, ErrorData> {
        match &self.door {
            Door::Stream(context) => Ok(context.clone()),
            Door::Http(surface) => {
                let parts = request.extensions.get::<axum::http::request::Parts>();
                let owner = parts.and_then(|parts| parts.extensions.get::<OwnerId>());
                // Whoever mounts it authenticates. One without an owner is nobody.
                let owner = owner.ok_or_else(|| {
                    ErrorData::invalid_request("the request has no owner: it was not authenticated", None)
                })?;
                Ok(ControlContext::of_owner(surface.of(owner.clone()), Source::Http))
            }
        }
    }

    async fn call(
        &self,
        name: &str,
        input: Map<String, Value>,
        context: RequestContext<RoleServer>,
    ) -> Result<Result<Value, ToolError>, ErrorData> {
        let owner = self.context(&context)?;
        if !tool::is_tool(name) {
            let name: String = name.chars().take(NAME_CHARS_SHOWN).collect();
            return Err(ErrorData::invalid_params(format!("Unknown tool: {name}"), None));
        }
        let Ok(_turn) = self.calls.try_acquire() else {
            let why = format!("{CALLS_MAX} calls are not answered yet; hint: wait for some of them");
            return Ok(Err(ToolError::new("busy", why)));
        };
        // Whoever goes away waits no longer; what was begun goes on.
        tokio::select! {
            done = tool::call(owner, name, Value::Object(input)) => Ok(done),
            () = context.ct.cancelled() => {
                Ok(Err(ToolError::new("call_cancelled", "the call was cancelled; what it began goes on")))
            }
        }
    }
}

/// Characters of a name that nobody knows, as far as it is repeated.
const NAME_CHARS_SHOWN: usize = 100;

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(NAME, env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.context(&context)?;
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(listed).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        let done = self.call(&request.name, input, context).await?;
        let failed = done.is_err();
        let answer = tool::answer(done);
        let result = if failed {
            CallToolResult::structured_error(answer)
        } else {
            CallToolResult::structured(answer)
        };
        Ok(result.into())
    }
}

/// A control tool as MCP lists it.
fn listed(tool: &tool::Tool) -> rmcp::model::Tool {
    let hints = ToolAnnotations::new().read_only(tool.reads_only).open_world(false);
    rmcp::model::Tool::new(tool.name, tool.description, tool.input_schema()).with_annotations(hints)
}
