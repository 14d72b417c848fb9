//! What is said to clients: these types are what is written, and what the schema describes.

use std::fmt;
use std::sync::Arc;

use omi_kernel::id::Cursor;
use omi_kernel::status::Status;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::ending::RunResult;
use super::init::Init;
use super::schema::{envelope, word};
use super::{PROTOCOL_VERSION, v1};
use crate::client::Recorded;

/// A message to a client, as it is written.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Outbound {
    /// What is spoken here: the first message, to everybody.
    Init(Box<Init>),
    /// To a client that speaks v2.
    V2(Box<Answer>),
    /// To a client that speaks v1.
    V1(Box<v1::Said>),
}

impl fmt::Display for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// What every message about a request carries, and what it says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// The version of the protocol.
    #[schemars(with = "envelope::V2")]
    pub(super) protocol_version: u8,
    /// The client whose request it is about.
    pub(super) client_id: String,
    /// That client's request.
    pub(super) request_id: String,
    /// The session, as far as it is known.
    #[schemars(with = "Option<word::Session>")]
    pub(super) session_id: Option<String>,
    /// The run, as far as it is known.
    #[schemars(with = "Option<word::Run>")]
    pub(super) run_id: Option<String>,
    /// The attempt, as far as it is known.
    #[schemars(with = "Option<word::Attempt>")]
    pub(super) attempt_id: Option<String>,
    /// The event, where it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
    /// The event's place in the order of all events; of what is not recorded, the latest place when it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub(super) cursor: Option<Cursor>,
    /// What it says.
    #[serde(flatten)]
    pub(super) said: Said,
}

impl Answer {
    /// What a request of a client is answered with; what it is about is not known yet.
    pub(super) fn new(client: &str, request: &str, said: Said) -> Self {
        Self {
            protocol_version: PROTOCOL_VERSION,
            client_id: client.to_owned(),
            request_id: request.to_owned(),
            session_id: None,
            run_id: None,
            attempt_id: None,
            event_id: None,
            cursor: None,
            said,
        }
    }
}

