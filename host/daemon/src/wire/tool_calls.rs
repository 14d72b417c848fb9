//! The tools that a run uses, as its client is told: the events after the first one of a call do not name its tool.

use std::collections::BTreeMap;

use omi_kernel::event::{Event, EventKind};
use serde_json::Value;

use super::outbound::{Said, ToolActivity, ToolResultDisplay};

/// Calls of tools whose names are remembered at the same time: more than any agent makes at once. Later ones have none.
const CALLS_MAX: usize = 1024;
/// Characters of an output that are shown: it is for a line in a conversation, the record has it whole.
const OUTPUT_CHARS_MAX: usize = 2000;

/// What the first event of a call is: it alone names the tool.
const STARTED: &str = "started";
/// The events of a call, what each is to the client, and whether the call is over with it.
const STATUSES: [(EventKind, &str, bool); 4] = [
    (EventKind::ToolStarted, STARTED, false),
    (EventKind::ToolUpdated, "progress", false),
    (EventKind::ToolCompleted, "completed", true),
    (EventKind::ToolFailed, "failed", true),
];

/// The calls of tools that are not over, with the name of each.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls(BTreeMap<String, String>);

impl ToolCalls {
    /// What an event is to the client of its run: nothing, unless a tool does something.
    pub(crate) fn told(&mut self, event: &Event) -> (Option<Said>, Option<Said>) {
        let Some((_, status, is_over)) = STATUSES.into_iter().find(|(kind, ..)| *kind == event.kind) else {
            return (None, None);
        };
        let payload = &event.payload;
        let text = |key: &str| payload[key].as_str().map(str::to_owned);
        let call = text("toolUseId");
        // Some runtimes have no names for their tools, only titles for people.
        let named = text("name").filter(|name| !name.is_empty()).or_else(|| text("title"));
        let name = match (named.filter(|_| status == STARTED), &call) {
            (Some(name), Some(call)) => {
                if self.0.len() < CALLS_MAX {
                    self.0.insert(call.clone(), name.clone());
                }
                Some(name)
            }
            (None, Some(call)) if is_over => self.0.remove(call),
            (None, Some(call)) => self.0.get(call).cloned(),
            (name, None) => name,
        };
        let shown = call.clone().zip(output(&payload["output"])).map(|(tool_use_id, output)| {
            let name = name.clone().unwrap_or_default();
            Said::ToolResultDisplay(ToolResultDisplay { tool_use_id, name, output })
        });
        let (title, input) = (text("title"), payload["input"].clone());
        let activity = Said::ToolActivity(ToolActivity { status, name, title, tool_use_id: call, input });
        (Some(activity), shown.filter(|_| event.kind == EventKind::ToolCompleted))
    }
}

/// The beginning of an output, as text; none if there is none, or it is too large to be in the record.
fn output(payload: &Value) -> Option<String> {
    let text = match payload["type"].as_str()? {
        "text" => payload["text"].as_str()?.to_owned(),
        "json" => match &payload["value"] {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        },
        _ => return None,
    };
    Some(text.chars().take(OUTPUT_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::event;
    use super::*;

    fn said(calls: &mut ToolCalls, kind: EventKind, payload: Value) -> (Value, Option<Value>) {
        let (activity, shown) = calls.told(&event(kind, payload));
        (json!(activity), shown.map(|shown| json!(shown)))
    }

    #[test]
    fn what_a_tool_gave_out_is_shown_with_its_name() {
        let calls = &mut ToolCalls::default();
        let (started, shown) = said(
            calls,
            EventKind::ToolStarted,
            json!({ "toolUseId": "t", "name": "Read", "title": "Read x" }),
        );
        assert_eq!((&started["status"], &started["name"], shown), (&json!("started"), &json!("Read"), None));
        let (updated, shown) = said(calls, EventKind::ToolUpdated, json!({ "toolUseId": "t" }));
        assert_eq!((&updated["name"], shown), (&json!("Read"), None));
        let output = json!({ "type": "text", "text": "é".repeat(2001) });
        let (completed, shown) =
            said(calls, EventKind::ToolCompleted, json!({ "toolUseId": "t", "output": output }));
        assert_eq!((&completed["status"], &completed["name"]), (&json!("completed"), &json!("Read")));
        let expected = json!({ "type": "tool_result_display", "toolUseId": "t", "name": "Read",
            "output": "é".repeat(2000) });
        assert_eq!(shown, Some(expected), "characters are counted, not bytes");
        assert!(calls.0.is_empty(), "what is over is forgotten");
    }

    #[test]
    fn a_tool_without_a_name_is_called_by_its_title() {
        let calls = &mut ToolCalls::default();
        let started = json!({ "toolUseId": "t", "name": "", "title": "Read x" });
        assert_eq!(said(calls, EventKind::ToolStarted, started).0["name"], "Read x");
        let updated = json!({ "toolUseId": "t", "title": "Read y" });
        assert_eq!(said(calls, EventKind::ToolUpdated, updated).0["name"], "Read x", "it keeps its name");
    }

    #[test]
    fn json_is_shown_as_it_is_and_nothing_is_not_shown() {
        let calls = &mut ToolCalls::default();
        let mut shown = |output: Value| {
            said(calls, EventKind::ToolCompleted, json!({ "toolUseId": "t", "output": output })).1
        };
        let output = |shown: Option<Value>| shown.map(|shown| shown["output"].clone());
        assert_eq!(output(shown(json!({ "type": "json", "value": { "a": 1 } }))), Some(json!(r#"{"a":1}"#)));
        assert_eq!(output(shown(json!({ "type": "json", "value": "plain" }))), Some(json!("plain")));
        assert_eq!(shown(json!({ "type": "large", "bytes": 1, "contentHash": "" })), None);
        assert_eq!(shown(Value::Null), None);
        let failed = said(calls, EventKind::ToolFailed, json!({ "toolUseId": "t", "errorCode": "x" }));
        assert_eq!((&failed.0["status"], failed.1), (&json!("failed"), None));
    }

    #[test]
    fn so_many_names_are_remembered_and_no_more() {
        let calls = &mut ToolCalls::default();
        for call in 0..=CALLS_MAX {
            said(calls, EventKind::ToolStarted, json!({ "toolUseId": call.to_string(), "name": "Read" }));
        }
        assert_eq!(calls.0.len(), CALLS_MAX);
        let last = json!({ "toolUseId": CALLS_MAX.to_string() });
        assert_eq!(said(calls, EventKind::ToolCompleted, last).0["name"], Value::Null);
    }
}
