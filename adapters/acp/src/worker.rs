//! One agent process and its sessions: where every input goes, and how everything ends together.

use std::collections::BTreeMap;

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{
    AttemptFinished, Binding, BindingFailed, CloseStdin, Failure, Fault, Input, Kill, Op, Outcome, Outputs,
    Spawn, Start, Stop, log,
};

use crate::agent::{Agent, Phase};
use crate::client::{AGENT, Granted};
use crate::config::Config;
use crate::files::Files;
use crate::link::{Call, Link};
use crate::outbox::Outbox;
use crate::permission::Permissions;
use crate::questions::Questions;
use crate::sessions::Session;
use crate::terminals::{Stream, Terminals};
use crate::wording::said;

/// The op of the agent's process: the first of the worker.
const PROCESS: Op = 1;

/// Steps of ending a process, of which each may take a third of the time given for all.
const KILL_STEPS: u32 = 3;

/// Everything that lives as long as the worker.
pub(crate) struct Worker {
    pub(crate) config: Config,
    pub(crate) agent: Agent,
    pub(crate) link: Link,
    pub(crate) sessions: BTreeMap<Binding, Session>,
    /// What the agent may ask of this client.
    pub(crate) granted: Granted,
    pub(crate) permissions: Permissions,
    pub(crate) questions: Questions,
    pub(crate) files: Files,
    pub(crate) terminals: Terminals,
    pub(crate) outbox: Outbox,
    /// The timer of the next sign of life, while the agent waits for a program.
    pub(crate) heartbeat: Option<Op>,
    /// Set by `fail`: the worker is over.
    failed: Option<Failure>,
}

impl Worker {
    /// Start the agent.
    pub(crate) fn start(config: Config, start: &Start, out: &mut Outputs) -> Self {
        let limits = &start.limits;
        out.push(Spawn::lines(PROCESS, AGENT));
        let agent = Agent::new(config.line_bytes_max);
        let mut link = Link::new(PROCESS, limits.stdin_queue_bytes, config.stdin_timeout_ms);
        link.expect_spawn(config.initialize_timeout_ms, out);
        Self {
            config,
            agent,
            link,
            sessions: BTreeMap::new(),
            granted: Granted::new(&start.grants),
            permissions: Permissions::default(),
            questions: Questions::default(),
            files: Files::new(),
            terminals: Terminals::default(),
            outbox: Outbox::new(limits.inline_bytes),
            heartbeat: None,
            failed: None,
        }
    }

    /// Take an input; give the failure if it was the end of the worker.
    pub(crate) fn handle(&mut self, input: Input, out: &mut Outputs) -> Option<Failure> {
        match input {
            Input::Spawned(spawned) if spawned.op == PROCESS => self.initialize(out),
            Input::Stdout(output) if output.op == PROCESS => self.read(&output.data, output.end, out),
            Input::StdinProgress(progress) if progress.op == PROCESS => self.link.progress(&progress, out),
            Input::StdinClosed(closed) if closed.op == PROCESS => self.stdin_closed(closed.why, out),
            Input::Exited(exited) if exited.op == PROCESS => self.exited(&exited, out),
            Input::Spawned(spawned) => self.terminals.spawned(spawned.op, &mut self.link, out),
            Input::Stdout(output) => self.terminals.wrote(Stream::Out, &output),
            // The agent's own comes with `exited`.
            Input::Stderr(output) => self.terminals.wrote(Stream::Err, &output),
            Input::Exited(exited) => self.terminals.exited(&exited, &mut self.link, out),
            Input::File(result) => self.files.answered(result, &mut self.link, out),
            Input::Timer(op) => self.timer(op, out),
            Input::Refused(refused) => self.refused(refused.op, &refused.why, out),
            Input::BlobCreated(created) => {
                self.outbox.blob(created.op, Some(created.blob), out);
            }
            Input::OpenBinding(open) => self.open(open.binding, None, open.settings, out),
            Input::ResumeBinding(resume) => {
                self.open(resume.binding, Some(resume.native_id), resume.settings, out);
            }
            Input::CloseBinding(close) => self.close(close.binding, out),
            Input::ExecuteAttempt(execute) => self.execute(execute, out),
            Input::CancelAttempt(cancel) => self.cancel(cancel.attempt, out),
            Input::Approval(approval) => self.decided(approval.request, approval.decision, out),
            Input::Authenticate(authenticate) => self.authenticate(&authenticate.method, out),
            Input::ProvidedInput(provided) => {
                self.questions.provided(provided.request, provided.answer, &mut self.link, out);
            }
            Input::Stop(stop) => self.stop(&stop, out),
            // Nothing is written to a terminal; the rest answers what this adapter never asks.
            Input::Start(_)
            | Input::StdinProgress(_)
            | Input::StdinClosed(_)
            | Input::ToolResult(_)
            | Input::HttpHead(_)
            | Input::HttpBody(_)
            | Input::HttpEnd(_)
            | Input::Extension(_) => {}
        }
        if let Some(full) = self.link.broken.take() {
            self.fail(Failure::retryable("agent_stuck", full), out);
        }
        self.failed.take()
    }

