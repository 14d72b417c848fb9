//! `omi-agentd session`: shows a session with its native sessions and runs, or changes it.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use omi_kernel::id::SessionId;
use omi_kernel::session::{SessionChange, SessionStatus};
use omi_store::{BindingView, Reader, RunFilter, RunView, SessionView};
use serde_json::json;

use crate::cli::Session;
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::inspect;
use crate::link::{self, Found};
use crate::prompt::owner;
use crate::state::StateDir;
use crate::terminal::{self, plain};

/// Runs that are shown with a session.
const RUNS_MAX: u32 = 20;

pub(crate) async fn session(args: Session, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let id = SessionId::parse(&args.id)?;
    let json = args.json;
    let change = change(args);
    if change != SessionChange::default() {
        apply(&id, change, state, config).await?;
    }
    show(&id, json, state)
}

fn change(args: Session) -> SessionChange {
    let status = [
        (args.status.archive, SessionStatus::Archived),
        (args.status.close, SessionStatus::Closed),
        (args.status.reopen, SessionStatus::Open),
    ];
    let status = status.into_iter().find(|(wanted, _)| *wanted).map(|(_, status)| status);
    SessionChange { title: args.title, status, metadata: None }
}

/// Changes are the daemon's: the one that serves, or one that lives as long as the change takes.
async fn apply(
    id: &SessionId,
    change: SessionChange,
    state: &StateDir,
    config: Config,
) -> anyhow::Result<()> {
    let lock = match link::find(state).await? {
        Found::Free(lock) => lock,
        Found::Serving(remote) => return Ok(remote.update_session(id, &change).await?),
    };
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let manner = Manner { cwd, person: false, adopt_queued: false, recordings: None };
    let daemon = Daemon::begin(lock, state, config, manner)?;
    let done = daemon.client.update_session(owner(), id.clone(), change).await;
    daemon.end().await;
    done?;
    Ok(())
}

fn show(id: &SessionId, json: bool, state: &StateDir) -> anyhow::Result<ExitCode> {
    let Some(reader) = inspect::reader(state)? else { bail!("there is no session `{id}`") };
    let owner = owner();
    let Some(session) = reader.session(Some(&owner), id)? else { bail!("there is no session `{id}`") };
    let (bindings, runs) = details(&reader, id)?;
    let text = if json {
        let whole = json!({ "session": session, "bindings": bindings, "runs": runs });
        // What is shown is made of values that are JSON.
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    } else {
        lines(&session, &bindings, &runs)
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{text}\n"));
    Ok(ExitCode::SUCCESS)
}

fn details(reader: &Reader, id: &SessionId) -> anyhow::Result<(Vec<BindingView>, Vec<RunView>)> {
    let owner = owner();
    let filter = RunFilter {
        owner: Some(owner.clone()),
        session: Some(id.clone()),
        limit: RUNS_MAX,
        ..RunFilter::default()
    };
    Ok((reader.bindings(Some(&owner), id)?, reader.runs(&filter)?))
}

fn lines(session: &SessionView, bindings: &[BindingView], runs: &[RunView]) -> String {
    let title = plain(session.title.as_deref().unwrap_or("-"));
    let mut lines = vec![
        format!("session  {}  {}", session.session_id, session.status),
        format!("title    {title}"),
        format!("adapter  {}", session.default_adapter_id),
        format!("folder   {}", plain(session.default_cwd.as_deref().unwrap_or("-"))),
    ];
    lines.extend(bindings.iter().map(|binding| {
        format!(
            "binding  {}  {} {}  {}  {}",
            binding.binding_id,
            binding.adapter_id,
            binding.binding_generation,
            binding.status,
            plain(binding.adapter_session_id.as_deref().unwrap_or("-"))
        )
    }));
    lines.extend(runs.iter().map(|run| format!("run      {}", inspect::run_line(run))));
    lines.join("\n")
}
