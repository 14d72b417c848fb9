//! The agent's process: how it starts, what its lines are, and how it ends.

use agent_client_protocol_schema::ProtocolVersion;
use agent_client_protocol_schema::v1::{Implementation, InitializeRequest};
use omi_adapter_sdk::lines::{LineTooLong, Lines};
use omi_adapter_sdk::rpc::{self, Incoming, RpcError};
use omi_adapter_sdk::{ChunkEnd, ClosedWhy, Exit, Exited, Failure, Kill, Op, Outputs, Ready, Why, log};
use serde_json::{Value, json};

use crate::codes::AUTH_REQUIRED;
use crate::json::text;
use crate::link::Call;
use crate::offers::Offers;
use crate::turn::Turn;
use crate::wording::{head, quote, said};
use crate::worker::Worker;

/// Milliseconds for each step of ending an agent that closed its input or output but did not exit.
const CLOSED_GRACE_MS: u32 = 2_000;

/// Characters of a line that is quoted because it is not a message.
const NOISE_CHARS_MAX: usize = 200;

/// The next step where a program is no agent.
const COMMAND_HINT: &str = "hint: its command has to speak ACP on its standard input and output";

/// How far the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Until it answered `initialize`.
    Starting,
    /// It wants a person to log in before it initializes.
    LoggedOut,
    Ready,
    /// It was told to end.
    Stopping,
    /// It ended.
    Gone,
}

/// What is known about the agent.
pub(crate) struct Agent {
    pub(crate) phase: Phase,
    pub(crate) offers: Offers,
    /// The configured way to log in was tried: once is enough.
    pub(crate) login_tried: bool,
    /// It took a log-in, and nothing has worked since that shows that it uses it.
    pub(crate) login_unproven: bool,
    lines: Lines,
    /// It wrote at least one line that is a message.
    is_acp: bool,
    noise: Noise,
}

/// Lines that are not messages: agents and their package runners print greetings and warnings.
#[derive(Default)]
struct Noise {
    count: u32,
    first: String,
}

impl Agent {
    /// Not started yet.
    pub(crate) fn new(line_bytes_max: usize) -> Self {
        Self {
            phase: Phase::Starting,
            offers: Offers::default(),
            login_tried: false,
            login_unproven: false,
            lines: Lines::new(line_bytes_max),
            is_acp: false,
            noise: Noise::default(),
        }
    }

    /// What it printed that is not a message, for the end of a sentence.
    fn noise_words(&self) -> String {
        match self.noise.count {
            0 => String::new(),
            count => {
                format!("; {count} lines of its output are no messages, the first is `{}`", self.noise.first)
            }
        }
    }
}

impl Worker {
    /// The process runs: say who we are.
    pub(crate) fn initialize(&mut self, out: &mut Outputs) {
        let request = InitializeRequest::new(ProtocolVersion::V1)
            .client_capabilities(self.granted.capabilities())
            .client_info(Implementation::new("omi-agentd", env!("CARGO_PKG_VERSION")));
        self.link.spawned(out);
        let timeout_ms = self.config.initialize_timeout_ms;
        self.link.call(Call::Initialize, "initialize", request, Some(timeout_ms), out);
    }

    /// It said who it is.
    pub(crate) fn initialized(&mut self, answer: Result<Value, RpcError>, out: &mut Outputs) {
        match answer {
            Ok(result) if result["protocolVersion"] == json!(1) => {
                self.agent.offers = Offers::read(&result);
                self.agent.phase = Phase::Ready;
                out.push(Ready::new(self.agent.offers.runtime.clone()));
            }
            Ok(result) => {
                let version = &result["protocolVersion"];
                let message = format!(
                    "the agent answers with version {version} of the protocol, and this adapter speaks version 1"
                );
                self.fail(Failure::fatal("protocol_version", message), out);
            }
            Err(error) if error.code == AUTH_REQUIRED => {
                self.agent.phase = Phase::LoggedOut;
                self.ask_to_log_in(&error, out);
            }
            Err(error) => {
                let message = format!("the agent refused to initialize: {}", said(&error));
                self.fail(Failure::fatal("initialize_failed", message), out);
            }
        }
    }

