//! `grants`: what adapters were allowed and denied, and what was decided outside of any session.

use std::process::ExitCode;

use anyhow::bail;
use omi_kernel::id::{GrantId, Timestamp};
use omi_store::{GateDecisionView, GrantFilter, GrantRecord, GrantView};

use super::{Of, list, reader};
use crate::cli::{Grant, List, ListGrants};
use crate::clock;
use crate::prompt::owner;
use crate::state::StateDir;
use crate::terminal::{self, plain};

/// Events and decisions that are shown with a grant: the newest.
const DECISIONS_MAX: u32 = 100;

pub(crate) fn grants(args: &ListGrants, state: &StateDir) -> anyhow::Result<ExitCode> {
    let reader = reader(state)?;
    let (session, run) = Of::find(args.of.as_deref(), reader.as_ref())?;
    let now = clock::of_day();
    let live_at = (!args.all).then_some(now);
    let filter = GrantFilter {
        owner: Some(owner()),
        session,
        run,
        live_at,
        limit: args.list.limit,
        ..GrantFilter::default()
    };
    let grants = reader.map_or(Ok(Vec::new()), |reader| reader.grants(&filter))?;
    let nothing = format!("no grants in `{}`", state.path().display());
    Ok(list(&grants, args.list.json, &nothing, |grant| line_at(grant, now)))
}

/// A grant that holds, on one line.
pub(crate) fn grant_line(grant: &GrantView) -> String {
    line_at(grant, clock::of_day())
}

fn line_at(grant: &GrantView, now: Timestamp) -> String {
    let any = |text: &Option<String>| plain(text.as_deref().unwrap_or("*"));
    let of = [&grant.run_id, &grant.session_id, &grant.component];
    let of = of.into_iter().flatten().next().map_or("-".to_owned(), |of| plain(of));
    let over = match (grant.revoked_at_ms, grant.expires_at_ms) {
        (Some(_), _) => "  (revoked)",
        (None, Some(at)) if at <= now => "  (expired)",
        (None, _) => "",
    };
    format!(
        "{}  {:5}  {:14}  {} {}: {} {} `{}`  {of}{over}",
        grant.grant_id,
        grant.effect,
        grant.source,
        any(&grant.adapter_id),
        any(&grant.grant),
        plain(&grant.capability),
        plain(&grant.operation),
        plain(&grant.resource_pattern)
    )
}

pub(crate) fn grant(args: &Grant, state: &StateDir) -> anyhow::Result<ExitCode> {
    let id = GrantId::parse(&args.id)?;
    let found = reader(state)?.map_or(Ok(None), |reader| reader.grant(Some(&owner()), &id, DECISIONS_MAX))?;
    let Some(record) = found else { bail!("there is no grant `{id}`") };
    let text = if args.json.json {
        // A grant is made of values that are JSON.
        serde_json::to_string_pretty(&record).unwrap_or_default()
    } else {
        lines(&record).join("\n")
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{text}\n"));
    Ok(ExitCode::SUCCESS)
}

fn lines(record: &GrantRecord) -> Vec<String> {
    let mut lines = vec![grant_line(&record.grant)];
    let origin = record.grant.origin_grant_id.as_ref();
    lines.extend(origin.map(|origin| format!("  copied from {origin}")));
    lines.extend(record.events.iter().map(|event| {
        let text = |key: &str| plain(event.payload[key].as_str().unwrap_or_default());
        let about = event.run_id.as_ref().map_or_else(|| event.session_id.to_string(), ToString::to_string);
        format!(
            "  {:>6}  {:7}  {about}  {} `{}`  {}",
            event.cursor.0,
            text("decision"),
            text("operation"),
            text("resource"),
            text("reason")
        )
    }));
    lines.extend(record.decisions.iter().map(|decision| format!("  {}", decision_line(decision))));
    lines
}

pub(crate) fn decisions(args: &List, state: &StateDir) -> anyhow::Result<ExitCode> {
    let decisions = reader(state)?.map_or(Ok(Vec::new()), |reader| reader.gate_decisions(args.limit))?;
    let nothing = format!("nothing was decided in `{}`", state.path().display());
    Ok(list(&decisions, args.json, &nothing, decision_line))
}

fn decision_line(decision: &GateDecisionView) -> String {
    let registration = decision.adapter_id.as_deref().unwrap_or("-");
    let what = decision.access.as_ref().map_or_else(
        || {
            decision
                .grant_id
                .clone()
                .filter(|_| decision.component.is_empty())
                .unwrap_or_else(|| decision.component.clone())
        },
        |access| format!("{} `{}` ({})", access.operation, access.resource, access.grant),
    );
    format!(
        "{:>6}  {:7}  {:9}  {registration}  {}  {}",
        decision.decision_seq,
        decision.kind,
        decision.decision,
        plain(&what),
        plain(&decision.reason)
    )
}
