//! Attempts: one prompt at a time in a session, its cancellation, its permissions and its end.

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{
    Attempt, AttemptFinished, Binding, CancelAnswer, Decision, Event, ExecuteAttempt, Failure, Outcome,
    Outputs, Usage,
};
use serde_json::Value;

use crate::json::text;
use crate::link::Call;
use crate::opening::wanted;
use crate::outbox::Sink;
use crate::permission;
use crate::turn::{Cancel, Prompt, Turn};
use crate::wording::said;
use crate::worker::Worker;
use crate::{outcome, prompt, usage};

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
        if session.is_settling {
            session.held = Some(Box::new(execute));
            return;
        }
        self.begin(execute, out);
    }

    fn begin(&mut self, execute: ExecuteAttempt, out: &mut Outputs) {
        let binding = execute.binding;
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let (attempt, model) = (execute.attempt, session.model_for(&execute));
        session.turn = Some(Turn::new(execute, session.cost));
        let choice = match model.as_deref().map(|model| wanted(session.model.as_ref(), model, "model")) {
            None | Some(Ok(None)) => return self.send_prompt(binding, out),
            Some(Ok(Some(choice))) => choice,
            Some(Err(failure)) => return self.finish(binding, Outcome::Failed(failure), None, out),
        };
        if let (Some(id), Some(model)) = (session.native_id.clone(), model) {
            // Until the agent says yes nobody knows which one it uses.
            session.model_is(None);
            self.choose(Call::SwitchModel(binding, attempt), &choice, &id, &model, out);
        }
    }

    /// The model for an attempt is set, or not.
    pub(crate) fn model_switched(
        &mut self,
        binding: Binding,
        attempt: Attempt,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let model = match &session.turn {
            Some(Turn { attempt: one, prompt: Prompt::Held(execute), .. }) if *one == attempt => {
                session.model_for(execute)
            }
            _ => return,
        };
        match answer {
            Ok(_) => {
                session.model_is(model);
                self.send_prompt(binding, out);
            }
            Err(error) => {
                let message = format!("the agent refused the model: {}", said(&error));
                self.finish(
                    binding,
                    Outcome::Failed(Failure::fatal("model_refused_by_agent", message)),
                    None,
                    out,
                );
            }
        }
    }

    fn send_prompt(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let (Some(turn), Some(id)) = (&mut session.turn, &session.native_id) else { return };
        let Prompt::Held(execute) = std::mem::replace(&mut turn.prompt, Prompt::Sent) else { return };
        let number = self.link.next_id();
        match prompt::line(number, id, session.prepend.as_deref(), &execute.prompt, &self.agent.offers) {
            Ok(line) => {
                session.prepend = None;
                let call = Call::Prompt(binding, execute.attempt);
                self.link.call_with_parts(number, call, line.parts, line.blob_bytes, out);
            }
            Err(failure) => self.finish(binding, Outcome::Failed(failure), None, out),
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
        let Some(turn) = session.turn.as_mut().filter(|turn| turn.attempt == attempt) else {
            session.is_settling = false;
            if let Some(execute) = session.held.take() {
                self.begin(*execute, out);
            }
            return;
        };
        let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
        let (outcome, used) = match answer {
            Ok(result) => {
                if let Some(model) = usage::model_of_result(result) {
                    sink.event(Event::ModelUsed(model.to_owned()));
                }
                (outcome::of_result(turn, result), usage::of_result(result))
            }
            Err(error) => (outcome::of_error(turn, error, &self.agent.offers), usage::unknown()),
        };
        self.finish(binding, outcome, Some(used), out);
    }

    /// End the turn of a session, if it has one: what is open in it first.
    pub(crate) fn finish(
        &mut self,
        binding: Binding,
        outcome: Outcome,
        used: Option<Usage>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(mut turn) = session.turn.take() else { return };
        self.permissions.cancel(turn.attempt, &mut self.link, out);
        turn.close(&mut Sink { attempt: turn.attempt, outbox: &mut self.outbox, link: &mut self.link, out });
        let used = usage::merge(used.unwrap_or_else(usage::unknown), &turn.usage);
        self.outbox.finish(AttemptFinished::new(turn.attempt, outcome, usage::known(used)), out);
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
        if matches!(turn.prompt, Prompt::Held(_)) {
            out.push(never_sent);
            return self.finish(binding, Outcome::Cancelled, None, out);
        }
        if turn.cancel == Cancel::No {
            turn.cancel = Cancel::Asked;
        }
        self.permissions.cancel(attempt, &mut self.link, out);
        self.link.cancel(id, out);
        // Agents were seen to answer `cancelled` and to leave a program of theirs running here.
        self.terminals.kill_all(binding, out);
        out.push(CancelAnswer::new(attempt, true, false));
    }

    /// The agent asks whether it may do something.
    pub(crate) fn asked_permission(&mut self, id: Value, params: &Value, out: &mut Outputs) {
        let session_id = text(params, "sessionId");
        let session = self.sessions.values_mut().find(|session| session.native_id.as_deref() == session_id);
        let turn = session.and_then(|session| session.turn.as_mut());
        match turn {
            Some(turn) if turn.cancel == Cancel::No && matches!(turn.prompt, Prompt::Sent) => {
                let attempt = turn.attempt;
                let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
                let tool = turn.tool_call(&params["toolCall"], &mut sink);
                self.permissions.ask(id, attempt, params, tool.as_deref(), out);
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
