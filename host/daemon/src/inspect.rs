//! `sessions`, `runs`, `requests`, `delegations`, `artifacts`, `events`, `grants`, `adapters`: what is recorded and what there
//! is. Beside a daemon that runs, too. What belongs to another owner is not there.

mod adapters;
mod artifacts;
mod events;
mod grants;

use std::process::ExitCode;

use anyhow::bail;
use omi_kernel::id::{RunId, SessionId};
use omi_store::{AttemptView, Reader, RequestState, RunFilter, RunView, SessionFilter, Store, StoreError};
use serde::Serialize;

use crate::answer;
use crate::cli::{Json, List, ListDelegations, ListRuns};
use crate::clock;
use crate::prompt::owner;
use crate::state::StateDir;
use crate::terminal::{self, plain};
pub(crate) use adapters::{adapters, line as adapter_line, rows as adapter_rows};
pub(crate) use artifacts::artifacts;
pub(crate) use events::events;
pub(crate) use grants::{decisions, grant, grant_line, grants};

/// The record, if there is one. One of an earlier version is brought up to date first, unless a daemon has it.
pub(crate) fn reader(state: &StateDir) -> anyhow::Result<Option<Reader>> {
    let database = state.database();
    if !database.exists() {
        return Ok(None);
    }
    match Reader::open(&database) {
        Err(StoreError::TooOld { .. }) => {
            let _lock = state.lock()?;
            drop(Store::open(&database, clock::of_day())?);
            Ok(Some(Reader::open(&database)?))
        }
        opened => Ok(Some(opened?)),
    }
}

/// What somebody wants to see something of.
pub(crate) enum Of {
    Session(SessionId),
    Run(RunId),
}

impl Of {
    fn parse(text: &str) -> anyhow::Result<Self> {
        if text.starts_with(RunId::PREFIX) {
            Ok(Self::Run(RunId::parse(text)?))
        } else if text.starts_with(SessionId::PREFIX) {
            Ok(Self::Session(SessionId::parse(text)?))
        } else {
            bail!("`{text}` is neither a session id nor a run id")
        }
    }

    /// The session or the run that is named, which must be in the record.
    pub(crate) fn find(
        of: Option<&str>,
        reader: Option<&Reader>,
    ) -> anyhow::Result<(Option<SessionId>, Option<RunId>)> {
        match of.map(Self::parse).transpose()? {
            Some(Self::Session(session)) => {
                let read = |reader: &Reader| reader.session(Some(&owner()), &session);
                match reader.map_or(Ok(None), read)? {
                    Some(_) => Ok((Some(session), None)),
                    None => bail!("there is no session `{session}`"),
                }
            }
            Some(Self::Run(run)) => {
                let read = |reader: &Reader| reader.run(Some(&owner()), &run);
                match reader.map_or(Ok(None), read)? {
                    Some(_) => Ok((None, Some(run))),
                    None => bail!("there is no run `{run}`"),
                }
            }
            None => Ok((None, None)),
        }
    }
}

