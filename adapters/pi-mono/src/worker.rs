//! One pi at a time: where every input goes, and how everything ends together.

use omi_adapter_sdk::{
    BindingFailed, Failure, Fault, Input, Kill, Op, Outcome, Output, Outputs, Start, Stop, Why, log,
};
use omi_adapter_sdk::{ClosedWhy, Ready};
use serde_json::Value;

use crate::config::Config;
use crate::dialogs::Dialogs;
use crate::json::text;
use crate::link::{Call, Ops};
use crate::probe::Probe;
use crate::session::{Phase, Session};
use crate::version::Features;
use omi_adapter_sdk::wording::quote;

/// The grant of pi's process.
pub(crate) const AGENT: &str = "agent";

/// Steps of ending a process, of which each may take a third of the time given for all.
const KILL_STEPS: u32 = 3;

/// Milliseconds for each step of ending a pi that closed its input but did not exit.
const CLOSED_GRACE_MS: u32 = 2_000;

/// Everything that lives as long as the worker.
pub(crate) struct Worker {
    pub(crate) config: Config,
    pub(crate) ops: Ops,
    pub(crate) inline_bytes: usize,
    pub(crate) stdin_queue_bytes: u32,
    pub(crate) probe: Option<Probe>,
    pub(crate) features: Features,
    /// Something that the first attempt is to be told.
    pub(crate) note: Option<String>,
    pub(crate) session: Option<Session>,
    pub(crate) dialogs: Dialogs,
    /// The process of the session has ended.
    pub(crate) gone: bool,
    /// Set by `fail`: the worker is over.
    failed: Option<Failure>,
}

impl Worker {
    /// Ask pi what it is.
    pub(crate) fn start(config: Config, start: &Start, out: &mut Outputs) -> Self {
        let mut worker = Self {
            config,
            ops: Ops::default(),
            inline_bytes: usize::try_from(start.limits.inline_bytes).unwrap_or(usize::MAX),
            stdin_queue_bytes: start.limits.stdin_queue_bytes,
            probe: None,
            features: Features::of(None),
            note: None,
            session: None,
            dialogs: Dialogs::default(),
            gone: false,
            failed: None,
        };
        worker.start_probe(out);
        worker
    }

    /// Take an input; give the failure if it was the end of the worker.
    pub(crate) fn handle(&mut self, input: Input, out: &mut Outputs) -> Option<Failure> {
        match input {
            Input::Spawned(spawned) if self.is_session(spawned.op) => self.spawned(out),
            Input::Stdout(output) if self.is_probe(output.op) => {
                self.probe_wrote(&output.data, output.end, out);
            }
            Input::Stdout(output) if self.is_session(output.op) => self.read(&output.data, output.end, out),
            Input::StdinProgress(progress) => {
                if let Some(session) = self.session.as_mut().filter(|one| one.link.process == progress.op) {
                    session.link.progress(&progress, out);
                }
            }
            Input::StdinClosed(closed) if self.is_session(closed.op) => match closed.why {
                ClosedWhy::BrokenPipe => out.push(Kill::new(closed.op, CLOSED_GRACE_MS)),
                ClosedWhy::Requested | ClosedWhy::Exited => {}
            },
            Input::Exited(exited) if self.is_probe(exited.op) => self.probe_exited(&exited, out),
            Input::Exited(exited) if self.is_session(exited.op) => self.exited(&exited, out),
            Input::Timer(op) => self.timer(op, out),
            Input::Refused(refused) => self.refused(refused.op, &refused.why, out),
            Input::OpenBinding(open) => self.open(open.binding, None, open.settings, out),
            Input::ResumeBinding(resume) => {
                self.open(resume.binding, Some(resume.native_id), resume.settings, out);
            }
            Input::CloseBinding(close) => self.close(close.binding, out),
            Input::ExecuteAttempt(execute) => self.execute(execute, out),
            Input::CancelAttempt(cancel) => self.cancel(cancel.attempt, out),
            Input::Approval(approval) => self.decided(approval.request, &approval.decision, out),
            Input::ProvidedInput(provided) => self.provided(provided.request, provided.answer, out),
            // A person logged in beside pi, which reads that when it needs it.
            Input::Authenticate(_) => out.push(Ready::new(String::new())),
            Input::Stop(stop) => self.stop(&stop, out),
            // What an earlier pi of this worker still says, and answers to what this adapter never asks.
            Input::Start(_)
            | Input::Spawned(_)
            | Input::Stdout(_)
            | Input::Stderr(_)
            | Input::StdinClosed(_)
            | Input::Exited(_)
            | Input::ToolResult(_)
            | Input::File(_)
            | Input::HttpHead(_)
            | Input::HttpBody(_)
            | Input::HttpEnd(_)
            | Input::BlobCreated(_)
            | Input::Extension(_) => {}
        }
        if let Some(full) = self.session.as_mut().and_then(|session| session.link.broken.take()) {
            self.fail(Failure::retryable("pi_stuck", full.to_string()), out);
        }
        self.failed.take()
    }

