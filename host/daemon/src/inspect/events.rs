//! `omi-agentd events`: what is recorded, and with `--follow` what happens after it.

use std::process::ExitCode;

use anyhow::bail;
use omi_kernel::event::Event;
use omi_kernel::id::Cursor;
use omi_store::EventFilter;
use serde_json::json;

use super::{Of, reader};
use crate::cli::ListEvents;
use crate::link::{self, Link};
use crate::prompt::owner;
use crate::state::StateDir;
use crate::subscribe::{Seen, SubscribeFilter};
use crate::terminal;

/// Events that are listed where nobody says how many.
const EVENTS_MAX: u32 = 500;

pub(crate) async fn events(args: ListEvents, state: &StateDir) -> anyhow::Result<ExitCode> {
    if args.follow { follow(&args, state).await } else { list(&args, state) }
}

fn list(args: &ListEvents, state: &StateDir) -> anyhow::Result<ExitCode> {
    let reader = reader(state)?;
    let (session, run) = Of::find(args.of.as_deref(), reader.as_ref())?;
    let filter = EventFilter {
        owner: Some(owner()),
        session,
        run,
        visibility: None,
        after: Cursor(args.after.unwrap_or_default()),
        limit: args.limit.unwrap_or(EVENTS_MAX),
    };
    let events = reader.map_or(Ok(Vec::new()), |reader| reader.events(&filter))?;
    let text: String = events.iter().map(|event| line(event, args.json)).collect();
    if events.is_empty() {
        terminal::note(&format!("no events in `{}`", state.path().display()));
    }
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Shows what is recorded after a cursor and then what happens, once each; what is missing is told.
async fn follow(args: &ListEvents, state: &StateDir) -> anyhow::Result<ExitCode> {
    let (session, run) = Of::find(args.of.as_deref(), reader(state)?.as_ref())?;
    let Some(remote) = link::serving(state).await? else {
        bail!(
            "no omi-agentd serves `{}`, so that nothing happens; hint: without --follow the record is listed",
            state.path().display()
        );
    };
    let filter = SubscribeFilter { owner: Some(owner()), session, run };
    let mut news = Link::from(remote).news(filter.clone(), args.after.map(Cursor)).await?;
    let mut cursor = args.after.map(Cursor);
    while let Some(seen) = news.next().await {
        if let Seen::Event(event) = &seen {
            cursor = Some(event.cursor);
        }
        let read_on = match seen {
            Seen::Event(event) if args.json => terminal::print(&format!("{}\n", event.json())),
            Seen::Event(event) => terminal::print(&line(&event, false)),
            // It is recorded a moment later.
            Seen::Live(_) => true,
            Seen::Gap { after, through, reason } => gap(after, through, reason, args.json),
            Seen::StoreFailing(why) => {
                terminal::error(&why);
                true
            }
        };
        if !read_on {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(after) = cursor {
        last_words(filter, after, args.json, state)?;
    }
    terminal::note("the daemon has ended");
    Ok(ExitCode::SUCCESS)
}

/// Shows what a daemon recorded while it ended, when it told nobody any more.
fn last_words(filter: SubscribeFilter, after: Cursor, json: bool, state: &StateDir) -> anyhow::Result<()> {
    let SubscribeFilter { owner, session, run } = filter;
    let mut filter = EventFilter { owner, session, run, visibility: None, after, limit: EVENTS_MAX };
    let Some(reader) = reader(state)? else { return Ok(()) };
    loop {
        let events = reader.events(&filter)?;
        let Some(last) = events.last() else { return Ok(()) };
        filter.after = last.cursor;
        if !terminal::print(&events.iter().map(|event| line(event, json)).collect::<String>()) {
            return Ok(());
        }
    }
}

fn gap(after: Cursor, through: Cursor, reason: &str, json: bool) -> bool {
    if json {
        let gap = json!({ "type": "gap", "afterCursor": after, "throughCursor": through, "reason": reason });
        return terminal::print(&format!("{gap}\n"));
    }
    let (after, through) = (after.0, through.0);
    terminal::note(&format!("gap     between {after} and {through} something is not shown: {reason}"));
    true
}

fn line(event: &Event, json: bool) -> String {
    if json {
        // An event is made of values that are JSON.
        return serde_json::to_string(event).unwrap_or_default() + "\n";
    }
    let about = event.run_id.as_ref().map_or_else(|| event.session_id.to_string(), ToString::to_string);
    format!("{:>6}  {:26}  {about}  {}\n", event.cursor.0, event.kind.as_str(), event.payload.text())
}