/// Prints items as JSON, or as lines; what there is none of is said on standard error.
pub(crate) fn list<T: Serialize>(
    items: &[T],
    json: bool,
    nothing: &str,
    line: impl Fn(&T) -> String,
) -> ExitCode {
    let text = if json {
        // What is listed is made of values that are JSON.
        format!("{}\n", serde_json::to_string_pretty(items).unwrap_or_default())
    } else {
        if items.is_empty() {
            terminal::note(nothing);
        }
        items.iter().map(|item| line(item) + "\n").collect()
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    ExitCode::SUCCESS
}

pub(crate) fn sessions(args: &List, state: &StateDir) -> anyhow::Result<ExitCode> {
    let filter = SessionFilter { owner: Some(owner()), limit: args.limit, ..SessionFilter::default() };
    let sessions = reader(state)?.map_or(Ok(Vec::new()), |reader| reader.sessions(&filter))?;
    let nothing = format!("no sessions in `{}`", state.path().display());
    Ok(list(&sessions, args.json, &nothing, |session| {
        let title = plain(session.title.as_deref().unwrap_or("-"));
        format!(
            "{}  {:8}  {:10}  {} runs  {title}",
            session.session_id, session.status, session.default_adapter_id, session.run_count
        )
    }))
}

pub(crate) fn runs(args: &ListRuns, state: &StateDir) -> anyhow::Result<ExitCode> {
    let reader = reader(state)?;
    let (session, run) = Of::find(args.of.as_deref(), reader.as_ref())?;
    if let Some(run) = run {
        return one_run(&run, args.list.json, reader);
    }
    let filter = RunFilter { owner: Some(owner()), session, limit: args.list.limit, ..RunFilter::default() };
    let runs = reader.map_or(Ok(Vec::new()), |reader| reader.runs(&filter))?;
    let nothing = format!("no runs in `{}`", state.path().display());
    Ok(list(&runs, args.list.json, &nothing, run_line))
}

/// A run on one line.
pub(crate) fn run_line(run: &RunView) -> String {
    let text = run.error_message.as_deref().or(run.final_text.as_deref()).unwrap_or("-");
    let text: String = plain(text).chars().take(60).collect();
    format!(
        "{}  {:10}  {:10}  {} attempts  {text}",
        run.run_id,
        run.status,
        run.adapter_id,
        run.attempts.len()
    )
}

fn one_run(id: &RunId, json: bool, reader: Option<Reader>) -> anyhow::Result<ExitCode> {
    let read = |reader: Reader| reader.run(Some(&owner()), id);
    let Some(run) = reader.map_or(Ok(None), read)? else { bail!("there is no run `{id}`") };
    let text = if json {
        // A run is made of values that are JSON.
        serde_json::to_string_pretty(&run).unwrap_or_default()
    } else {
        let attempts = run.attempts.iter().map(attempt_line);
        [run_line(&run)].into_iter().chain(attempts).collect::<Vec<_>>().join("\n")
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{text}\n"));
    Ok(ExitCode::SUCCESS)
}

fn attempt_line(attempt: &AttemptView) -> String {
    let why = attempt.error_message.as_deref().or(attempt.retry_reason.as_deref()).unwrap_or("-");
    format!(
        "  {}. {}  {:10}  {:10}  {}",
        attempt.attempt_no,
        attempt.attempt_id,
        attempt.status,
        attempt.adapter_id,
        plain(why)
    )
}

pub(crate) fn requests(args: &Json, state: &StateDir) -> anyhow::Result<ExitCode> {
    let requests = reader(state)?.map_or(Ok(Vec::new()), |reader| reader.requests(Some(&owner()), None))?;
    let nothing = format!("nothing is asked in `{}`", state.path().display());
    Ok(list(&requests, args.json, &nothing, |request| {
        let what = plain(request.title.as_deref().unwrap_or("-"));
        let (run, kind, number) = (&request.run_id, &request.kind, request.request);
        match request.state {
            RequestState::Open => {
                let answer = answer::command(request);
                format!("{run}  {kind} {number}  open      {what}; hint: {answer}")
            }
            RequestState::Orphaned => {
                format!("{run}  {kind} {number}  orphaned  {what}; hint: `omi-agentd retry {run}` asks again")
            }
        }
    }))
}

pub(crate) fn delegations(args: &ListDelegations, state: &StateDir) -> anyhow::Result<ExitCode> {
    let run = RunId::parse(&args.run)?;
    let Some(reader) = reader(state)? else { bail!("there is no run `{run}`") };
    if reader.run(Some(&owner()), &run)?.is_none() {
        bail!("there is no run `{run}`");
    }
    let delegations = reader.delegations(Some(&owner()), &run)?;
    Ok(list(&delegations, args.json, "it delegated nothing, and works for no run", |delegation| {
        let objective: String = plain(&delegation.objective).chars().take(60).collect();
        let direction = if delegation.parent_run_id == run.as_str() { "to  " } else { "from" };
        let other = if delegation.parent_run_id == run.as_str() {
            &delegation.child_run_id
        } else {
            &delegation.parent_run_id
        };
        format!(
            "{}  {:8}  {:9}  {direction} {other}  {objective}",
            delegation.delegation_id, delegation.mode, delegation.status
        )
    }))
}
