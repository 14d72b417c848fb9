//! `delegate_agent`: has a run of its own do some work for another one (seed §16.3).

use omi_kernel::command::RunMode;
use omi_kernel::delegation::DelegationMode;
use omi_kernel::id::{AdapterId, DelegationId, RequestId, RunId, SessionId};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::Delegate;
use omi_store::DelegationView;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{absolute, unexpected};
use super::{Caller, ControlContext, Tool, ToolError, view, wait};
use crate::caller;
use crate::client::Answered;

pub(super) const TOOL: Tool = Tool {
    name: "delegate_agent",
    description: "Delegate work to a child agent run that is tracked durably with its own session. `call` starts a \
        new child session and waits for its result; `spawn` starts one and returns its ids at once; `continue` gives \
        an earlier child session (childSessionId) more work and waits. The child sees only the objective and the context \
        given here, never your transcript.",
    reads_only: false,
    schema: super::schema::<Input>,
    call: |context, input| Box::pin(async move { call(&context, super::read(input)?).await }),
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// How.
    #[schemars(with = "String", extend("enum" = ["call", "spawn", "continue"]))]
    mode: DelegationMode,
    /// The run that delegates. An agent leaves it out: it is its own run and can be no other.
    #[schemars(with = "Option<String>")]
    parent_run_id: Option<RunId>,
    /// What is to be done.
    objective: String,
    /// What the child needs to know for it.
    #[schemars(length(max = 4000))]
    context: Option<String>,
    /// For `continue`: the child session of an earlier delegation (`childOmiSessionId` there).
    #[serde(alias = "childOmiSessionId")]
    #[schemars(with = "Option<String>")]
    child_session_id: Option<SessionId>,
    /// The title of a new child session.
    child_title: Option<String>,
    /// The registration that does the work; without it that of the session, or of the parent.
    adapter_id: Option<String>,
    /// The model to ask for.
    model: Option<String>,
    /// What is needed of a model (default `worker`).
    #[schemars(with = "Option<String>",
        extend("enum" = ["main_reasoner", "worker", "router", "verifier", "vision", "summarizer"]))]
    model_profile: Option<ModelProfile>,
    /// Whether the child may act or only answer (default `ask`).
    #[schemars(with = "Option<String>", extend("enum" = ["ask", "act"]))]
    run_mode: Option<RunMode>,
    /// The working folder, absolute; without it the parent's.
    cwd: Option<String>,
    /// How deep delegations may go below each other (default 3).
    #[schemars(range(min = 1, max = 5))]
    max_depth: Option<u32>,
    /// US dollars that the child and everything below it may cost (default 5).
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 10))]
    max_budget_usd: Option<f64>,
    /// A name for this delegation: asked again with the same name it is the same one.
    request_id: Option<String>,
    /// The client that the child run is recorded for. Not for agents.
    client_id: Option<String>,
    /// A guard: refused if it is not the owner this call is for. Usually left out.
    owner_id: Option<String>,
}

async fn call(context: &ControlContext, input: Input) -> Result<Value, ToolError> {
    context.guard(input.owner_id.as_deref())?;
    let waits = input.mode.waits();
    let parent = parent(context, input.parent_run_id.as_ref())?;
    let delegate = delegate(context, input, parent.clone())?;
    let (id, session, child) = match context.surface.client.delegate(delegate).await? {
        Answered::Delegated { delegation, session, run, .. } => (delegation, session, run),
        other => return Err(unexpected(&other)),
    };
    let run = if waits { wait::end_of(context, &child).await? } else { context.run(&child)? };
    let delegation = recorded(context, &parent, &id)?;
    let shown = view::delegation(&delegation);
    Ok(json!({
        "result": shown["result"],
        "delegation": shown,
        "childSession": view::session(&context.session(&session)?),
        "childRun": view::run(&run),
        "childAttempt": view::attempt(&run),
        "adapterSessionId": view::adapter_session(&run),
        "terminalStatus": if waits { json!(run.status) } else { Value::Null },
    }))
}

/// The run that delegates: an agent's is its own.
fn parent(context: &ControlContext, named: Option<&RunId>) -> Result<RunId, ToolError> {
    match (&context.caller, named) {
        (Caller::Agent(agent), Some(named)) if *named != agent.run_id => {
            let why = format!(
                "`parentRunId`: an agent delegates as its own run, which is `{}`; hint: leave it out",
                agent.run_id
            );
            Err(ToolError::new("not_own_run", why))
        }
        (Caller::Agent(agent), _) => Ok(agent.run_id.clone()),
        (Caller::Owner { .. }, Some(named)) => Ok(named.clone()),
        (Caller::Owner { run: Some(run) }, None) => Ok(run.clone()),
        (Caller::Owner { run: None }, None) => {
            Err(ToolError::invalid("`parentRunId` is missing: the run that delegates"))
        }
    }
}

/// What the kernel takes. A registration that does not exist is refused here.
fn delegate(context: &ControlContext, input: Input, parent: RunId) -> Result<Delegate, ToolError> {
    absolute(input.cwd.as_deref())?;
    let config = &context.surface.config;
    if let Some(adapter) = &input.adapter_id {
        config.registration(adapter)?;
    }
    let run_mode = context.mode(input.run_mode)?;
    let (client, request) = context.names(input.client_id, input.request_id)?;
    Ok(Delegate {
        owner: context.owner(),
        parent,
        client: caller::recorded(&context.surface.owner, &client),
        request: RequestId(request),
        mode: input.mode,
        objective: input.objective,
        context: input.context,
        session: input.child_session_id,
        title: input.child_title,
        adapter: input.adapter_id.map(AdapterId),
        model: input.model,
        profile: input.model_profile,
        run_mode,
        cwd: input.cwd,
        depth_max: input.max_depth,
        budget_usd: input.max_budget_usd,
        limits: config.worker_limits(),
        legacy: config.legacy_adapters(),
    })
}

fn recorded(
    context: &ControlContext,
    parent: &RunId,
    id: &DelegationId,
) -> Result<DelegationView, ToolError> {
    let known = context.ask(|reader| reader.delegations(Some(&context.owner()), parent))?;
    let own = known.into_iter().find(|delegation| delegation.delegation_id == id.as_str());
    own.ok_or_else(|| ToolError::not_found("delegation", id.as_str()))
}
