//! Opening a session: new, resumed or loaded; then its mode, then its model, then `binding-opened`.

use std::path::PathBuf;

use agent_client_protocol_schema::v1::{
    EnvVariable, HttpHeader, LoadSessionRequest, McpServer, McpServerHttp, McpServerSse, McpServerStdio,
    NewSessionRequest, ResumeSessionRequest,
};
use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use omi_adapter_sdk::{
    Binding, BindingFailed, BindingOpened, BindingSettings, Failure, Fidelity, McpTransport, Outputs, Pair,
    log,
};
use serde_json::{Value, json};

use crate::agent::Phase;
use crate::choices::Choice;
use crate::codes::{AUTH_REQUIRED, NOT_FOUND};
use crate::config::SystemPrompt;
use crate::json::{text, value};
use crate::link::Call;
use crate::offers::Offers;
use crate::sessions::{Session, Stage};
use crate::wording::said;
use crate::worker::Worker;

/// Another code for a session that does not exist, seen beside -32002.
const NOT_FOUND_TOO: i64 = -32001;

impl Worker {
    /// Open a session, or take one up.
    pub(crate) fn open(
        &mut self,
        binding: Binding,
        resumes: Option<String>,
        settings: BindingSettings,
        out: &mut Outputs,
    ) {
        if self.agent.phase != Phase::Ready {
            let failure = Failure::retryable("not_ready", "the agent is not ready for sessions");
            return out.push(BindingFailed::new(binding, failure));
        }
        self.sessions.insert(binding, Session::new(settings, resumes));
        self.open_native(binding, out);
    }

    /// Ask the agent for the session, by the best way that it offers.
    pub(crate) fn open_native(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let offers = &self.agent.offers;
        let (servers, names) = mcp_servers(&session.settings, offers);
        session.effective_mcp = names;
        let cwd = PathBuf::from(&session.settings.cwd);
        let (call, method, mut params) = match session.resumes.clone() {
            None => {
                let request = NewSessionRequest::new(cwd).mcp_servers(servers);
                (Call::NewSession(binding), "session/new", value(&request))
            }
            Some(id) if offers.resume => {
                let request = ResumeSessionRequest::new(id, cwd).mcp_servers(servers);
                (Call::ResumeSession(binding), "session/resume", value(&request))
            }
            Some(id) if offers.load => {
                let request = LoadSessionRequest::new(id, cwd).mcp_servers(servers);
                (Call::LoadSession(binding), "session/load", value(&request))
            }
            Some(_) => {
                let message = "the agent offers neither `session/resume` nor `session/load`";
                return self.open_failed(binding, Failure::stale("resume_unsupported", message), out);
            }
        };
        session.stage = Stage::Opening;
        session.give_system_prompt(self.config.system_prompt, offers, &mut params);
        self.link.call(call, method, params, Some(self.config.session_timeout_ms), out);
    }

    /// The session is there, or not.
    pub(crate) fn session_answered(
        &mut self,
        binding: Binding,
        call: Call,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let opened = match answer {
            Ok(opened) => opened,
            Err(error) => return self.session_refused(binding, call, &error, out),
        };
        // Only `session/new` names the session; the others were asked for by name.
        if let Some(id) = text(&opened, "sessionId").filter(|_| session.resumes.is_none()) {
            session.named(id);
        }
        if session.native_id.is_none() {
            let failure = Failure::fatal("bad_answer", "the agent opened a session and did not name it");
            return self.open_failed(binding, failure, out);
        }
        session.mode = Choice::mode(&opened);
        session.model = Choice::model(&opened);
        session.stage = Stage::Configuring { mode_done: false };
        self.configure(binding, out);
    }

