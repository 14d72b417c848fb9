//! `omi-agentd delegate`: has a run that goes on ask another one for work.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use omi_kernel::delegation::DelegationMode;
use omi_kernel::id::{RunId, SessionId};
use omi_kernel::status::Status;
use serde_json::{Value, json};

use crate::cli::Delegate;
use crate::link;
use crate::run::exit_code;
use crate::state::StateDir;
use crate::terminal::{self, plain};

pub(crate) async fn delegate(args: Delegate, state: &StateDir) -> anyhow::Result<ExitCode> {
    let parent = RunId::parse(&args.parent)?;
    let mode = DelegationMode::from(args.mode);
    let session = args.session.as_deref().map(SessionId::parse).transpose()?;
    let cwd = match &args.cwd {
        Some(cwd) => Some(cwd.canonicalize().with_context(|| format!("cannot work in `{}`", cwd.display()))?),
        None => None,
    };
    let objective = match args.objective.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).context("cannot read the objective")?,
        text => text.to_owned(),
    };
    let Some(remote) = link::serving(state).await? else {
        bail!("no omi-agentd serves `{}`, so that no run goes on that could ask", state.path().display());
    };
    let run_mode = omi_kernel::command::RunMode::from(args.run_mode);
    let fields = json!({ "parentRunId": parent, "mode": mode, "objective": objective, "context": args.context,
        "childSessionId": session, "childTitle": args.title, "adapterId": args.adapter, "model": args.model,
        "modelProfile": args.profile, "runMode": run_mode, "cwd": cwd.map(|cwd| cwd.display().to_string()),
        "maxDepth": args.max_depth, "maxBudgetUsd": args.max_budget });
    let mut talk = remote.begin("delegate", fields).await?;
    let begun = talk.next().await?;
    say(&begun, args.json);
    let code = if mode.waits() {
        loop {
            let message = talk.next().await?;
            say(&message, args.json);
            if message["type"] == "delegation_result" {
                break ended(&message["result"]);
            }
        }
    } else {
        ExitCode::SUCCESS
    };
    talk.end().await;
    Ok(code)
}

/// What a delegation exits with, by how its run ended.
fn ended(result: &Value) -> ExitCode {
    exit_code(result["status"].as_str().and_then(Status::parse).unwrap_or(Status::Failed))
}

/// Shows one thing that is said about it: the result on standard output, everything else on standard error.
fn say(message: &Value, json: bool) {
    if json {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{message}\n"));
        return;
    }
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    match message["type"].as_str() {
        Some("delegated") => {
            terminal::note(&format!("session {}", text(&message["sessionId"])));
            terminal::note(&format!("run     {}", text(&message["runId"])));
        }
        Some("status") => terminal::note(&format!("status  {}", text(&message["status"]))),
        Some("approval_requested") => terminal::note(&format!(
            "? {}; hint: `omi-agentd requests` says how it is answered",
            text(&message["title"])
        )),
        Some("input_requested") => terminal::note(&format!(
            "? {}; hint: `omi-agentd requests` says how it is answered",
            text(&message["prompt"])
        )),
        Some("delegation_result") => {
            let result = &message["result"];
            let answer = result["summary"].as_str().unwrap_or_default();
            // A reader that has gone away has seen enough.
            let _ = terminal::print(&format!("{answer}\n"));
            terminal::note(&format!("run     {}", text(&result["status"])));
        }
        Some(_) | None => {}
    }
}
