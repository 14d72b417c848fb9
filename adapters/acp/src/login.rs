//! Logging in: by the configured way, by one that a person chose, and by one that only the next process knows of.

use agent_client_protocol_schema::v1::AuthenticateRequest;
use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{Attempt, AuthMethod, AuthRequired, Binding, Failure, Outcome, Outputs, Ready};
use serde_json::Value;

use crate::agent::Phase;
use crate::link::Call;
use crate::wording::said;
use crate::worker::Worker;

/// What a log-in is for: what goes on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginFor {
    /// A person chose it.
    Person,
    /// A session cannot be opened without it.
    Opening(Binding),
    /// The prompt of this attempt was refused without it.
    Attempt(Binding, Attempt),
}

impl Worker {
    /// The configured way to log in, if it was not tried yet: once is enough.
    pub(crate) fn login_to_try(&mut self) -> Option<String> {
        let method = self.config.auth_method.clone().filter(|_| !self.agent.login_tried)?;
        self.agent.login_tried = true;
        Some(method)
    }

    /// A person chose a way to log in.
    pub(crate) fn authenticate(&mut self, method: &str, out: &mut Outputs) {
        if self.agent.offers.is_terminal_login(method) {
            // The person did it beside this process, which may have read the old state already.
            let message = "the log-in was done in a terminal, and the agent starts again to see it";
            return self.fail(Failure::retryable("login_in_terminal", message), out);
        }
        self.log_in(method, LoginFor::Person, out);
    }

    /// Log in.
    pub(crate) fn log_in(&mut self, method: &str, login: LoginFor, out: &mut Outputs) {
        let request = AuthenticateRequest::new(method.to_owned());
        let timeout_ms = self.config.session_timeout_ms;
        self.link.call(Call::Authenticate(login), "authenticate", request, Some(timeout_ms), out);
    }

    /// Logging in worked, or did not.
    pub(crate) fn logged_in(&mut self, login: LoginFor, answer: Result<Value, RpcError>, out: &mut Outputs) {
        if let Err(error) = answer {
            return self.not_logged_in(login, &error, out);
        }
        self.agent.login_unproven = true;
        if self.config.login_needs_restart {
            return self.restart_for_login(out);
        }
        match login {
            LoginFor::Opening(binding) => self.open_native(binding, out),
            LoginFor::Attempt(binding, attempt) if self.runs(binding, attempt) => {
                self.send_prompt(binding, out);
            }
            LoginFor::Attempt(..) => {}
            LoginFor::Person if self.agent.phase == Phase::LoggedOut => self.initialize(out),
            // The host gives it nothing to do before it says so again.
            LoginFor::Person => out.push(Ready::new(self.agent.offers.runtime.clone())),
        }
    }

    fn not_logged_in(&mut self, login: LoginFor, error: &RpcError, out: &mut Outputs) {
        let failure = self.auth_failure(error);
        match login {
            LoginFor::Opening(binding) => self.open_failed(binding, failure, out),
            LoginFor::Attempt(binding, attempt) if self.runs(binding, attempt) => {
                self.finish(binding, Outcome::Failed(failure), None, out);
            }
            LoginFor::Attempt(..) => {}
            LoginFor::Person => self.ask_to_log_in(error, out),
        }
    }

    /// The agent took a log-in and does not use it: only its next process will. The host begins again with that.
    pub(crate) fn restart_for_login(&mut self, out: &mut Outputs) {
        let message = "the agent took the log-in and uses it only after a restart\n\
                       hint: if this comes again, log in with the agent's own program";
        self.fail(Failure::retryable("login_needs_restart", message), out);
    }

    /// A failure that lists the ways to log in.
    pub(crate) fn auth_failure(&mut self, error: &RpcError) -> Failure {
        Failure::AuthRequired(AuthRequired::new(self.ways(error), said(error)))
    }

    /// Ask a person to log in.
    pub(crate) fn ask_to_log_in(&mut self, error: &RpcError, out: &mut Outputs) {
        let methods = self.ways(error);
        out.push(AuthRequired::new(methods, said(error)));
    }

    /// The ways to log in; those that come with an error are the ones from which a person chooses.
    fn ways(&mut self, error: &RpcError) -> Vec<AuthMethod> {
        let methods = self.agent.offers.auth_methods_for(&error.data);
        self.agent.offers.auth_methods.clone_from(&methods);
        methods
    }

    fn runs(&self, binding: Binding, attempt: Attempt) -> bool {
        let turn = self.sessions.get(&binding).and_then(|session| session.turn.as_ref());
        turn.is_some_and(|turn| turn.attempt == attempt)
    }
}
