//! Attempts: one prompt at a time in a session, its cancellation, its permissions and its end.

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{
    Attempt, AttemptFinished, Binding, CancelAnswer, Decision, Event, ExecuteAttempt, Failure, Millis, Op,
    Outcome, Output, Outputs, Usage,
};
use serde_json::Value;

use crate::codes::AUTH_REQUIRED;
use crate::json::text;
use crate::link::Call;
use crate::login::LoginFor;
use crate::outbox::Sink;
use crate::permission;
use crate::turn::{Cancel, Prompt, Turn};
use crate::worker::Worker;
use crate::{outcome, prompt, usage};

/// Milliseconds after which an agent that has not ended its turn is told to cancel once more: some lose a cancel that
/// comes with its prompt. Most have ended by then, and one that hears of it when it is over interrupts its next turn.
const CANCEL_AGAIN_MS: Millis = 1_000;

impl Worker {
    /// Run an attempt.
    pub(crate) fn execute(&mut self, execute: ExecuteAttempt, out: &mut Outputs) {
        let refuse = |failure| AttemptFinished::new(execute.attempt, Outcome::Failed(failure), None);
        let session = self.sessions.get_mut(&execute.binding).filter(|session| !session.is_opening());
        let Some(session) = session else {
            return out.push(refuse(Failure::stale("no_session", "the binding is not open")));
        };
        if session.turn.is_some() || session.held.is_some() {
            return out.push(refuse(Failure::retryable("busy", "the session has a turn that is not over")));
        }
        if session.settling.is_some() {
            session.held = Some(Box::new(execute));
            return;
        }
        self.begin(execute, out);
    }

    fn begin(&mut self, execute: ExecuteAttempt, out: &mut Outputs) {
        let binding = execute.binding;
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        session.wish_for(&execute, &self.config);
        session.turn_begins(Turn::new(execute, session.cost));
        self.fulfil(binding, out);
    }

    /// Send the prompt of a session whose turn has begun.
    pub(crate) fn send_prompt(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let (Some(turn), Some(id)) = (&mut session.turn, &session.native_id) else { return };
        if turn.prompt == Prompt::Sent {
            return;
        }
        turn.prompt = Prompt::Sent;
        turn.first = session.prepend.take();
        let number = self.link.next_id();
        let line = prompt::line(number, id, turn.first.as_deref(), &turn.execute.prompt, &self.agent.offers);
        match line {
            Ok(line) => {
                let call = Call::Prompt(binding, turn.attempt);
                self.link.call_with_parts(number, call, line.parts, line.blob_bytes, out);
            }
            Err(failure) => {
                session.prepend = turn.first.take();
                self.finish(binding, Outcome::Failed(failure), None, out);
            }
        }
    }

    /// The agent answered a prompt.
    pub(crate) fn prompt_answered(
        &mut self,
        binding: Binding,
        attempt: Attempt,
        answer: &Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        if session.turn.as_ref().is_none_or(|turn| turn.attempt != attempt) {
            if let Some(timer) = session.settling.take() {
                out.push(Output::ClearTimer(timer));
            }
            if let Some(execute) = session.held.take() {
                self.begin(*execute, out);
            }
            return;
        }
        if self.log_in_for(binding, answer, out) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(turn) = &session.turn else { return };
        let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
        let (outcome, used) = match answer {
            Ok(result) => {
                self.agent.login_unproven = false;
                if let Some(model) = usage::model_of_result(result) {
                    sink.event(Event::ModelUsed(model.to_owned()));
                }
                let (offers, texts) = (&self.agent.offers, &self.config.error_texts);
                let outcome = outcome::of_result(turn, result, offers, texts);
                (outcome, usage::of_result(result))
            }
            Err(error) => (outcome::of_error(turn, error, &self.agent.offers), usage::unknown()),
        };
        match outcome {
            Outcome::Failed(failure) if outcome::is_suspect(turn, answer) => {
                // One report ends the attempt and the worker: nothing may begin in between.
                self.end_turn(binding, out);
                self.fail(failure, out);
            }
            Outcome::Failed(_) | Outcome::Succeeded(_) | Outcome::Cancelled => {
                let used = session.share(used, self.config.usage);
                self.finish(binding, outcome, Some(used), out);
            }
        }
    }

    /// Log in by the configured way if that is why the prompt was refused, and nothing was done yet.
    fn log_in_for(&mut self, binding: Binding, answer: &Result<Value, RpcError>, out: &mut Outputs) -> bool {
        let refused = matches!(answer, Err(error) if error.code == AUTH_REQUIRED);
        let Some(session) = self.sessions.get_mut(&binding).filter(|_| refused) else { return false };
        let Some(turn) = &mut session.turn else { return false };
        if turn.did_something() || turn.cancel != Cancel::No {
            return false;
        }
        let attempt = turn.attempt;
        let Some(method) = self.login_to_try() else { return false };
        if let Some(session) = self.sessions.get_mut(&binding)
            && let Some(turn) = &mut session.turn
        {
            turn.prompt = Prompt::Held;
            session.prepend = turn.first.take();
        }
        self.log_in(&method, LoginFor::Attempt(binding, attempt), out);
        true
    }

