//! Attempts: one prompt at a time, its cancellation, its dialogs and its end.

use omi_adapter_sdk::{
    Answer, Attempt, AttemptFinished, CancelAnswer, Decision, ExecuteAttempt, Failure, Outcome, Output,
    Outputs, RunMode,
};
use serde_json::{Value, json};

use crate::config::Gate;
use crate::dialogs::{self, Question};
use crate::json::text;
use crate::link::Call;
use crate::session::Phase;
use crate::turn::{After, Cancelling, Sink, Turn};
use crate::worker::Worker;
use crate::{outcome, prompt};
use omi_adapter_sdk::wording::quote;

/// Milliseconds that pi may take for a small command while it is idle; they take less than 10.
const COMMAND_TIMEOUT_MS: u32 = 60_000;

/// Why nothing has to be stopped.
const NEVER_SENT: &str = "pi never got the prompt";

impl Worker {
    /// Run an attempt.
    pub(crate) fn execute(&mut self, execute: ExecuteAttempt, out: &mut Outputs) {
        let attempt = execute.attempt;
        let refuse = |failure| AttemptFinished::new(attempt, Outcome::Failed(failure), None);
        let session = self.session.as_mut().filter(|session| session.phase == Phase::Open);
        let Some(session) = session.filter(|session| session.binding == execute.binding) else {
            return out.push(refuse(Failure::stale("no_session", "the binding is not open")));
        };
        if session.turn.is_some() {
            return out.push(refuse(Failure::retryable("busy", "the session has a turn that is not over")));
        }
        if execute.mode == RunMode::Ask && self.config.gate == Gate::Off {
            let message = "without the gate nothing keeps pi from changing things\n\
                           hint: remove `gate = \"off\"` from the registration's [config]";
            return out.push(refuse(Failure::fatal("mode_unsupported", message)));
        }
        let wanted = execute.model.clone().or_else(|| session.wanted_model.clone());
        session.turn = Some(Turn::new(execute));
        if let Some(note) = self.note.take() {
            Sink { attempt, inline_bytes: self.inline_bytes, out }.progress(note);
        }
        match (wanted, &session.model) {
            (Some(name), Some(model)) if !model.is(&name) => {
                let provider = model.provider.clone();
                let (provider, id) = name.split_once('/').unwrap_or((&provider, &name));
                let command = json!({"type": "set_model", "provider": provider, "modelId": id});
                let call = Call::SetModel(attempt);
                session.link.command(call, command, COMMAND_TIMEOUT_MS, &mut self.ops, out);
            }
            (Some(_) | None, _) => self.send_prompt(out),
        }
    }

    /// The model for an attempt is set, or not.
    pub(crate) fn model_set(&mut self, attempt: Attempt, answer: Result<&Value, &str>, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        if let Ok(model) = answer {
            session.model_is(model);
        }
        if session.turn.as_ref().is_none_or(|turn| turn.attempt != attempt) {
            return;
        }
        match answer {
            Ok(_) => self.send_prompt(out),
            Err(error) => {
                let message = format!("pi refused the model: {}", quote(error));
                self.finish(Outcome::Failed(Failure::fatal("model_refused_by_agent", message)), out);
            }
        }
    }

    fn send_prompt(&mut self, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let Some(execute) = session.turn.as_mut().and_then(|turn| turn.held.take()) else { return };
        let id = session.link.next_id();
        // pi without a model says itself what is missing.
        let takes_images = session.takes_images || session.model.is_none();
        match prompt::line(id, &execute.prompt, takes_images) {
            Ok(line) => {
                let call = Call::Prompt(execute.attempt);
                session.link.command_with_parts(id, call, line.parts, line.blob_bytes, out);
            }
            Err(failure) => self.finish(Outcome::Failed(failure), out),
        }
    }

    /// pi took the prompt, or not.
    pub(crate) fn prompt_answered(
        &mut self,
        attempt: Attempt,
        answer: Result<&Value, &str>,
        out: &mut Outputs,
    ) {
        let Some(session) = &mut self.session else { return };
        let Some(turn) = session.turn.as_ref().filter(|turn| turn.attempt == attempt) else { return };
        match answer {
            Err(error) => {
                let failure = outcome::failure(error, turn.did_something());
                self.finish(Outcome::Failed(failure), out);
            }
            Ok(data) => match text(data, "disposition") {
                Some("handled") => self.finish(Outcome::succeeded("handled"), out),
                Some(_) => {}
                // This pi does not say whether a run begins. An extension may have done all there was to do; only what
                // begins like a command comes to one.
                None if turn.begun => {}
                None => self.look(attempt, out),
            },
        }
    }

