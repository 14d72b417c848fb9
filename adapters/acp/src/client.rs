//! What the agent may ask of this client: files and terminals, as far as the registration grants them.
//!
//! Without the grants the methods are not offered, and an agent works on files and starts programs by itself. With
//! them each request passes the gate, on behalf of the running attempt of the session that it names, or of the
//! session itself between two attempts. While a turn is being cancelled nothing new is begun.
//!
//! Some agents do worse with them: one was seen that makes no new file once reading is offered, because it takes the
//! error for a missing file for a failure. A registration of such an agent leaves `workspace` out.

use agent_client_protocol_schema::v1::{
    BooleanConfigOptionCapabilities, ClientCapabilities, ClientSessionCapabilities, CompactionCapabilities,
    CreateTerminalRequest, ElicitationCapabilities, ElicitationFormCapabilities, ElicitationUrlCapabilities,
    FileSystemCapabilities, KillTerminalRequest, KillTerminalResponse, NoticeCapabilities,
    ReadTextFileRequest, ReleaseTerminalRequest, ReleaseTerminalResponse, SessionConfigOptionsCapabilities,
    TerminalOutputRequest, WaitForTerminalExitRequest, WriteTextFileRequest,
};
use omi_adapter_sdk::rpc::{INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use omi_adapter_sdk::{Binding, GrantRequest, Outputs, Scope};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codes::REQUEST_CANCELLED;
use crate::json::value;
use crate::turn::{Cancel, Prompt};
use crate::window::Window;
use crate::wording::head;
use crate::worker::Worker;

/// The grant of the agent's own process.
pub(crate) const AGENT: &str = "agent";
/// The grant of the files that the agent reads and writes through this client.
pub(crate) const WORKSPACE: &str = "workspace";
/// The grant of the programs that the agent starts through this client.
pub(crate) const TERMINAL: &str = "terminal";

/// Characters of a method or a session's name that is quoted in an answer.
const NAME_CHARS_MAX: usize = 200;

/// What the adapter asks to be allowed.
pub(crate) fn grants() -> Vec<GrantRequest> {
    vec![
        GrantRequest::process(AGENT, "Runs the agent that this adapter talks to."),
        GrantRequest::files(WORKSPACE, "*", "Reads and writes the files that the agent asks for.").optional(),
        GrantRequest::terminal(TERMINAL, "Runs the commands that the agent asks for.").optional(),
    ]
}

/// Which of the optional grants are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    files: bool,
    terminal: bool,
}

impl Granted {
    /// From `start.grants`.
    pub(crate) fn new(names: &[String]) -> Self {
        let has = |name: &str| names.iter().any(|one| one == name);
        Self { files: has(WORKSPACE), terminal: has(TERMINAL) }
    }

    /// What `initialize` offers.
    pub(crate) fn capabilities(self) -> ClientCapabilities {
        let fs = FileSystemCapabilities::new().read_text_file(self.files).write_text_file(self.files);
        let options = SessionConfigOptionsCapabilities::new().boolean(BooleanConfigOptionCapabilities::new());
        let session = ClientSessionCapabilities::new()
            .config_options(options)
            .notices(NoticeCapabilities::new())
            .compaction(CompactionCapabilities::new());
        let elicitation = ElicitationCapabilities::new()
            .form(ElicitationFormCapabilities::new())
            .url(ElicitationUrlCapabilities::new());
        ClientCapabilities::new().fs(fs).terminal(self.terminal).session(session).elicitation(elicitation)
    }
}

/// What a request has come to: its result, or nothing yet.
pub(crate) type Answer = Result<Option<Value>, RpcError>;

/// On whose behalf the agent asks.
pub(crate) struct Asker {
    pub(crate) binding: Binding,
    pub(crate) scope: Scope,
    cwd: String,
}

impl Asker {
    /// The protocol wants absolute paths; others were meant from the session's folder.
    fn absolute(&self, path: &std::path::Path) -> String {
        std::path::Path::new(&self.cwd).join(path).to_string_lossy().into_owned()
    }
}

impl Worker {
    /// The agent asks something of this client.
    pub(crate) fn asked(&mut self, id: &Value, method: &str, params: Value, out: &mut Outputs) {
        let (files, terminal) = (self.granted.files, self.granted.terminal);
        let answer = match method {
            "fs/read_text_file" if files => self.read_text_file(id, params, out),
            "fs/write_text_file" if files => self.write_text_file(id, params, out),
            "terminal/create" if terminal => self.create_terminal(id, params, out),
            "terminal/output" if terminal => self.terminal_output(params),
            "terminal/wait_for_exit" if terminal => self.wait_for_exit(id, params, out),
            "terminal/kill" if terminal => self.kill_terminal(params, out),
            "terminal/release" if terminal => self.release_terminal(params, out),
            _ => {
                let message = format!("this client has no method `{}`", head(method, NAME_CHARS_MAX));
                Err(RpcError::new(METHOD_NOT_FOUND, message))
            }
        };
        match answer {
            Ok(Some(result)) => self.link.answer(id, result, out),
            Ok(None) => {}
            Err(error) => self.link.answer_error(id, &error, out),
        }
    }