    fn session_refused(&mut self, binding: Binding, call: Call, error: &RpcError, out: &mut Outputs) {
        if error.code == AUTH_REQUIRED {
            return match self.config.auth_method.clone() {
                Some(method) if !self.agent.login_tried => {
                    self.agent.login_tried = true;
                    self.log_in(&method, Some(binding), out);
                }
                _ => self.open_failed(binding, self.auth_failure(error), out),
            };
        }
        if matches!(call, Call::ResumeSession(_)) && error.code == METHOD_NOT_FOUND && self.agent.offers.load
        {
            self.agent.offers.resume = false;
            return self.open_native(binding, out);
        }
        let message = format!("the agent answered with error {}: {}", error.code, said(error));
        let is_new = matches!(call, Call::NewSession(_));
        let failure = match error.code {
            _ if is_new => Failure::fatal("session_refused", message),
            // All of these were seen for a session that is gone; none of them gets better by asking again.
            NOT_FOUND | NOT_FOUND_TOO | INVALID_PARAMS | INTERNAL_ERROR | METHOD_NOT_FOUND => {
                Failure::stale("session_not_restored", message)
            }
            _ => Failure::retryable("session_not_restored", message),
        };
        self.open_failed(binding, failure, out);
    }

    /// Set what is still to be set, one thing at a time.
    fn configure(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(id) = session.native_id.clone() else { return };
        if session.stage == (Stage::Configuring { mode_done: false }) {
            session.stage = Stage::Configuring { mode_done: true };
            if let Some(mode) = self.config.mode.clone() {
                match wanted(session.mode.as_ref(), &mode, "mode") {
                    Ok(Some(choice)) => return self.choose(Call::SetMode(binding), &choice, &id, &mode, out),
                    Ok(None) => {}
                    Err(failure) => return self.open_failed(binding, failure, out),
                }
            }
        }
        if let Some(model) = session.settings.model.clone() {
            match wanted(session.model.as_ref(), &model, "model") {
                Ok(Some(choice)) => return self.choose(Call::SetModel(binding), &choice, &id, &model, out),
                Ok(None) => {}
                Err(failure) => return self.open_failed(binding, failure, out),
            }
        }
        session.stage = Stage::Open;
        let fidelity = if self.agent.offers.resume || self.agent.offers.load {
            Fidelity::Native
        } else {
            Fidelity::None
        };
        let mut opened = BindingOpened::new(binding, id, fidelity);
        opened.effective_mcp.clone_from(&session.effective_mcp);
        session.model_at_open = session.model.as_ref().and_then(|model| model.current.clone());
        opened.model.clone_from(&session.model_at_open);
        out.push(opened);
    }

    /// Ask the agent to change its mode or its model.
    pub(crate) fn choose(&mut self, call: Call, choice: &Choice, id: &str, value: &str, out: &mut Outputs) {
        let (method, params) = choice.request(id, value);
        self.link.call(call, method, params, Some(self.config.session_timeout_ms), out);
    }

    /// The mode or the model is set, or not.
    pub(crate) fn chosen(
        &mut self,
        binding: Binding,
        call: Call,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let is_model = matches!(call, Call::SetModel(_));
        match answer {
            Ok(_) if is_model => session.model_is(session.settings.model.clone()),
            Ok(_) => {}
            Err(error) => {
                let what = if is_model { "model" } else { "mode" };
                let message = format!("the agent refused the {what}: {}", said(&error));
                return self.open_failed(binding, Failure::fatal(format!("{what}_refused"), message), out);
            }
        }
        self.configure(binding, out);
    }

    /// There will be no session.
    pub(crate) fn open_failed(&mut self, binding: Binding, failure: Failure, out: &mut Outputs) {
        if self.sessions.remove(&binding).is_some() {
            self.terminals.close(binding, out);
            out.push(BindingFailed::new(binding, failure));
        }
    }