    /// Ask whether anything goes on.
    fn look(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let call = Call::StillBusy(attempt);
        session.link.ask(call, "get_state", COMMAND_TIMEOUT_MS, &mut self.ops, out);
    }

    /// pi said whether anything goes on.
    pub(crate) fn looked(&mut self, attempt: Attempt, answer: Result<&Value, &str>, out: &mut Outputs) {
        let turn = self.session.as_ref().and_then(|session| session.turn.as_ref());
        let Some(turn) = turn.filter(|turn| turn.attempt == attempt) else { return };
        match answer {
            Err(error) => self.state_unknown(error, out),
            Ok(state) if turn.is_busy(state) => {}
            Ok(_) if turn.begun => self.settled(out),
            Ok(_) if turn.may_be_handled => self.finish(Outcome::succeeded("handled"), out),
            Ok(_) => {
                let message = "pi took the prompt and began nothing with it";
                self.finish(Outcome::Failed(Failure::fatal("nothing_begun", message)), out);
            }
        }
    }

    /// A pi that may still work for the turn is ended, so that the next prompt does not come into that.
    fn state_unknown(&mut self, error: &str, out: &mut Outputs) {
        let why = quote(error);
        let message = format!("it is not known whether anything goes on in pi, which does not say it: {why}");
        self.fail(Failure::fatal("state_unknown", message), out);
    }

    /// pi said something that is no answer.
    pub(crate) fn event(&mut self, event: &Value, out: &mut Outputs) {
        let settles = self.features.settles;
        let turn = self.session.as_mut().and_then(|session| session.turn.as_mut());
        // Between two turns, or before pi has the prompt, nobody waits for it.
        let Some(turn) = turn.filter(|turn| turn.held.is_none()) else { return };
        let attempt = turn.attempt;
        match turn.event(event, settles, &mut Sink { attempt, inline_bytes: self.inline_bytes, out }) {
            // It began after it was told to stop: then it was told too early.
            After::Begun if turn.cancelling.is_some() => self.abort(attempt, out),
            After::GoesOn | After::Begun => {}
            After::Settled => self.settled(out),
            After::Perhaps => self.look(attempt, out),
        }
    }

    /// Nothing follows in this turn any more.
    fn settled(&mut self, out: &mut Outputs) {
        let Some(turn) = self.session.as_ref().and_then(|session| session.turn.as_ref()) else { return };
        match &turn.cancelling {
            // The answer to `abort` comes next, and is the proof.
            Some(Cancelling { answered: false, .. }) => {}
            Some(Cancelling { answered: true, .. }) => self.finish(Outcome::Cancelled, out),
            None => {
                let outcome = outcome::of(turn.last.as_ref(), turn.did_something());
                self.finish(outcome, out);
            }
        }
    }

    /// End the turn, if there is one: what is open in it first.
    pub(crate) fn finish(&mut self, outcome: Outcome, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let Some(mut turn) = session.turn.take() else { return };
        self.dialogs.cancel_all(&mut session.link, out);
        let mut sink = Sink { attempt: turn.attempt, inline_bytes: self.inline_bytes, out };
        turn.close(&mut sink);
        let outcome = match &turn.cancelling {
            None => outcome,
            Some(cancelling) => {
                out.push(Output::ClearTimer(cancelling.timer));
                if !cancelling.answered {
                    let text = "the turn ended before pi confirmed that it stopped";
                    out.push(CancelAnswer::new(turn.attempt, true, false).because(text));
                }
                // A failure is said as what it is: it is no proof that pi stopped.
                match outcome {
                    Outcome::Failed(_) => outcome,
                    Outcome::Succeeded(_) | Outcome::Cancelled => Outcome::Cancelled,
                }
            }
        };
        out.push(AttemptFinished::new(turn.attempt, outcome, turn.used.known()));
    }

    /// Stop an attempt. Every dialog is answered first: pi does not stop while one of another extension is open.
    pub(crate) fn cancel(&mut self, attempt: Attempt, out: &mut Outputs) {
        let session = self.session.as_mut();
        let turn = session.and_then(|session| session.turn.as_mut()).filter(|turn| turn.attempt == attempt);
        let Some(turn) = turn else {
            return out.push(CancelAnswer::new(attempt, false, false).because("the attempt is over"));
        };
        if turn.held.is_some() {
            out.push(CancelAnswer::new(attempt, false, false).because(NEVER_SENT));
            return self.finish(Outcome::Cancelled, out);
        }
        if turn.cancelling.is_some() {
            // What is known at the end is the answer to the first.
            let text = "pi was told before and has not confirmed yet that it stopped";
            return out.push(CancelAnswer::new(attempt, true, false).because(text));
        }
        let timer = self.ops.timer(self.config.cancel_timeout_ms, out);
        turn.cancelling = Some(Cancelling { answered: false, timer });
        self.abort(attempt, out);
    }

