//! `send_agent_message`: has a new run in an existing session, and waits for its answer.

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{AdapterId, RunId, SessionId, WorkerId};
use omi_kernel::request::SessionRef;
use omi_store::{BindingView, ExecutingAttempt, HoldingRun, Reader, RunFilter, SessionView};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{absolute, unexpected};
use super::{ControlContext, Tool, ToolError, view, wait};
use crate::client::Answered;
use crate::prompt::Prompt;

pub(super) const TOOL: Tool = Tool {
    name: "send_agent_message",
    description: "Send a follow-up message to an existing agent session and wait for the answer. It starts a new run \
        there. The message is not a child of your run; to have work done for it, use delegate_agent.",
    reads_only: false,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?).await }),
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The session (`omiSessionId` of other tools).
    #[serde(alias = "omiSessionId")]
    #[schemars(with = "String")]
    session_id: SessionId,
    /// The message.
    prompt: String,
    /// Whether it may act or only answer (default `ask`).
    #[schemars(with = "Option<String>", extend("enum" = ["ask", "act"]))]
    mode: Option<RunMode>,
    /// The registration to run it with; without it the session's own.
    adapter_id: Option<String>,
    /// The working folder, absolute.
    cwd: Option<String>,
    /// The model to ask for.
    model: Option<String>,
    /// A name for this message: sent again with the same name it is the same run.
    request_id: Option<String>,
    /// The client that the run is recorded for. Not for agents.
    client_id: Option<String>,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
}

async fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    absolute(input.cwd.as_deref())?;
    let mode = context.mode(input.mode)?;
    let session = context.session(&input.session_id)?;
    if let Some(agent) = context.agent() {
        can_be_waited_for(context, agent, &input, &session)?;
    }
    let (client, request) = context.names(input.client_id, input.request_id)?;
    let prompt = Prompt {
        client,
        request,
        session: SessionRef { id: Some(input.session_id), ..SessionRef::default() },
        surface: "control_tool".to_owned(),
        adapter: input.adapter_id,
        blocks: vec![PromptBlock::Text { text: input.prompt }],
        mode,
        model: input.model,
        cwd: input.cwd,
        ..Prompt::default()
    };
    let accept = prompt.accept(context.owner(), &context.surface.config)?;
    let run = match context.surface.client.accept(accept).await? {
        Answered::Accepted { run, .. } => run,
        other => return Err(unexpected(&other)),
    };
    answered(context, &run).await
}

async fn answered(context: &ControlContext, run: &RunId) -> Result<Value, ToolError> {
    let run = wait::end_of(context, run).await?;
    // The record has no run whose session it cannot read.
    let session = SessionId::parse(&run.session_id)
        .map_err(|error| ToolError::new(super::error::FAILED, error.to_string()))?;
    let (text, is_cut) = view::text(&run);
    let mut answer = json!({
        "session": view::session(&context.session(&session)?),
        "run": view::run(&run),
        "attempt": view::attempt(&run),
        "adapterSessionId": view::adapter_session(&run),
        "terminalStatus": run.status,
        "text": text,
    });
    if is_cut {
        answer["textCut"] = json!(true);
    }
    Ok(answer)
}

/// Refuses a message whose answer an agent would wait for in vain (SPEC §6): it holds its worker and its permit meanwhile.
///
/// A session with a run that is not over is refused whole: so no two runs ever wait for each other, because a run that
/// waits is in such a session. And there has to be a place for the new run at this moment: whoever takes it is refused in
/// turn if it wants to wait.
fn can_be_waited_for(
    context: &ControlContext,
    agent: &ExecutingAttempt,
    input: &Input,
    session: &SessionView,
) -> Result<(), ToolError> {
    if agent.session_id == input.session_id {
        let why = format!(
            "`{}` is your own session: it would wait for itself; hint: use delegate_agent",
            agent.session_id
        );
        return Err(ToolError::new("session_busy", why));
    }
    let unfinished = RunFilter {
        owner: Some(context.owner()),
        session: Some(input.session_id.clone()),
        active: true,
        limit: 1,
        ..RunFilter::default()
    };
    if let Some(run) = context.ask(|reader| reader.runs(&unfinished))?.first() {
        let why = format!(
            "`{}` is executing `{}` ({}), which may wait for you; hint: send the message once that is over",
            input.session_id, run.run_id, run.status
        );
        return Err(ToolError::new("session_busy", why));
    }
    let config = &context.surface.config;
    let adapter = AdapterId(input.adapter_id.clone().unwrap_or_else(|| session.default_adapter_id.clone()));
    let holding = context.ask(Reader::holding_runs)?;
    let of_adapter = holding.iter().filter(|run| run.adapter_id == adapter).count();
    let full = config.worker_limits().of_adapter.get(&adapter).is_some_and(|max| of_adapter >= *max);
    // What only lives in a worker is there or nowhere.
    let is_pinned = |binding: &BindingView| {
        let is_its_place = binding.status == "active"
            && binding.adapter_id == adapter.as_str()
            && binding.resume_fidelity != "native";
        let worker = binding.worker_id.as_deref();
        let has_it = |run: &HoldingRun| run.worker_id.as_ref().map(WorkerId::as_str) == worker;
        is_its_place && worker.is_some() && holding.iter().any(has_it)
    };
    let bindings = context.ask(|reader| reader.bindings(Some(&context.owner()), &input.session_id))?;
    let pinned = bindings.iter().any(is_pinned);
    if full || pinned || holding.len() >= config.workers_max {
        let why = format!(
            "no worker of `{adapter}` is free for a run that you wait for; hint: try again later, or raise `workers-max`"
        );
        return Err(ToolError::new("no_free_worker", why));
    }
    Ok(())
}