    /// End the turn of a session, if it has one: what is open in it first.
    pub(crate) fn finish(
        &mut self,
        binding: Binding,
        outcome: Outcome,
        used: Option<Usage>,
        out: &mut Outputs,
    ) {
        let Some(turn) = self.end_turn(binding, out) else { return };
        let used = usage::merge(used.unwrap_or_else(usage::unknown), &turn.usage);
        self.outbox.finish(AttemptFinished::new(turn.attempt, outcome, usage::known(used)), out);
        if let Some(session) = self.sessions.get_mut(&binding) {
            session.turn_over(turn);
        }
    }

    /// End what is open in the turn of a session. How its attempt ended is still to be said.
    fn end_turn(&mut self, binding: Binding, out: &mut Outputs) -> Option<Turn> {
        let session = self.sessions.get_mut(&binding)?;
        let mut turn = session.turn.take()?;
        if let Cancel::Asked(timer) = turn.cancel {
            out.push(Output::ClearTimer(timer));
        }
        session.wishes.clear();
        self.permissions.cancel(turn.attempt, &mut self.link, out);
        self.questions.cancel(turn.attempt, &mut self.link, out);
        turn.close(&mut Sink { attempt: turn.attempt, outbox: &mut self.outbox, link: &mut self.link, out });
        Some(turn)
    }

    /// Stop an attempt. Every question it has open is answered first: agents were seen to wait for the answer,
    /// and others to run the tool on a late `allow`.
    pub(crate) fn cancel(&mut self, attempt: Attempt, out: &mut Outputs) {
        let held = |session: &crate::sessions::Session| {
            session.held.as_ref().is_some_and(|execute| execute.attempt == attempt)
        };
        let running = |session: &crate::sessions::Session| {
            session.turn.as_ref().is_some_and(|turn| turn.attempt == attempt)
        };
        let found = self.sessions.iter_mut().find(|(_, session)| held(session) || running(session));
        let Some((&binding, session)) = found else {
            return out.push(CancelAnswer::new(attempt, false, false).because("the attempt is over"));
        };
        let never_sent = CancelAnswer::new(attempt, false, false).because("the agent never got the prompt");
        let (Some(turn), Some(id)) = (&mut session.turn, &session.native_id) else {
            session.held = None;
            out.push(never_sent);
            return self.outbox.finish(AttemptFinished::new(attempt, Outcome::Cancelled, None), out);
        };
        if turn.prompt == Prompt::Held {
            out.push(never_sent);
            return self.finish(binding, Outcome::Cancelled, None, out);
        }
        if turn.cancel == Cancel::No {
            turn.cancel = Cancel::Asked(self.link.timer(CANCEL_AGAIN_MS, out));
        }
        self.permissions.cancel(attempt, &mut self.link, out);
        self.questions.cancel(attempt, &mut self.link, out);
        self.link.cancel(id, out);
        // Agents were seen to answer `cancelled` and to leave a program of theirs running here.
        self.terminals.kill_all(binding, out);
        out.push(CancelAnswer::new(attempt, true, false));
    }

    /// A time is over: tell the agent again, if it is that of a cancellation. Says whether it was.
    pub(crate) fn cancel_again(&mut self, timer: Op, out: &mut Outputs) -> bool {
        for session in self.sessions.values_mut() {
            if let (Some(turn), Some(id)) = (&mut session.turn, &session.native_id)
                && turn.cancel == Cancel::Asked(timer)
            {
                turn.cancel = Cancel::AskedAgain;
                self.link.cancel(id, out);
                return true;
            }
        }
        false
    }

    /// The agent asks whether it may do something.
    pub(crate) fn asked_permission(&mut self, id: Value, params: &Value, out: &mut Outputs) {
        let session_id = text(params, "sessionId");
        let session = self.sessions.values_mut().find(|session| session.native_id.as_deref() == session_id);
        let turn = session.and_then(|session| session.turn.as_mut());
        match turn {
            Some(turn) if turn.cancel == Cancel::No && turn.prompt == Prompt::Sent => {
                let attempt = turn.attempt;
                let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
                let tool = turn.tool_call(&params["toolCall"], &mut sink);
                self.permissions.ask(id, attempt, params, tool.as_deref(), &mut self.link, out);
            }
            // Nobody may allow what nobody waits for.
            _ => permission::answer_cancelled(&id, &mut self.link, out),
        }
    }

    /// A question was decided.
    pub(crate) fn decided(&mut self, request: u32, decision: Decision, out: &mut Outputs) {
        let Some(refusal) = self.permissions.decide(request, decision, &mut self.link, out) else { return };
        let turns = self.sessions.values_mut().filter_map(|session| session.turn.as_mut());
        for turn in turns.filter(|turn| turn.attempt == refusal.attempt) {
            turn.refused = true;
            if let Some(tool) = &refusal.tool {
                turn.tools.refuse(tool);
            }
        }
    }
}