    fn read_text_file(&mut self, id: &Value, params: Value, out: &mut Outputs) -> Answer {
        let request: ReadTextFileRequest = parse(params)?;
        let asker = self.asker(&request.session_id.0)?;
        let path = asker.absolute(&request.path);
        let window = Window::new(request.line, request.limit);
        self.files.read(id, asker.scope, path, window, &mut self.link, out)?;
        Ok(None)
    }

    fn write_text_file(&mut self, id: &Value, params: Value, out: &mut Outputs) -> Answer {
        let request: WriteTextFileRequest = parse(params)?;
        let asker = self.asker(&request.session_id.0)?;
        let path = asker.absolute(&request.path);
        self.files.write(id, asker.scope, path, request.content, &mut self.link, out)?;
        Ok(None)
    }

    fn create_terminal(&mut self, id: &Value, params: Value, out: &mut Outputs) -> Answer {
        let request: CreateTerminalRequest = parse(params)?;
        let asker = self.asker(&request.session_id.0)?;
        self.terminals.create(id, &asker, request, &mut self.link, out)?;
        Ok(None)
    }

    fn terminal_output(&self, params: Value) -> Answer {
        let request: TerminalOutputRequest = parse(params)?;
        let binding = self.binding_of(&request.session_id.0)?;
        let output = self.terminals.output(binding, &request.terminal_id)?;
        Ok(Some(value(&output)))
    }

    fn wait_for_exit(&mut self, id: &Value, params: Value, out: &mut Outputs) -> Answer {
        let request: WaitForTerminalExitRequest = parse(params)?;
        let binding = self.binding_of(&request.session_id.0)?;
        let ended = self.terminals.wait(binding, &request.terminal_id, id)?;
        if ended.is_none() {
            self.waits_for_program(out);
        }
        Ok(ended.map(|ended| value(&ended)))
    }

    fn kill_terminal(&mut self, params: Value, out: &mut Outputs) -> Answer {
        let request: KillTerminalRequest = parse(params)?;
        let binding = self.binding_of(&request.session_id.0)?;
        self.terminals.kill(binding, &request.terminal_id, out)?;
        Ok(Some(value(&KillTerminalResponse::new())))
    }

    fn release_terminal(&mut self, params: Value, out: &mut Outputs) -> Answer {
        let request: ReleaseTerminalRequest = parse(params)?;
        let binding = self.binding_of(&request.session_id.0)?;
        self.terminals.release(binding, &request.terminal_id, out)?;
        Ok(Some(value(&ReleaseTerminalResponse::new())))
    }

    /// The session that something new is to be begun for.
    fn asker(&self, session_id: &str) -> Result<Asker, RpcError> {
        let binding = self.binding_of(session_id)?;
        let session = &self.sessions[&binding];
        let cancelled = || RpcError::new(REQUEST_CANCELLED, "the turn was cancelled");
        let scope = match &session.turn {
            Some(turn) if turn.cancel == Cancel::No && turn.prompt == Prompt::Sent => {
                Scope::Attempt(turn.attempt)
            }
            Some(turn) if turn.cancel != Cancel::No => return Err(cancelled()),
            None if session.settling.is_some() => return Err(cancelled()),
            // What it does before it got the prompt, and between two, is nobody's attempt.
            Some(_) | None => Scope::Binding(binding),
        };
        Ok(Asker { binding, scope, cwd: session.settings.cwd.clone() })
    }

    fn binding_of(&self, session_id: &str) -> Result<Binding, RpcError> {
        let named = |session: &crate::sessions::Session| session.native_id.as_deref() == Some(session_id);
        let found = self.sessions.iter().find(|(_, session)| named(session));
        found.map(|(binding, _)| *binding).ok_or_else(|| {
            let message = format!("there is no session `{}`", head(session_id, NAME_CHARS_MAX));
            RpcError::new(INVALID_PARAMS, message)
        })
    }
}

fn parse<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(|error| {
        let message =
            format!("the parameters are not understood: {}", head(&error.to_string(), NAME_CHARS_MAX));
        RpcError::new(INVALID_PARAMS, message)
    })
}
