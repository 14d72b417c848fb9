//! The session: one pi, from its start to its end.
//!
//! ```text
//!  spawn --mode rpc -> get_state -> get_commands (is the gate there?) -> binding-opened
//! ```
//!
//! The native id is the one that pi gave the session. A pi that keeps sessions from their first message on is started
//! again with `--session-id` to take one up; what it then says about itself has to fit, because with an id that it does
//! not know it makes a new session without a word.

use omi_adapter_sdk::lines::{LineTooLong, Lines};
use omi_adapter_sdk::{
    Binding, BindingFailed, BindingOpened, BindingSettings, ChunkEnd, Exited, Failure, Fidelity, Kill,
    McpTransport, Op, Output, Outputs, Scope, Spawn, log,
};
use serde_json::Value;

use crate::config::{Gate, SystemPrompt};
use crate::json::{list, text};
use crate::link::{Call, Link};
use crate::turn::Turn;
use crate::worker::{AGENT, Worker};
use omi_adapter_sdk::wording::{head, quote};

/// The MCP server of the host, as it is called.
const HOST_SERVER: &str = "omi";

/// The command that the gate registers, so that it can be seen.
const GATE_COMMAND: &str = "omi-gate";

/// Milliseconds for each step of ending a pi whose session is closed; it takes 50 ms.
const CLOSE_GRACE_MS: u32 = 2_000;

/// Characters of a line that is quoted because it is not a message.
const NOISE_CHARS_MAX: usize = 200;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Until the call is over in which it was asked for: it may be closed in the same one, and then nothing may be
    /// started on its behalf any more. The timer is due at once.
    Asked(Op),
    /// Until the process runs; the timer ends its time.
    Spawning(Op),
    /// Until pi said what it is.
    Starting,
    Open,
}

/// A model of pi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) provider: String,
    pub(crate) id: String,
}

impl Model {
    /// From what pi says about it; none if it has none.
    pub(crate) fn read(model: &Value) -> Option<Self> {
        let (provider, id) = (text(model, "provider")?, text(model, "id")?);
        // That is how pi says that it has none.
        let is_none = provider == "unknown" || provider.is_empty() || id.is_empty();
        (!is_none).then(|| Self { provider: provider.to_owned(), id: id.to_owned() })
    }

    /// `provider/id`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// Whether a name means it: with its provider, or without.
    pub(crate) fn is(&self, name: &str) -> bool {
        name == self.id || name == self.name()
    }
}

/// One pi and its session.
pub(crate) struct Session {
    pub(crate) binding: Binding,
    pub(crate) phase: Phase,
    pub(crate) link: Link,
    lines: Lines,
    /// What pi is started with.
    arguments: Vec<String>,
    /// The native session to take up.
    resume: Option<String>,
    native_id: String,
    /// The model to use where a run asks for none.
    pub(crate) wanted_model: Option<String>,
    pub(crate) model: Option<Model>,
    pub(crate) takes_images: bool,
    /// What our extension is told when it asks how the host's tools are reached; none if there are none.
    pub(crate) tools: Option<String>,
    pub(crate) turn: Option<Turn>,
}

impl Session {
    /// Take what pi says about its model.
    pub(crate) fn model_is(&mut self, model: &Value) {
        self.model = Model::read(model);
        self.takes_images = list(model, "input").iter().any(|input| input == "image");
    }
}

/// How the host's tools are reached: the variables of its MCP server, as JSON. pi starts no such servers itself.
fn host_tools(settings: &BindingSettings) -> Option<String> {
    let server = settings.mcp_servers.iter().find(|server| server.name == HOST_SERVER)?;
    let McpTransport::Stdio(stdio) = &server.transport else { return None };
    let env = stdio.env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    Some(Value::Object(env.collect()).to_string())
}

impl Worker {
    /// Start a pi for a binding.
    pub(crate) fn open(
        &mut self,
        binding: Binding,
        resume: Option<String>,
        settings: BindingSettings,
        out: &mut Outputs,
    ) {
        let refuse = |failure| BindingFailed::new(binding, failure);
        if self.session.is_some() {
            return out.push(refuse(Failure::retryable("busy", "this worker has a session already")));
        }
        if resume.is_some() && !self.features.durable {
            let message = "this version of pi does not keep a session that can be relied on";
            return out.push(refuse(Failure::stale("not_durable", message)));
        }
        let arguments = self.arguments(resume.as_deref(), &settings);
        let tools = host_tools(&settings);
        let process = self.ops.next();
        let timer = self.ops.timer(0, out);
        self.session = Some(Session {
            binding,
            phase: Phase::Asked(timer),
            arguments,
            link: Link::new(process, self.stdin_queue_bytes),
            lines: Lines::new(self.config.line_bytes_max),
            resume,
            native_id: String::new(),
            wanted_model: settings.model,
            model: None,
            takes_images: false,
            tools,
            turn: None,
        });
    }

    fn arguments(&self, resume: Option<&str>, settings: &BindingSettings) -> Vec<String> {
        let mut arguments = vec!["--mode".to_owned(), "rpc".to_owned()];
        if !self.config.project_extensions {
            arguments.extend(self.features.without_project.iter().map(|&argument| argument.to_owned()));
        }
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        if let Some(id) = resume {
            add("--session-id", id.to_owned());
        }
        if let Some(model) = &settings.model {
            add("--model", model.clone());
        }
        if let Some(prompt) = &settings.system_prompt {
            let name = match self.config.system_prompt {
                SystemPrompt::Append => "--append-system-prompt",
                SystemPrompt::Replace => "--system-prompt",
            };
            // pi reads the file where the text is the name of one; no name ends with a line feed.
            add(name, format!("{prompt}\n"));
        }
        arguments
    }