    fn is_probe(&self, op: Op) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.process == op)
    }

    fn is_session(&self, op: Op) -> bool {
        self.session.as_ref().is_some_and(|session| session.link.process == op)
    }

    /// pi wrote a message.
    pub(crate) fn message(&mut self, message: &Value, out: &mut Outputs) {
        match text(message, "type").unwrap_or_default() {
            "response" => self.response(message, out),
            "extension_ui_request" => self.asked(message, out),
            _ => self.event(message, out),
        }
    }

    fn response(&mut self, response: &Value, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let Some(call) = session.link.answered(response, out) else {
            let command = text(response, "command").unwrap_or_default();
            return log::debug(&format!("an answer to a `{command}` that is not open"));
        };
        let answer = if response["success"] == true {
            Ok(&response["data"])
        } else {
            Err(text(response, "error").unwrap_or("it gives no reason"))
        };
        match (call, answer) {
            (Call::State, Ok(state)) => self.state_is(state, out),
            (Call::Commands, Ok(data)) => self.commands_are(data, out),
            (Call::State | Call::Commands, Err(error)) => {
                let message = format!("pi does not say what it is: {}", quote(error));
                self.fail(Failure::fatal("start_failed", message), out);
            }
            (Call::SetModel(attempt), answer) => self.model_set(attempt, answer, out),
            (Call::Prompt(attempt), answer) => self.prompt_answered(attempt, answer, out),
            (Call::StillBusy(attempt), answer) => self.looked(attempt, answer, out),
            (Call::Abort(attempt), answer) => self.aborted(attempt, answer, out),
            (Call::ClearQueue, Ok(_)) => {}
            (Call::ClearQueue, Err(error)) => log::debug(&format!("clear_queue: {}", quote(error))),
        }
    }

    fn timer(&mut self, op: Op, out: &mut Outputs) {
        if self.probe.as_ref().is_some_and(|probe| probe.timer == op) {
            return self.probe_expired(out);
        }
        if self.still_wanted(op, out) || self.dialogs.expired(op, out) || self.cancel_expired(op, out) {
            return;
        }
        let Some(session) = &mut self.session else { return };
        let is_spawning = session.phase == Phase::Spawning(op);
        match session.link.expired(op) {
            Some(Call::State | Call::Commands) => self.not_started(out),
            None if is_spawning => self.not_started(out),
            // The host sees to it that an attempt that does not stop ends with its worker.
            Some(Call::Abort(_) | Call::ClearQueue) | None => {}
            Some(Call::SetModel(_) | Call::Prompt(_) | Call::StillBusy(_)) => {
                self.fail(Failure::fatal("pi_stuck", "pi does not answer its commands any more"), out);
            }
        }
    }

    fn not_started(&mut self, out: &mut Outputs) {
        let message = format!(
            "pi did not start within {} ms\nhint: run its command with `--mode rpc` by hand",
            self.config.start_timeout_ms
        );
        self.fail(Failure::fatal("start_timeout", message), out);
    }

    /// The host did not do what was asked.
    fn refused(&mut self, op: Op, why: &Why, out: &mut Outputs) {
        // No timer is needed to go on where there is none.
        if self.still_wanted(op, out) {
            return;
        }
        let is_probe = self.is_probe(op);
        let phase =
            self.session.as_ref().filter(|session| session.link.process == op).map(|session| session.phase);
        match phase {
            None if !is_probe => log::warn(&format!("operation {op} was refused: {why}")),
            None | Some(Phase::Asked(_) | Phase::Spawning(_)) => {
                self.probe = None;
                self.gone = true;
                self.fail(Failure::fatal("spawn_refused", format!("pi could not be started: {why}")), out);
            }
            // Its input is closed: most often it exited, and that is not known here yet.
            Some(Phase::Starting | Phase::Open) => out.push(Kill::new(op, CLOSED_GRACE_MS)),
        }
    }

    /// The worker is over: what is open ends with this, then the worker.
    pub(crate) fn fail(&mut self, failure: Failure, out: &mut Outputs) {
        if self.failed.is_some() {
            return;
        }
        if let Some(probe) = self.probe.take() {
            out.push(Kill::new(probe.process, 0));
        }
        self.end_session(&failure, 0, out);
        out.push(Fault::new(failure.clone()));
        self.failed = Some(failure);
    }

    /// End the session with its process: the turn and what was being opened with this.
    pub(crate) fn end_session(&mut self, failure: &Failure, grace_ms: u32, out: &mut Outputs) {
        self.finish(Outcome::Failed(failure.clone()), out);
        let Some(session) = self.session.take() else { return };
        let is_begun = match session.phase {
            Phase::Asked(timer) => {
                out.push(Output::ClearTimer(timer));
                false
            }
            Phase::Spawning(_) | Phase::Starting | Phase::Open => !self.gone,
        };
        self.gone = false;
        if session.phase != Phase::Open {
            out.push(BindingFailed::new(session.binding, failure.clone()));
        }
        if is_begun {
            out.push(Kill::new(session.link.process, grace_ms));
        }
    }

    fn stop(&mut self, stop: &Stop, out: &mut Outputs) {
        let grace_ms = stop.grace_ms / KILL_STEPS;
        if let Some(probe) = self.probe.take() {
            out.push(Kill::new(probe.process, grace_ms));
        }
        self.end_session(&Failure::retryable("stopped", "the worker was told to stop"), grace_ms, out);
    }
}
