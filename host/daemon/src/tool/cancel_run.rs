//! `cancel_agent_run`: has a run stopped, and says no more than is known about that.

use omi_kernel::id::RunId;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::unexpected;
use super::{ControlContext, Tool, ToolError, view};
use crate::client::Answered;

pub(super) const TOOL: Tool = Tool {
    name: "cancel_agent_run",
    description: "Ask an agent run to stop. The answer says whether that was accepted, whether its runtime was told \
        and whether the runtime confirmed; the run is stopped once its status is `cancelled`.",
    reads_only: false,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?).await }),
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The run.
    #[schemars(with = "String")]
    run_id: RunId,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
}

async fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let ack = match context.surface.client.cancel(context.owner(), input.run_id.clone()).await? {
        Answered::Cancel(ack) => ack,
        other => return Err(unexpected(&other)),
    };
    let run = context.run(&input.run_id)?;
    let cancellation = json!({ "accepted": ack.accepted, "runId": input.run_id, "attemptId": ack.attempt,
        "dispatchAttempted": ack.dispatch_attempted, "adapterAcknowledged": ack.adapter_acknowledged,
        "status": ack.status });
    Ok(json!({ "cancellation": cancellation, "run": view::run(&run), "attempts": view::attempts(&run) }))
}
