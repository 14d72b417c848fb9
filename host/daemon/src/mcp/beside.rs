//! The control tools of a daemon that is another process: listed here, called there.

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::server::{control_tools, info, unknown_tool};
use crate::link::{LinkError, Remote};
use crate::tool;

/// The control tools of a daemon that serves.
#[derive(Clone)]
pub(super) struct Beside {
    /// The way to it.
    pub(super) remote: Remote,
}

impl Beside {
    async fn answer(&self, request: CallToolRequestParams) -> Result<Value, LinkError> {
        let fields = json!({ "name": request.name, "input": request.arguments.unwrap_or_default() });
        let message = self.remote.ask("direct_control_tool", fields).await?;
        let text = message["result"].as_str().unwrap_or_default();
        serde_json::from_str(text).map_err(|_| LinkError::new("internal", "the daemon's answer is no JSON"))
    }
}

impl ServerHandler for Beside {
    fn get_info(&self) -> ServerConfig {
        info()
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(control_tools().collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !tool::is_tool(&request.name) {
            return Err(unknown_tool(&request.name));
        }
        let failed =
            |code: &str, message: &str| json!({ "ok": false, "error": { "code": code, "message": message } });
        // Whoever goes away waits no longer; what was begun goes on.
        let answer = tokio::select! {
            answer = self.answer(request) => {
                answer.unwrap_or_else(|error| failed(&error.code, &error.message))
            }
            () = context.ct.cancelled() => {
                failed("call_cancelled", "the call was cancelled; what it began goes on")
            }
        };
        Ok(if answer["ok"] == true {
            CallToolResult::structured(answer)
        } else {
            CallToolResult::structured_error(answer)
        }
        .into())
    }
}