/// What a message says, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Said {
    /// It is done, and there is nothing else to say; or its run is accepted, and somebody else tells about it.
    Ack {
        /// It had been accepted before.
        #[serde(skip_serializing_if = "Option::is_none")]
        repeated: Option<bool>,
    },
    /// Why nothing came of it.
    Error {
        /// A stable word, for programs.
        code: &'static str,
        /// One line, for people.
        message: String,
    },
    /// What became of a request to stop: no more than is known.
    CancelAck {
        /// It was accepted: there is a run that is to stop.
        accepted: bool,
        /// Telling the adapter was tried.
        dispatch_attempted: bool,
        /// The runtime confirmed that it has stopped.
        adapter_acknowledged: bool,
        /// Where the run stood; absent where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<word::RunStatus>")]
        status: Option<Status>,
    },
    /// Where a run stands that is not over.
    Status {
        /// Where.
        #[schemars(with = "word::RunStatus")]
        status: Status,
    },
    /// A piece of a message of the answer. A text that is put together from pieces by their offsets has none twice.
    TextDelta {
        /// The piece.
        text: String,
        /// Which message of the attempt.
        message: String,
        /// Where the piece begins in it, in bytes.
        offset: u64,
        /// The place among the live pieces of this daemon's life; absent where it is recorded.
        #[serde(skip_serializing_if = "Option::is_none")]
        sequence: Option<u64>,
    },
    /// A piece of a private thought. It is never recorded.
    ThinkingDelta {
        /// The piece.
        text: String,
        /// The place among the live pieces of this daemon's life.
        sequence: u64,
    },
    /// What a tool does.
    ToolActivity(ToolActivity),
    /// What a tool that is done gave out, for showing: its beginning.
    ToolResultDisplay(ToolResultDisplay),
    /// A person is asked for permission.
    ApprovalRequested {
        /// The number to answer with.
        approval: u64,
        /// `access`: the adapter wants to open something. Otherwise the agent wants to do something.
        kind: Option<String>,
        /// What it is about, in words.
        title: Option<String>,
        /// Why it is asked.
        reason: Option<String>,
        /// The call of a tool that waits for it.
        tool_use_id: Option<String>,
        /// The possible answers, each with an `optionId` and a `name`.
        options: Value,
        /// What else is known about it.
        details: Value,
    },
    /// The permission was given, or not.
    ApprovalResolved {
        /// The number.
        approval: u64,
        /// `selected`, `rejected`, `cancelled` or `expired`.
        outcome: Option<String>,
        /// Which option was selected.
        option_id: Option<String>,
        /// Why it was refused.
        reason: Option<String>,
        /// `user`, `runtime`, `deadline`, `nobody_to_ask`, `kernel`, or the policy that decided.
        by: Option<String>,
        /// No person decided it.
        automatic: Option<bool>,
        /// The policy that decided.
        policy: Option<String>,
    },
    /// A person is asked for information, or for a log-in.
    InputRequested {
        /// The number to answer with.
        request: u64,
        /// `input` or `authentication`.
        kind: Option<String>,
        /// What is asked.
        prompt: Option<String>,
        /// What the answer is to look like: a JSON Schema.
        schema: Value,
        /// Where a person is to look.
        url: Option<String>,
        /// The ways to log in.
        methods: Value,
    },
    /// The information was given, or not.
    InputProvided {
        /// The number.
        request: u64,
        /// `provided`, `declined`, `cancelled` or `expired`.
        outcome: Option<String>,
        /// `user`, `runtime`, `deadline`, `nobody_to_ask` or `kernel`.
        by: Option<String>,
    },
    /// The runtime wants a log-in: the same as `input_requested` of the kind `authentication` just before, as clients know
    /// it that answer with `authenticate`. Either answer will do, and only the first one counts.
    AuthRequired(AuthRequired),
    /// After a log-in was chosen, the runtime did something: it has accepted it.
    AuthSuccess {},
    /// A run was delegated.
    Delegated {
        /// The delegation.
        delegation_id: String,
        /// It had been delegated before.
        repeated: bool,
    },
    /// What came of a delegation.
    DelegationResult {
        /// The delegation.
        delegation_id: String,
        /// What came of it.
        result: Value,
    },
    /// An agent uses a tool of the surface that asked: it is answered with `tool_result`.
    ToolUse {
        /// The call: what the answer names.
        call_id: String,
        /// The tool.
        name: String,
        /// Its input.
        input: Value,
    },
    /// What a control tool answers.
    ControlToolResult {
        /// The tool.
        name: String,
        /// JSON in a text: `ok`, and what it gives, or `error` with a `code` and a `message`.
        result: String,
    },
    /// The end of a run, as it is recorded.
    Result(Box<RunResult>),
    /// An event as it is recorded, in its own envelope (SPEC §1.6).
    Event {
        /// The event.
        #[serde(serialize_with = "whole")]
        #[schemars(with = "envelope::Event")]
        event: Arc<Recorded>,
    },
    /// Some events are gone, or live text was left out: what follows begins after them.
    Gap {
        /// What came after this place is concerned,
        #[schemars(with = "i64")]
        after_cursor: Cursor,
        /// up to this one.
        #[schemars(with = "i64")]
        through_cursor: Cursor,
        /// `slow`: live text was left out, and its recorded pieces follow. `retention`: old events are gone for good.
        /// `unknown`: the place is of another record.
        reason: &'static str,
    },
}

/// What a tool does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolActivity {
    /// `started`, `progress`, `completed` or `failed`.
    pub(super) status: &'static str,
    /// The tool's name, or its first title where the runtime names none; null if its beginning was not seen.
    pub(super) name: Option<String>,
    /// A title for people.
    pub(super) title: Option<String>,
    /// The runtime's id of the call.
    pub(super) tool_use_id: Option<String>,
    /// The tool's input: text (`text`), JSON (`value`), or how large it is (`bytes`).
    pub(super) input: Value,
}

/// What a tool that is done gave out, for showing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolResultDisplay {
    /// The runtime's id of the call.
    pub(super) tool_use_id: String,
    /// The tool's name; empty if it is not known.
    pub(super) name: String,
    /// Its output, at most 2,000 characters of it.
    pub(super) output: String,
}

/// A runtime wants a log-in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthRequired {
    /// The ways to log in.
    pub(super) methods: Vec<LogInMethod>,
    /// Where a person is to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_url: Option<String>,
}

/// One way to log in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogInMethod {
    /// Its id: what `authenticate` names.
    pub(super) id: String,
    /// `agent_auth`, `env_var`, `terminal`, or the runtime's own word.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
}

/// An event whole, which many clients share.
fn whole<S: Serializer>(event: &Arc<Recorded>, serializer: S) -> Result<S::Ok, S::Error> {
    event.event().serialize(serializer)
}