    /// The agent did not answer in time.
    pub(crate) fn call_expired(&mut self, call: Call, out: &mut Outputs) {
        let message = format!("the agent did not answer within {} ms", self.config.session_timeout_ms);
        match call {
            Call::NewSession(binding)
            | Call::LoadSession(binding)
            | Call::ResumeSession(binding)
            | Call::SetMode(binding)
            | Call::SetModel(binding)
            | Call::Authenticate(Some(binding)) => {
                self.open_failed(binding, Failure::retryable("session_timeout", message), out);
            }
            Call::SwitchModel(binding, attempt) => {
                let error = RpcError { code: INTERNAL_ERROR, message, data: Value::Null };
                self.model_switched(binding, attempt, Err(error), out);
            }
            Call::Authenticate(None) => {
                let error = RpcError { code: INTERNAL_ERROR, message, data: Value::Null };
                self.ask_to_log_in(&error, out);
            }
            Call::Initialize | Call::Prompt(..) | Call::CloseSession => {}
        }
    }
}

impl Session {
    /// The agent uses this model from here on; nothing means that nobody knows.
    pub(crate) fn model_is(&mut self, value: Option<String>) {
        if let Some(model) = &mut self.model {
            model.current = value;
        }
    }

    fn give_system_prompt(&mut self, how: SystemPrompt, offers: &Offers, params: &mut Value) {
        let Some(prompt) = self.settings.system_prompt.clone() else { return };
        match how {
            SystemPrompt::Auto if offers.system_prompt => {
                params["systemPrompt"] = json!({"mode": "append", "content": prompt});
            }
            SystemPrompt::Meta => params["_meta"] = json!({"systemPrompt": prompt}),
            // A session that is taken up has it in its history.
            SystemPrompt::Auto | SystemPrompt::Prepend => {
                self.prepend = Some(prompt).filter(|_| self.resumes.is_none());
            }
        }
    }
}

/// What to choose so that the value is in use: nothing if it is, or if the agent leaves no choice.
pub(crate) fn wanted(choice: Option<&Choice>, value: &str, what: &str) -> Result<Option<Choice>, Failure> {
    match choice {
        None => {
            log::warn(&format!("the agent lets nobody choose a {what}; `{value}` was asked for"));
            Ok(None)
        }
        Some(choice) if choice.current.as_deref() == Some(value) => Ok(None),
        Some(choice) if choice.allows(value) => Ok(Some(choice.clone())),
        Some(choice) => {
            let message =
                format!("the agent has no {what} `{value}`\nhint: it has {}", choice.values.join(", "));
            Err(Failure::fatal(format!("unknown_{what}"), message))
        }
    }
}

/// The servers that this agent can reach, and their names.
fn mcp_servers(settings: &BindingSettings, offers: &Offers) -> (Vec<McpServer>, Vec<String>) {
    let mut servers = Vec::new();
    let mut names = Vec::new();
    for server in &settings.mcp_servers {
        let name = server.name.clone();
        let reachable = match &server.transport {
            McpTransport::Stdio(stdio) => {
                let env = stdio.env.iter().map(|(name, value)| EnvVariable::new(name.clone(), value.clone()));
                let command = McpServerStdio::new(name.clone(), stdio.command.clone());
                McpServer::Stdio(command.args(stdio.args.clone()).env(env.collect::<Vec<_>>()))
            }
            McpTransport::Http(remote) if offers.mcp_http => {
                let http = McpServerHttp::new(name.clone(), remote.url.clone());
                McpServer::Http(http.headers(headers(&remote.headers)))
            }
            McpTransport::Sse(remote) if offers.mcp_sse => {
                let sse = McpServerSse::new(name.clone(), remote.url.clone());
                McpServer::Sse(sse.headers(headers(&remote.headers)))
            }
            McpTransport::Http(_) | McpTransport::Sse(_) | McpTransport::Other(_) => {
                log::warn(&format!("the agent cannot reach the MCP server `{name}`"));
                continue;
            }
        };
        servers.push(reachable);
        names.push(name);
    }
    (servers, names)
}

fn headers(pairs: &[Pair]) -> Vec<HttpHeader> {
    pairs.iter().map(|(name, value)| HttpHeader::new(name.clone(), value.clone())).collect()
}