    /// The worker is over: every open attempt ends with this, then the worker. The fault answers for a session that is
    /// being opened, so that the host may open it with another worker.
    pub(crate) fn fail(&mut self, failure: Failure, out: &mut Outputs) {
        if self.failed.is_some() {
            return;
        }
        self.end_turns(&failure, out);
        self.sessions.clear();
        self.terminals.close_all(0, out);
        if self.agent.phase != Phase::Gone {
            out.push(Kill::new(self.link.process, 0));
        }
        out.push(Fault::new(failure.clone()));
        self.failed = Some(failure);
    }

    fn end_turns(&mut self, failure: &Failure, out: &mut Outputs) {
        let bindings: Vec<Binding> = self.sessions.keys().copied().collect();
        for binding in bindings {
            let Some(session) = self.sessions.get_mut(&binding) else { continue };
            let held = session.held.take().map(|execute| execute.attempt);
            // Also of a turn that is being cancelled: that it stopped, the agent did not say.
            self.finish(binding, Outcome::Failed(failure.clone()), None, out);
            if let Some(attempt) = held {
                self.outbox
                    .finish(AttemptFinished::new(attempt, Outcome::Failed(failure.clone()), None), out);
            }
        }
        self.outbox.give_up_blobs(out);
    }

    fn stop(&mut self, stop: &Stop, out: &mut Outputs) {
        let failure = Failure::retryable("stopped", "the worker was told to stop");
        self.end_turns(&failure, out);
        for (binding, session) in std::mem::take(&mut self.sessions) {
            if session.is_opening() {
                out.push(BindingFailed::new(binding, failure.clone()));
            }
        }
        self.terminals.close_all(stop.grace_ms / KILL_STEPS, out);
        self.agent.phase = Phase::Stopping;
        out.push(CloseStdin::new(self.link.process));
        out.push(Kill::new(self.link.process, stop.grace_ms / KILL_STEPS));
    }

    /// What a request was for has an answer.
    pub(crate) fn answered(
        &mut self,
        call: Call,
        answer: Result<serde_json::Value, RpcError>,
        out: &mut Outputs,
    ) {
        match call {
            Call::Initialize => self.initialized(answer, out),
            Call::Authenticate(login) => self.logged_in(login, answer, out),
            Call::NewSession(binding) | Call::LoadSession(binding) | Call::ResumeSession(binding) => {
                self.session_answered(binding, call, answer, out);
            }
            Call::ListSessions(binding, page) => self.sessions_listed(binding, page, answer, out),
            Call::Choose(binding, number) => self.chosen(binding, number, answer, out),
            Call::Prompt(binding, attempt) => self.prompt_answered(binding, attempt, &answer, out),
            Call::CloseSession => {
                if let Err(error) = answer {
                    log::debug(&format!("session/close: {}", said(&error)));
                }
            }
        }
    }
}