    /// The session is still wanted: start its pi. Says whether the timer was that.
    pub(crate) fn still_wanted(&mut self, timer: Op, out: &mut Outputs) -> bool {
        let session = self.session.as_mut().filter(|session| session.phase == Phase::Asked(timer));
        let Some(session) = session else { return false };
        let mut spawn = Spawn::lines(session.link.process, AGENT);
        spawn.scope = Scope::Binding(session.binding);
        spawn.args = std::mem::take(&mut session.arguments);
        out.push(spawn);
        session.phase = Phase::Spawning(self.ops.timer(self.config.start_timeout_ms, out));
        true
    }

    /// The process runs.
    pub(crate) fn spawned(&mut self, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let Phase::Spawning(timer) = session.phase else { return };
        out.push(Output::ClearTimer(timer));
        session.phase = Phase::Starting;
        session.link.ask(Call::State, "get_state", self.config.start_timeout_ms, &mut self.ops, out);
    }

    /// pi said which session and which model it has.
    pub(crate) fn state_is(&mut self, state: &Value, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let id = text(state, "sessionId").unwrap_or_default();
        session.model_is(&state["model"]);
        id.clone_into(&mut session.native_id);
        let is_empty = state["messageCount"].as_u64().unwrap_or_default() == 0;
        match &session.resume {
            _ if id.is_empty() => {
                self.fail(Failure::fatal("no_session", "pi did not say which session it has"), out);
            }
            Some(wanted) if wanted != id || is_empty => {
                let message = "pi has no session with this id in this folder, or nothing is in it";
                self.not_opened(Failure::stale("session_not_found", message), out);
            }
            Some(_) | None => {
                let timeout_ms = self.config.start_timeout_ms;
                session.link.ask(Call::Commands, "get_commands", timeout_ms, &mut self.ops, out);
            }
        }
    }

    /// pi said which commands it has, and so whether the gate is loaded.
    pub(crate) fn commands_are(&mut self, data: &Value, out: &mut Outputs) {
        // Where another extension has the name too, a number follows.
        let is_gate = |name: &str| name.split(':').next() == Some(GATE_COMMAND);
        let names = list(data, "commands").iter().filter_map(|command| text(command, "name"));
        if self.config.gate == Gate::Required && !names.into_iter().any(is_gate) {
            let message = "pi runs without `omi-gate.js`, so it would run every tool without a question\n\
                           hint: put `-e`, `bundled:omi-gate.js` into the command of the grant `agent`, \
                           or say `gate = \"off\"` in the registration's [config]";
            return self.fail(Failure::fatal("gate_missing", message), out);
        }
        let Some(session) = &mut self.session else { return };
        session.phase = Phase::Open;
        let fidelity = if self.features.durable { Fidelity::Native } else { Fidelity::None };
        let mut opened = BindingOpened::new(session.binding, session.native_id.clone(), fidelity);
        opened.model = session.model.as_ref().map(Model::name);
        if session.wanted_model.is_none() {
            session.wanted_model.clone_from(&opened.model);
        }
        out.push(opened);
    }

    /// The session is not what it should be: this pi is of no use, another one may be.
    fn not_opened(&mut self, failure: Failure, out: &mut Outputs) {
        if let Some(session) = self.session.take() {
            out.push(Kill::new(session.link.process, CLOSE_GRACE_MS));
            out.push(BindingFailed::new(session.binding, failure));
        }
    }

    /// The binding is no longer needed.
    pub(crate) fn close(&mut self, binding: Binding, out: &mut Outputs) {
        if self.session.as_ref().is_some_and(|session| session.binding == binding) {
            self.end_session(&Failure::stale("closed", "the binding was closed"), CLOSE_GRACE_MS, out);
        }
    }

    /// It wrote something.
    pub(crate) fn read(&mut self, data: &[u8], end: ChunkEnd, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let process = session.link.process;
        for line in session.lines.push(data, end) {
            if self.session.is_none() {
                return;
            }
            match line {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => match serde_json::from_str::<Value>(&line) {
                    Ok(message) if message.is_object() => self.message(&message, out),
                    Ok(_) | Err(_) => log::debug(&format!("not a message: {}", head(&line, NOISE_CHARS_MAX))),
                },
                Err(too_long) => self.line_too_long(&too_long, out),
            }
        }
        if end == ChunkEnd::Eof && self.session.is_some() {
            // It speaks no more, so it is ending or has to: `exited` then says how.
            out.push(Kill::new(process, CLOSE_GRACE_MS));
        }
    }

    /// What it said is lost; nobody can know whether it was important.
    fn line_too_long(&mut self, error: &LineTooLong, out: &mut Outputs) {
        let message = format!(
            "{error}, beginning with `{}`\nhint: raise `lineBytesMax` in the registration's [config]",
            quote(&head(&error.head, NOISE_CHARS_MAX))
        );
        self.fail(Failure::fatal("line_too_long", message), out);
    }

    /// pi ended.
    pub(crate) fn exited(&mut self, exited: &Exited, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let stderr = quote(&exited.stderr_tail);
        let mut message = format!("pi ended with {}", exited.exit);
        if !stderr.is_empty() {
            message = format!("{message}; its standard error ends with:\n{stderr}");
        }
        let did_something = session.turn.as_ref().is_some_and(Turn::did_something);
        let failure = if session.phase == Phase::Open && !did_something {
            Failure::retryable("pi_exited", message)
        } else {
            Failure::fatal("pi_exited", message)
        };
        self.gone = true;
        self.fail(failure, out);
    }
}
