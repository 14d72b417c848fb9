//! `sessions`, `runs`, `events`, `adapters`: what is recorded and what there is. Beside a daemon that runs, too.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use omi_kernel::descriptor::Descriptor;
use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_store::{EventFilter, Reader};
use serde::Serialize;
use serde_json::{Value, json};

use crate::bundled;
use crate::cli::{List, ListEvents, ListRuns};
use crate::config::Config;
use crate::driver;
use crate::state::StateDir;
use crate::terminal::{self, plain};

fn reader(state: &StateDir) -> anyhow::Result<Option<Reader>> {
    if state.database().exists() { Ok(Some(Reader::open(&state.database())?)) } else { Ok(None) }
}

/// Prints items as JSON, or as lines; what there is none of is said on standard error.
fn list<T: Serialize>(items: &[T], json: bool, nothing: &str, line: impl Fn(&T) -> String) -> ExitCode {
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
    let sessions = reader(state)?.map_or(Ok(Vec::new()), |reader| reader.sessions(args.limit))?;
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
    let session = args.session.as_deref().map(SessionId::parse).transpose()?;
    let read = |reader: Reader| reader.runs(session.as_ref(), args.list.limit);
    let runs = reader(state)?.map_or(Ok(Vec::new()), read)?;
    let nothing = format!("no runs in `{}`", state.path().display());
    Ok(list(&runs, args.list.json, &nothing, |run| {
        let text = run.error_message.as_deref().or(run.final_text.as_deref()).unwrap_or("-");
        let text: String = plain(text).chars().take(60).collect();
        format!(
            "{}  {:10}  {:10}  {} attempts  {text}",
            run.run_id,
            run.status,
            run.adapter_id,
            run.attempts.len()
        )
    }))
}

pub(crate) fn events(args: &ListEvents, state: &StateDir) -> anyhow::Result<ExitCode> {
    let mut filter = EventFilter { after: Cursor(args.after), limit: args.limit, ..EventFilter::default() };
    match &args.of {
        Some(id) if id.starts_with(RunId::PREFIX) => filter.run = Some(RunId::parse(id)?),
        Some(id) if id.starts_with(SessionId::PREFIX) => filter.session = Some(SessionId::parse(id)?),
        Some(id) => bail!("`{id}` is neither a session id nor a run id"),
        None => {}
    }
    let events = reader(state)?.map_or(Ok(Vec::new()), |reader| reader.events(&filter))?;
    let mut text = String::new();
    for event in &events {
        let line = if args.json {
            // An event is made of values that are JSON.
            serde_json::to_string(event).unwrap_or_default()
        } else {
            let about =
                event.run_id.as_ref().map_or_else(|| event.session_id.to_string(), ToString::to_string);
            format!("{:>6}  {:26}  {about}  {}", event.cursor.0, event.kind.as_str(), event.payload)
        };
        text.push_str(&(line + "\n"));
    }
    if events.is_empty() {
        terminal::note(&format!("no events in `{}`", state.path().display()));
    }
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn adapters(
    args: &List,
    state: &StateDir,
    config: &Config,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let engine = crate::daemon::engine(state, tokio)?;
    let mut rows = Vec::new();
    for (name, _) in bundled::COMPONENTS {
        let loaded = driver::load(&engine, config, name);
        rows.push(match loaded {
            Ok(adapter) => component(name, adapter.descriptor(), adapter.digest()),
            Err(failure) => json!({ "bundled": name, "error": failure.message }),
        });
    }
    for (name, registration) in &config.registrations {
        let programs: Vec<Value> = registration
            .programs()
            .map(|(grant, program)| {
                json!({
                    "grant": grant, "program": program,
                    "path": which::which(program).ok().map(|path| path.display().to_string()),
                })
            })
            .collect();
        let component = registration.component.as_str();
        let bundled = bundled::COMPONENTS.iter().any(|(name, _)| *name == component);
        let folder = config.path.parent().unwrap_or(Path::new(""));
        rows.push(json!({ "registration": name, "component": component,
            "componentFound": bundled || folder.join(component).is_file(), "programs": programs }));
    }
    Ok(list(&rows, args.json, "no adapters", adapter_line))
}

fn component(name: &str, descriptor: &Descriptor, digest: &str) -> Value {
    json!({ "bundled": name, "title": descriptor.title, "version": descriptor.version,
        "protocol": descriptor.protocol, "digest": digest, "capabilities": descriptor.capabilities,
        "grants": descriptor.grants })
}

fn adapter_line(row: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if row["bundled"].is_string() {
        let what = if row["error"].is_string() {
            text(&row["error"])
        } else {
            let digest: String = text(&row["digest"]).chars().take(12).collect();
            format!(
                "{} {} ({}, {digest})",
                text(&row["title"]),
                text(&row["version"]),
                text(&row["protocol"])
            )
        };
        return format!("bundled       {:12} {}", text(&row["bundled"]), plain(&what));
    }
    let programs = row["programs"].as_array().into_iter().flatten();
    let programs: Vec<String> = programs
        .map(|program| match program["path"].as_str() {
            Some(path) => format!("{} = {path}", text(&program["grant"])),
            None => format!("{} = `{}` is not on PATH", text(&program["grant"]), text(&program["program"])),
        })
        .collect();
    let missing = if row["componentFound"] == true { "" } else { " (not found)" };
    format!(
        "registration  {:12} {}{missing}  {}",
        text(&row["registration"]),
        text(&row["component"]),
        programs.join(", ")
    )
}