    /// It wrote something.
    pub(crate) fn read(&mut self, data: &[u8], end: ChunkEnd, out: &mut Outputs) {
        for line in self.agent.lines.push(data, end) {
            match line {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    for incoming in rpc::read(&line) {
                        self.incoming(incoming, &line, out);
                    }
                }
                Err(too_long) => self.line_too_long(&too_long, out),
            }
        }
        if end == ChunkEnd::Eof {
            self.end_agent(out);
        }
    }

    /// It listens or speaks no more, so it is ending or has to: `exited` then says how, which is the failure.
    fn end_agent(&self, out: &mut Outputs) {
        match self.agent.phase {
            Phase::Starting | Phase::LoggedOut | Phase::Ready => {
                out.push(Kill::new(self.link.process, CLOSED_GRACE_MS));
            }
            // It has the time that it was given when it was told to end.
            Phase::Stopping | Phase::Gone => {}
        }
    }

    fn incoming(&mut self, incoming: Incoming, line: &str, out: &mut Outputs) {
        self.agent.is_acp |= incoming != Incoming::Noise;
        match incoming {
            Incoming::Answer(id, answer) => match self.link.answered(id, out) {
                Some(call) => self.answered(call, answer, out),
                None => log::debug(&format!("an answer to request {id}, which is not open")),
            },
            Incoming::Notification { method, params } => self.notified(&method, &params, out),
            Incoming::Request { id, method, params } => match method.as_str() {
                "initialize" if self.agent.phase == Phase::Starting => self.only_repeats(out),
                "session/request_permission" => self.asked_permission(id, &params, out),
                "elicitation/create" => self.asked_question(id, &params, out),
                // Some agents send the notification as a request.
                "session/update" => {
                    self.notified(&method, &params, out);
                    self.link.answer(&id, Value::Null, out);
                }
                _ => self.asked(&id, &method, params, out),
            },
            Incoming::Stray(words) => {
                log::warn(&format!("the agent says, about no request: {}", quote(&words)));
            }
            Incoming::Noise => {
                self.agent.noise.count = self.agent.noise.count.saturating_add(1);
                if self.agent.noise.count == 1 {
                    self.agent.noise.first = quote(&head(line, NOISE_CHARS_MAX));
                }
                log::debug(&format!("not a message: {}", head(line, NOISE_CHARS_MAX)));
            }
        }
    }

    /// Only a client says `initialize`, and here that is this one.
    fn only_repeats(&mut self, out: &mut Outputs) {
        let message = format!("the program only repeats what it is told\n{COMMAND_HINT}");
        self.fail(Failure::fatal("agent_not_acp", message), out);
    }

    fn notified(&mut self, method: &str, params: &Value, out: &mut Outputs) {
        match method {
            "session/update" => self.updated(params, out),
            "$/cancel_request" => {
                let id = &params["requestId"];
                self.permissions.withdrawn(id, &mut self.link, out);
                self.questions.withdrawn(id, &mut self.link, out);
                self.terminals.withdrawn(id, &mut self.link, out);
            }
            "elicitation/complete" => {
                let name = text(params, "elicitationId").unwrap_or_default();
                self.questions.completed(name, &mut self.link, out);
            }
            _ => {}
        }
    }

    /// What it said is lost; nobody can know whether it was important.
    fn line_too_long(&mut self, error: &LineTooLong, out: &mut Outputs) {
        let message = format!(
            "{error}, beginning with `{}`\nhint: raise `lineBytesMax` in the registration's [config]",
            quote(&head(&error.head, NOISE_CHARS_MAX))
        );
        log::warn(&message);
        if self.agent.phase == Phase::Starting {
            return self.fail(Failure::fatal("line_too_long", message), out);
        }
        self.abandon_turns(&Failure::fatal("line_too_long", message), out);
    }

    /// It takes no more input.
    pub(crate) fn stdin_closed(&self, why: ClosedWhy, out: &mut Outputs) {
        match why {
            ClosedWhy::BrokenPipe => self.end_agent(out),
            ClosedWhy::Requested | ClosedWhy::Exited => {}
        }
    }

    /// It ended.
    pub(crate) fn exited(&mut self, exited: &Exited, out: &mut Outputs) {
        let (phase, stderr) = (self.agent.phase, quote(&exited.stderr_tail));
        self.agent.phase = Phase::Gone;
        if phase == Phase::Stopping {
            return;
        }
        let mut message = format!("the agent ended with {}{}", exited.exit, self.agent.noise_words());
        if !stderr.is_empty() {
            message = format!("{message}; its standard error ends with:\n{stderr}");
        }
        if phase == Phase::Starting && exited.exit == Exit::Code(0) {
            // It found nothing wrong, so it takes its command for something else.
            message = format!("{message}\n{COMMAND_HINT}");
        }
        let did_something =
            self.sessions.values().any(|session| session.turn.as_ref().is_some_and(Turn::did_something));
        let failure = if phase == Phase::Ready && !did_something {
            Failure::retryable("agent_exited", message)
        } else {
            Failure::fatal("agent_exited", message)
        };
        self.fail(failure, out);
    }

    /// A time is over.
    pub(crate) fn timer(&mut self, op: Op, out: &mut Outputs) {
        match self.link.expired(op) {
            Some(Call::Initialize) => self.not_initialized(out),
            Some(call) => self.call_expired(call, out),
            None if self.link.spawn_expired(op) => self.not_initialized(out),
            // The worker sees that the link is broken.
            None if self.link.unread_expired(op) => {}
            None if self.cancel_again(op, out) || self.settle_expired(op, out) => {}
            None => self.beat(op, out),
        }
    }

    fn not_initialized(&mut self, out: &mut Outputs) {
        let after = format!("did not answer `initialize` within {} ms", self.config.initialize_timeout_ms);
        let failure = if self.agent.is_acp || self.agent.noise.count == 0 {
            let hint = "hint: run its command by hand; a first start may install things and take long";
            Failure::fatal(
                "initialize_timeout",
                format!("the agent {after}{}\n{hint}", self.agent.noise_words()),
            )
        } else {
            let hint = "hint: the command may need another argument to speak ACP";
            Failure::fatal("agent_not_acp", format!("the agent {after}{}\n{hint}", self.agent.noise_words()))
        };
        self.fail(failure, out);
    }

    /// The host did not do what was asked.
    pub(crate) fn refused(&mut self, op: Op, why: &Why, out: &mut Outputs) {
        if self.outbox.blob(op, None, out) {
            log::warn(&format!("a large payload was cut: {why}"));
        } else if self.files.refused(op, why, &mut self.link, out)
            || self.terminals.refused(op, why, &mut self.link, out)
        {
            log::debug(&format!("a request of the agent was refused: {why}"));
        } else if op != self.link.process {
            log::warn(&format!("operation {op} was refused: {why}"));
        } else if self.link.is_spawned() {
            self.write_refused(why, out);
        } else {
            self.agent.phase = Phase::Gone;
            self.fail(Failure::fatal("spawn_refused", format!("the agent could not be started: {why}")), out);
        }
    }

    fn write_refused(&mut self, why: &Why, out: &mut Outputs) {
        match (self.agent.phase, why) {
            // Its input was closed with the order to end, and nothing waits for what was not written.
            (Phase::Stopping | Phase::Gone, _) => log::debug(&format!("writing to the agent: {why}")),
            // Its input is closed: most often it exited, and that is not known here yet.
            (Phase::Starting | Phase::LoggedOut | Phase::Ready, Why::Failed(_)) => self.end_agent(out),
            (
                Phase::Starting | Phase::LoggedOut | Phase::Ready,
                Why::Denied(_)
                | Why::Limit(_)
                | Why::WouldBlock
                | Why::Unknown(_)
                | Why::Expired
                | Why::Cancelled
                | Why::Other(_),
            ) => {
                let message = format!("writing to the agent was refused: {why}");
                self.fail(Failure::fatal("write_refused", message), out);
            }
        }
    }
}
