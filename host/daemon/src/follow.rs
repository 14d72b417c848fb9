//! What is shown of a run: its text once, whichever way it comes, and its end.

use std::collections::BTreeMap;

use omi_kernel::event::{Event, EventKind};
use omi_kernel::status::Status;

use crate::client::{LiveKind, LiveText};

/// Which text has been shown: a piece may come live, as a recorded chunk and with the whole message.
#[derive(Debug, Default)]
pub(crate) struct Shown(BTreeMap<String, usize>);

impl Shown {
    /// What of a live piece is new.
    pub(crate) fn live<'t>(&mut self, live: &'t LiveText) -> Option<(String, &'t str)> {
        match &live.kind {
            LiveKind::Message { message, offset } => {
                let key = format!("{}/{message}", live.attempt);
                Some((key.clone(), self.new_part(&key, *offset, &live.text)?))
            }
            LiveKind::Thought => None,
        }
    }

    /// What of a recorded text is new.
    pub(crate) fn recorded<'e>(&mut self, event: &'e Event) -> Option<(String, &'e str)> {
        let offset = match event.kind {
            EventKind::MessageDelta => usize::try_from(event.payload["offset"].as_u64()?).ok()?,
            EventKind::MessageCompleted => 0,
            _ => return None,
        };
        let message = event.payload["message"].as_str()?;
        let key = format!("{}/{message}", event.attempt_id.as_ref()?);
        Some((key.clone(), self.new_part(&key, offset, event.payload["text"].as_str()?)?))
    }

    fn new_part<'t>(&mut self, message: &str, offset: usize, text: &'t str) -> Option<&'t str> {
        let shown = self.0.entry(message.to_owned()).or_default();
        let new = text.get(shown.saturating_sub(offset)..).filter(|new| !new.is_empty())?;
        *shown = offset + text.len();
        Some(new)
    }
}

/// The run is over with this event.
pub(crate) fn is_end(kind: EventKind) -> bool {
    kind.run_status().is_some_and(Status::is_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_shown_twice() {
        let mut shown = Shown::default();
        assert_eq!(shown.new_part("m", 0, "Hello"), Some("Hello"));
        assert_eq!(shown.new_part("m", 5, " you"), Some(" you"));
        assert_eq!(shown.new_part("m", 0, "Hello you"), None, "the chunk covers what was live");
        assert_eq!(
            shown.new_part("m", 0, "Hello you all"),
            Some(" all"),
            "the whole message adds what was missed"
        );
    }
}
