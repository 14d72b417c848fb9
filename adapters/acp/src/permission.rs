//! Permission requests of the agent: asked on, answered once, and never left open.

use std::collections::BTreeMap;

use agent_client_protocol_schema::v1::{
    RequestPermissionOutcome, RequestPermissionResponse, SelectedPermissionOutcome,
};
use omi_adapter_sdk::{
    ApprovalOption, Attempt, Decision, OptionKind, Outputs, RequestApproval, WithdrawRequest,
};
use serde_json::{Value, json};

use crate::json::{list, text};
use crate::link::Link;
use crate::wording::head;

/// Characters of a title in a question.
const TITLE_CHARS_MAX: usize = 300;

/// Bytes of what the agent said about it, if it is to travel whole.
const DETAILS_BYTES_MAX: usize = 32 * 1024;

/// The permission requests that wait for a decision.
#[derive(Default)]
pub(crate) struct Permissions {
    open: BTreeMap<u32, Asked>,
}

struct Asked {
    /// The id of the agent's request, as it came.
    id: Value,
    attempt: Attempt,
    tool: Option<String>,
    options: Vec<ApprovalOption>,
}

/// A permission that was refused.
pub(crate) struct Refusal {
    pub(crate) attempt: Attempt,
    pub(crate) tool: Option<String>,
}

impl Permissions {
    /// Ask on behalf of an attempt. `tool` is the tool call it is about.
    pub(crate) fn ask(
        &mut self,
        id: Value,
        attempt: Attempt,
        params: &Value,
        tool: Option<&str>,
        link: &mut Link,
        out: &mut Outputs,
    ) {
        let request = link.next_request();
        let call = &params["toolCall"];
        let title = text(call, "title").or(tool).unwrap_or("a tool call");
        let options = options(params);
        out.push(RequestApproval {
            request,
            attempt,
            title: head(title, TITLE_CHARS_MAX),
            tool: tool.map(str::to_owned),
            options: options.clone(),
            details: details(call),
            extra: String::new(),
        });
        self.open.insert(request, Asked { id, attempt, tool: tool.map(str::to_owned), options });
    }

    /// Tell the agent what was decided. Says whose permission it was if it was refused.
    pub(crate) fn decide(
        &mut self,
        request: u32,
        decision: Decision,
        link: &mut Link,
        out: &mut Outputs,
    ) -> Option<Refusal> {
        let asked = self.open.remove(&request)?;
        let chosen = match decision {
            Decision::Selected(id) => asked.options.iter().find(|option| option.id == id),
            // A refusal is not a cancellation: the agent is to go on without it.
            Decision::Rejected(_) | Decision::Expired => asked.refusal(),
            Decision::Cancelled => None,
        };
        let refused = chosen.is_none_or(|option| !allows(&option.kind));
        answer(&asked.id, chosen, link, out);
        refused.then_some(Refusal { attempt: asked.attempt, tool: asked.tool })
    }

    /// Answer everything that an attempt has open with `cancelled`, and take the questions back.
    pub(crate) fn cancel(&mut self, attempt: Attempt, link: &mut Link, out: &mut Outputs) {
        for (request, asked) in self.open.extract_if(.., |_, asked| asked.attempt == attempt) {
            answer(&asked.id, None, link, out);
            out.push(WithdrawRequest::new(request));
        }
    }

    /// The agent takes back its own request.
    pub(crate) fn withdrawn(&mut self, id: &Value, link: &mut Link, out: &mut Outputs) {
        for (request, asked) in self.open.extract_if(.., |_, asked| asked.id == *id) {
            answer(&asked.id, None, link, out);
            out.push(WithdrawRequest::new(request));
        }
    }
}

impl Asked {
    fn refusal(&self) -> Option<&ApprovalOption> {
        let of_kind = |kind: OptionKind| self.options.iter().find(|option| option.kind == kind);
        of_kind(OptionKind::RejectOnce).or_else(|| of_kind(OptionKind::RejectAlways))
    }
}

/// Answer that there is no turn to ask for.
pub(crate) fn answer_cancelled(id: &Value, link: &mut Link, out: &mut Outputs) {
    answer(id, None, link, out);
}

fn answer(id: &Value, chosen: Option<&ApprovalOption>, link: &mut Link, out: &mut Outputs) {
    let outcome = match chosen {
        Some(option) => RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.id.clone())),
        None => RequestPermissionOutcome::Cancelled,
    };
    link.answer(id, RequestPermissionResponse::new(outcome), out);
}

fn allows(kind: &OptionKind) -> bool {
    match kind {
        OptionKind::AllowOnce | OptionKind::AllowAlways | OptionKind::Other(_) => true,
        OptionKind::RejectOnce | OptionKind::RejectAlways => false,
    }
}

/// The options, each id once; their order and ids differ from agent to agent, only their kinds mean something.
fn options(params: &Value) -> Vec<ApprovalOption> {
    let mut options: Vec<ApprovalOption> = Vec::new();
    for option in list(params, "options") {
        let Some(id) = text(option, "optionId") else { continue };
        if options.iter().any(|one| one.id == id) {
            continue;
        }
        let kind = match text(option, "kind").unwrap_or_default() {
            "allow_once" => OptionKind::AllowOnce,
            "allow_always" => OptionKind::AllowAlways,
            "reject_once" => OptionKind::RejectOnce,
            "reject_always" => OptionKind::RejectAlways,
            other => OptionKind::Other(other.to_owned()),
        };
        let name = text(option, "name").unwrap_or(id).to_owned();
        options.push(ApprovalOption { id: id.to_owned(), name, kind, extra: String::new() });
    }
    options
}

fn details(call: &Value) -> String {
    let whole = call.to_string();
    if whole.len() <= DETAILS_BYTES_MAX {
        return whole;
    }
    json!({"toolCallId": call["toolCallId"], "kind": call["kind"], "bytes": whole.len()}).to_string()
}
