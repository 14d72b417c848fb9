//! Opening a session: new, resumed or loaded; then what is chosen in it, then `binding-opened`.
//!
//! A session that cannot be taken up is stale and nothing else: only the host decides whether a new one begins.

use std::path::PathBuf;

use agent_client_protocol_schema::v1::{
    ListSessionsRequest, LoadSessionRequest, NewSessionRequest, ResumeSessionRequest,
};
use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use omi_adapter_sdk::{
    Binding, BindingFailed, BindingOpened, BindingSettings, Failure, Fidelity, Outputs, log,
};
use serde_json::{Value, json};

use crate::agent::Phase;
use crate::choices::{Choices, What};
use crate::codes::{AUTH_REQUIRED, NOT_FOUND, NOT_FOUND_TOO};
use crate::config::{Restore, SystemPrompt};
use crate::json::{list, text, value};
use crate::link::Call;
use crate::login::LoginFor;
use crate::offers::Offers;
use crate::servers::mcp_servers;
use crate::sessions::{Session, Stage};
use crate::wording::said;
use crate::worker::Worker;

/// Pages of `session/list` that are read to find one session: far more than a person has sessions.
const LIST_PAGES_MAX: u32 = 100;

/// How a session of an earlier process is taken up.
#[derive(Clone, Copy)]
enum Way {
    Resume,
    Load,
}

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

    /// The way that the registration and the agent allow.
    fn way(&self) -> Option<Way> {
        let Offers { resume, load, .. } = self.agent.offers;
        match self.config.restore {
            // Only a load can show that the session is there: by what it replays.
            Restore::Auto if load && self.config.load_proves_nothing => Some(Way::Load),
            Restore::Auto | Restore::Resume if resume => Some(Way::Resume),
            Restore::Auto | Restore::Load if load => Some(Way::Load),
            Restore::Auto | Restore::Resume | Restore::Load | Restore::Never => None,
        }
    }

    /// Ask the agent for the session, by the best way that it offers.
    pub(crate) fn open_native(&mut self, binding: Binding, out: &mut Outputs) {
        let way = self.way();
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let offers = &self.agent.offers;
        let (servers, names) = if self.config.mcp_servers && !session.without_servers {
            mcp_servers(&session.settings, offers)
        } else {
            (Vec::new(), Vec::new())
        };
        if names.len() < session.settings.mcp_servers.len() {
            log::warn(&format!("the session has only these MCP servers: [{}]", names.join(", ")));
        }
        session.effective_mcp = names;
        let cwd = PathBuf::from(&session.settings.cwd);
        let (call, method, mut params) = match (session.resumes.clone(), way) {
            (None, _) => {
                let request = NewSessionRequest::new(cwd).mcp_servers(servers);
                (Call::NewSession(binding), "session/new", value(&request))
            }
            (Some(id), Some(Way::Resume)) => {
                let request = ResumeSessionRequest::new(id, cwd).mcp_servers(servers);
                (Call::ResumeSession(binding), "session/resume", value(&request))
            }
            (Some(id), Some(Way::Load)) => {
                let request = LoadSessionRequest::new(id, cwd).mcp_servers(servers);
                (Call::LoadSession(binding), "session/load", value(&request))
            }
            (Some(_), None) => {
                let message = "neither the agent's offers nor `restore` leave a way to take the session up";
                return self.open_failed(binding, Failure::stale("resume_unsupported", message), out);
            }
        };
        session.stage = Stage::Opening { replayed: false };
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
        self.agent.login_unproven = false;
        session.choices = Choices::read(&opened);
        let options_known = session.resumes.is_none() || opened.get("configOptions").is_some();
        let model = session.settings.model.clone().filter(|_| self.config.models);
        session.wishes.for_session(&self.config, model.as_deref(), options_known);
        let proven = session.resumes.is_none()
            || session.stage == (Stage::Opening { replayed: true })
            || !self.config.load_proves_nothing;
        if proven {
            session.stage = Stage::Configuring;
            self.fulfil(binding, out);
        } else if self.agent.offers.list {
            self.look_for_session(binding, None, 1, out);
        } else {
            self.unproven(binding, out);
        }
    }

    fn look_for_session(&mut self, binding: Binding, cursor: Option<&str>, page: u32, out: &mut Outputs) {
        let request = ListSessionsRequest::new().cursor(cursor.map(str::to_owned));
        let timeout_ms = Some(self.config.session_timeout_ms);
        self.link.call(Call::ListSessions(binding, page), "session/list", request, timeout_ms, out);
    }

    /// One page of the sessions that the agent knows.
    pub(crate) fn sessions_listed(
        &mut self,
        binding: Binding,
        page: u32,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let listed = answer.unwrap_or_else(|error| {
            log::warn(&format!("session/list: {}", said(&error)));
            Value::Null
        });
        let id = session.native_id.as_deref();
        if list(&listed, "sessions").iter().any(|one| text(one, "sessionId") == id) {
            session.stage = Stage::Configuring;
            return self.fulfil(binding, out);
        }
        match text(&listed, "nextCursor") {
            Some(cursor) if page < LIST_PAGES_MAX => {
                self.look_for_session(binding, Some(cursor), page + 1, out);
            }
            _ => self.unproven(binding, out),
        }
    }

    fn unproven(&mut self, binding: Binding, out: &mut Outputs) {
        let message = "the agent says that it loaded the session, and shows no sign of it";
        self.open_failed(binding, Failure::stale("session_not_restored", message), out);
    }

    fn session_refused(&mut self, binding: Binding, call: Call, error: &RpcError, out: &mut Outputs) {
        if error.code == AUTH_REQUIRED {
            if self.agent.login_unproven {
                return self.restart_for_login(out);
            }
            return match self.login_to_try() {
                Some(method) => self.log_in(&method, LoginFor::Opening(binding), out),
                None => {
                    let failure = self.auth_failure(error);
                    self.open_failed(binding, failure, out);
                }
            };
        }
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let is_auto = self.config.restore == Restore::Auto;
        if matches!(call, Call::ResumeSession(_))
            && error.code == METHOD_NOT_FOUND
            && is_auto
            && self.agent.offers.load
        {
            self.agent.offers.resume = false;
            return self.open_native(binding, out);
        }
        let is_new = matches!(call, Call::NewSession(_));
        // Agents were seen that cannot take up a session with servers.
        if !is_new && error.code == INVALID_PARAMS && !session.effective_mcp.is_empty() {
            session.without_servers = true;
            return self.open_native(binding, out);
        }
        let message = format!("the agent answered with error {}: {}", error.code, said(error));
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

    /// Nothing is left to choose: the session is open.
    pub(crate) fn opened(&mut self, binding: Binding, out: &mut Outputs) {
        let fidelity = if self.way().is_some() { Fidelity::Native } else { Fidelity::None };
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(id) = session.native_id.clone() else { return };
        session.stage = Stage::Open;
        session.mode_at_open = session.choices.current(&What::Mode);
        session.model_at_open = session.choices.current(&What::Model);
        let mut opened = BindingOpened::new(binding, id, fidelity);
        opened.effective_mcp.clone_from(&session.effective_mcp);
        opened.model.clone_from(&session.model_at_open);
        out.push(opened);
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
        let error = RpcError { code: INTERNAL_ERROR, message: message.clone(), data: Value::Null };
        match call {
            Call::NewSession(binding) | Call::LoadSession(binding) | Call::ResumeSession(binding) => {
                self.open_failed(binding, Failure::retryable("session_timeout", message), out);
            }
            Call::ListSessions(binding, page) => self.sessions_listed(binding, page, Err(error), out),
            Call::Choose(binding, _) if self.sessions.get(&binding).is_some_and(Session::is_opening) => {
                self.open_failed(binding, Failure::retryable("session_timeout", message), out);
            }
            Call::Choose(binding, number) => self.chosen(binding, number, Err(error), out),
            Call::Authenticate(login) => self.logged_in(login, Err(error), out),
            Call::Initialize | Call::Prompt(..) | Call::CloseSession => {}
        }
    }
}

impl Session {
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
