//! What the client of a run has been told about it, which says what is still to be told.

use omi_kernel::event::{Event, EventKind};

use crate::client::LiveKind;
use crate::follow::Shown;
use crate::subscribe::Seen;
use crate::wire::{self, Correlation, Outbound, Said, ToolCalls, Version, WireError};

/// What the client of a run has been told about it.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The text.
    shown: Shown,
    /// The tools whose calls are not over.
    tools: ToolCalls,
    /// Where a log-in stands.
    log_in: LogIn,
}

/// Where a log-in stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum LogIn {
    /// Nobody was asked for one, or the runtime has taken it.
    #[default]
    None,
    /// Somebody is asked.
    Asked,
    /// A way was chosen. Whether the runtime takes it is seen when it does something, or asks again.
    Chosen,
}

impl Told {
    /// What the client is told about one thing of its run; its end is told otherwise.
    pub(super) fn of(&mut self, seen: &Seen, correlation: &mut Correlation) -> Vec<Outbound> {
        let mut messages = Vec::new();
        match seen {
            Seen::StoreFailing(why) => {
                // In v1 an error is the end of a query, and this is none.
                if correlation.version() != Version::V1 {
                    messages.extend(correlation.error(&WireError::new("store_failing", &**why)));
                }
            }
            Seen::Gap { after, through, reason } => {
                messages.extend(correlation.gap(*after, *through, reason));
            }
            Seen::Live(live) => {
                correlation.attempt = Some(live.attempt.to_string());
                messages.extend(self.logged_in(correlation));
                let new = match &live.kind {
                    LiveKind::Message { .. } => self.shown.live(live).map(|(_, new)| new),
                    LiveKind::Thought => Some(live.text.as_str()),
                };
                messages.extend(new.and_then(|new| correlation.live(live, new)));
            }
            Seen::Event(event) => {
                if let Some(attempt) = &event.attempt_id {
                    correlation.attempt = Some(attempt.to_string());
                }
                if is_sign_of_work(event.kind) {
                    messages.extend(self.logged_in(correlation));
                }
                self.event(event, correlation, &mut messages);
            }
        }
        messages
    }

    fn event(&mut self, event: &Event, correlation: &Correlation, messages: &mut Vec<Outbound>) {
        if let Some((_, text)) = self.shown.recorded(event) {
            return messages.extend(correlation.recorded(event, text));
        }
        let (activity, shown) = self.tools.told(event);
        let said = activity.or_else(|| wire::about_run(event));
        let log_in = said.as_ref().and_then(wire::log_in);
        if log_in.is_some() {
            self.log_in = LogIn::Asked;
        }
        if event.kind == EventKind::InputProvided && self.log_in == LogIn::Asked {
            let is_chosen = event.payload["outcome"] == "provided";
            self.log_in = if is_chosen { LogIn::Chosen } else { LogIn::None };
        }
        for said in [said, log_in, shown].into_iter().flatten() {
            messages.extend(correlation.message(Some(event), said));
        }
    }

    /// The runtime does something: after a log-in was chosen, it has taken it.
    fn logged_in(&mut self, correlation: &Correlation) -> Option<Outbound> {
        if self.log_in != LogIn::Chosen {
            return None;
        }
        self.log_in = LogIn::None;
        correlation.message(None, Said::AuthSuccess {})
    }
}

/// A runtime that wants a log-in does nothing of this. It may have opened a session without one.
fn is_sign_of_work(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::MessageDelta
            | EventKind::MessageCompleted
            | EventKind::ProgressUpdated
            | EventKind::ToolStarted
            | EventKind::ApprovalRequested
            | EventKind::ArtifactCreated
            | EventKind::UsageUpdated
            | EventKind::RunSucceeded
    )
}
