//! What the client of a run is told about it: each recorded event as a message of its own kind, or as none.

use omi_kernel::event::{Event, EventKind};
use serde_json::Value;

use super::outbound::{AuthRequired, LogInMethod, Said};

/// What the client that delegated is told about the run that works for it: where it stands, and what it asks people. Its
/// text is for the run that waits.
pub(crate) fn about_child(event: &Event) -> Vec<Said> {
    let said = about_run(event);
    let log_in = said.as_ref().and_then(log_in);
    said.into_iter().chain(log_in).collect()
}

/// What an event is to the client of its run, if anything. Text, tools and the end are told otherwise.
pub(crate) fn about_run(event: &Event) -> Option<Said> {
    let payload = &event.payload;
    let text = |key: &str| payload[key].as_str().map(str::to_owned);
    let number = payload["request"].as_u64().unwrap_or_default();
    match event.kind {
        EventKind::ApprovalRequested => Some(Said::ApprovalRequested {
            approval: number,
            kind: text("kind"),
            title: text("title"),
            reason: text("reason"),
            tool_use_id: text("toolUseId"),
            options: payload["options"].clone(),
            details: payload["details"].clone(),
        }),
        EventKind::ApprovalResolved => Some(Said::ApprovalResolved {
            approval: number,
            outcome: text("outcome"),
            option_id: text("optionId"),
            reason: text("reason"),
            by: text("by"),
            automatic: payload["automatic"].as_bool(),
            policy: text("policy"),
        }),
        EventKind::InputRequested => Some(Said::InputRequested {
            request: number,
            kind: text("kind"),
            prompt: text("prompt"),
            schema: payload["schema"].clone(),
            url: text("url"),
            methods: payload["methods"].clone(),
        }),
        EventKind::InputProvided => {
            Some(Said::InputProvided { request: number, outcome: text("outcome"), by: text("by") })
        }
        kind => {
            let status = kind.run_status().filter(|status| !status.is_terminal())?;
            Some(Said::Status { status })
        }
    }
}

/// What a request for a log-in is to a client that knows `auth_required`; none if it is for something else.
pub(crate) fn log_in(said: &Said) -> Option<Said> {
    let Said::InputRequested { kind: Some(kind), url, methods, .. } = said else { return None };
    let methods = methods.as_array().into_iter().flatten().map(method).collect();
    (kind == "authentication").then(|| Said::AuthRequired(AuthRequired { methods, auth_url: url.clone() }))
}

fn method(method: &Value) -> LogInMethod {
    let text = |key: &str| method[key].as_str().unwrap_or_default().to_owned();
    let kind = match text("type").as_str() {
        // What the catalogue of messages calls it (SPEC §1.10).
        "agent" => "agent_auth".to_owned(),
        kind => kind.to_owned(),
    };
    LogInMethod { id: text("id"), kind, display_name: Some(text("name")).filter(|name| !name.is_empty()) }
}
