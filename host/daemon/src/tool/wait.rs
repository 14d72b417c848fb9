//! Waits for the end of a run on behalf of a tool. Whoever stops waiting changes no run.

use std::time::Duration;

use omi_kernel::id::RunId;
use omi_kernel::status::Status;
use omi_store::{Reader, RunView};

use super::{ControlContext, ToolError};
use crate::follow::is_end;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};

/// How long a tool waits for a run (SPEC §12: a long control tool). The run goes on after that.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(10);

/// Waits for the end of a run.
pub(super) async fn end_of(context: &ControlContext, run: &RunId) -> Result<RunView, ToolError> {
    match tokio::time::timeout(WAIT_MAX, to_its_end(context, run)).await {
        Ok(ended) => ended,
        Err(_) => {
            let why = format!(
                "`{run}` is not over after {} minutes and goes on; hint: look again with `get_agent_run`",
                WAIT_MAX.as_secs() / 60
            );
            Err(ToolError::new("still_running", why))
        }
    }
}

async fn to_its_end(context: &ControlContext, run: &RunId) -> Result<RunView, ToolError> {
    // What ends before this is in the record, what ends after it is told.
    let now = context.ask(Reader::latest_cursor)?;
    let filter = SubscribeFilter { owner: Some(context.owner()), session: None, run: Some(run.clone()) };
    let surface = &context.surface;
    let mut news = Subscription::new(&surface.client, surface.readers.clone(), filter, Some(now));
    loop {
        // An end that was followed by a retry is none.
        let found = context.run(run)?;
        if Status::parse(&found.status).is_some_and(Status::is_terminal) {
            return Ok(found);
        }
        loop {
            match news.next().await {
                Some(Seen::Event(event)) if is_end(event.kind) => break,
                Some(Seen::Event(_) | Seen::Live(_) | Seen::Gap { .. } | Seen::StoreFailing(_)) => {}
                None => return Err(ToolError::ending()),
            }
        }
    }
}