    fn abort(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        self.dialogs.cancel_all(&mut session.link, out);
        if self.features.clears_queue {
            // What an extension put there would go on after the abort.
            session.link.ask(Call::ClearQueue, "clear_queue", COMMAND_TIMEOUT_MS, &mut self.ops, out);
        }
        session.link.ask(Call::Abort(attempt), "abort", COMMAND_TIMEOUT_MS, &mut self.ops, out);
    }

    /// pi says that it stopped. That is proof only if it had begun: before, there was nothing to stop yet.
    pub(crate) fn aborted(&mut self, attempt: Attempt, answer: Result<&Value, &str>, out: &mut Outputs) {
        let turn = self.session.as_mut().and_then(|session| session.turn.as_mut());
        let Some(turn) = turn.filter(|turn| turn.attempt == attempt) else { return };
        let Some(cancelling) = turn.cancelling.as_mut().filter(|_| turn.begun && !turn.live) else { return };
        if answer.is_ok() && !std::mem::replace(&mut cancelling.answered, true) {
            out.push(CancelAnswer::new(attempt, true, true));
        }
        self.finish(Outcome::Cancelled, out);
    }

    /// pi takes long to confirm that it stopped. Says whether the timer was that.
    pub(crate) fn cancel_expired(&mut self, timer: u32, out: &mut Outputs) -> bool {
        let turn = self.session.as_mut().and_then(|session| session.turn.as_mut());
        let Some(turn) = turn else { return false };
        let (attempt, is_over) = (turn.attempt, turn.begun && !turn.live);
        let Some(cancelling) = turn.cancelling.as_mut().filter(|cancelling| cancelling.timer == timer) else {
            return false;
        };
        cancelling.answered = true;
        let text = format!("pi did not confirm within {} ms that it stopped", self.config.cancel_timeout_ms);
        out.push(CancelAnswer::new(attempt, true, false).because(text));
        if is_over {
            self.finish(Outcome::Cancelled, out);
        }
        true
    }

    /// An extension of pi wants something of a person.
    pub(crate) fn asked(&mut self, request: &Value, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let id = text(request, "id").unwrap_or_default();
        let method = text(request, "method").unwrap_or_default();
        if dialogs::asks_for_tools(request) {
            return dialogs::tell_tools(id, session.tools.as_deref(), &mut session.link, out);
        }
        let turn = session.turn.as_mut().filter(|turn| turn.held.is_none() && turn.cancelling.is_none());
        let Some(turn) = turn else {
            if dialogs::waits(method) {
                dialogs::cancel(id, &mut session.link, out);
            }
            return;
        };
        let attempt = turn.attempt;
        match (Question::read(request), method) {
            (Some(question), _) if turn.mode == RunMode::Ask => {
                if let Some(call) = &question.call {
                    turn.tools.refuse(call);
                }
                dialogs::refuse(id, &mut session.link, out);
            }
            (Some(question), _) => self.dialogs.ask_approval(id, attempt, &question, out),
            (None, "notify") => {
                let words = quote(text(request, "message").unwrap_or_default());
                Sink { attempt, inline_bytes: self.inline_bytes, out }.progress(words);
            }
            (None, method) if dialogs::waits(method) => {
                self.dialogs.ask_input(id, attempt, request, &mut self.ops, out);
            }
            // What it shows in its terminal has no place here.
            (None, _) => {}
        }
    }

    /// An approval was decided.
    pub(crate) fn decided(&mut self, request: u32, decision: &Decision, out: &mut Outputs) {
        let Some(session) = &mut self.session else { return };
        let refused = self.dialogs.decided(request, decision, &mut session.link, out);
        if let (Some(call), Some(turn)) = (refused, &mut session.turn) {
            turn.tools.refuse(&call);
        }
    }

    /// A person gave information.
    pub(crate) fn provided(&mut self, request: u32, answer: Answer, out: &mut Outputs) {
        if let Some(session) = &mut self.session {
            self.dialogs.provided(request, answer, &mut session.link, out);
        }
    }
}
