//! `omi-agentd cancel`: has a run stopped, and says no more than is known of it.

use std::process::ExitCode;

use anyhow::Context as _;
use omi_kernel::id::RunId;
use serde_json::json;

use crate::cli::Cancel;
use crate::client::CancelAck;
use crate::config::Config;
use crate::daemon::Manner;
use crate::link::Reached;
use crate::run::cancel_line;
use crate::state::StateDir;
use crate::terminal;

pub(crate) async fn cancel(args: Cancel, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let run = RunId::parse(&args.run)?;
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let manner = Manner { cwd, person: false, adopt_queued: false, recordings: None };
    // Where nobody has the record this process looks at what was left: nothing of it runs, and what is queued can stop.
    let reached = Reached::reach(state, config, manner).await?;
    let alone = !reached.link.outlives_us();
    let done = reached.link.cancel(run.clone()).await;
    reached.end().await;
    Ok(show(&run, &done?, alone, args.json))
}

fn show(run: &RunId, ack: &CancelAck, alone: bool, json: bool) -> ExitCode {
    if json {
        let text = json!({ "runId": run, "attemptId": ack.attempt, "accepted": ack.accepted,
            "dispatchAttempted": ack.dispatch_attempted, "adapterAcknowledged": ack.adapter_acknowledged,
            "status": ack.status });
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{text}\n"));
    } else {
        terminal::note(&cancel_line(ack));
        let why = if alone { " (no daemon runs)" } else { "" };
        terminal::note(&format!("run     {}{why}", ack.status));
    }
    if ack.accepted { ExitCode::SUCCESS } else { ExitCode::from(crate::FAILED) }
}
