//! Attempts: each ends once, and a cancellation claims no more than the descriptor says can be known.

use std::collections::BTreeSet;

use crate::{Attempt, CancelAnswer, Cancellation, Capabilities, Event, Input, Output};

pub(super) struct Attempts {
    capabilities: Capabilities,
    running: BTreeSet<Attempt>,
    /// Cancellations that wait for their answer: an attempt is here once for each.
    cancelling: Vec<Attempt>,
    /// A cancellation of it was acknowledged: it still has to end.
    acknowledged: BTreeSet<Attempt>,
}

impl Attempts {
    pub(super) fn new(capabilities: Capabilities) -> Self {
        let (running, cancelling, acknowledged) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        Self { capabilities, running, cancelling, acknowledged }
    }

    pub(super) fn told(&mut self, input: &Input) {
        match input {
            Input::ExecuteAttempt(execute) => {
                self.running.insert(execute.attempt);
            }
            Input::CancelAttempt(cancel) => {
                self.cancelling.push(cancel.attempt);
            }
            _ => {}
        }
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::AttemptEvent(event) => {
                self.must_run(event.attempt, output);
                let is_artifact = matches!(event.event, Event::Artifact(_));
                let allowed = self.capabilities.artifacts || !is_artifact;
                assert!(allowed, "`describe` says that there are no artifacts: {output:?}");
            }
            Output::AttemptFinished(finished) => {
                self.must_run(finished.attempt, output);
                self.running.remove(&finished.attempt);
                self.acknowledged.remove(&finished.attempt);
            }
            Output::CancelAnswer(answer) => self.cancel_answered(answer),
            Output::RequestApproval(request) => self.must_run(request.attempt, output),
            Output::RequestInput(request) => self.must_run(request.attempt, output),
            Output::CallTool(call) => {
                self.must_run(call.attempt, output);
                assert!(self.capabilities.tools, "`describe` says that no tools are called: {output:?}");
            }
            _ => {}
        }
    }

    fn cancel_answered(&mut self, answer: &CancelAnswer) {
        let asked = self.cancelling.iter().position(|attempt| *attempt == answer.attempt);
        let asked = asked.map(|index| self.cancelling.swap_remove(index));
        assert!(asked.is_some(), "one `cancel-answer` for each `cancel-attempt`: {answer:?}");
        let (dispatched, acknowledged) = match self.capabilities.cancellation {
            Cancellation::Unsupported => (false, false),
            Cancellation::Dispatched => (true, false),
            Cancellation::Acknowledged => (true, true),
        };
        let honest = (dispatched || !answer.dispatched) && (acknowledged || !answer.acknowledged);
        assert!(honest, "a cancellation claims more than `describe` says can be known: {answer:?}");
        let told = answer.dispatched || !answer.acknowledged;
        assert!(told, "what was acknowledged was dispatched: {answer:?}");
        if answer.acknowledged && self.runs(answer.attempt) {
            self.acknowledged.insert(answer.attempt);
        }
    }

    pub(super) fn runs(&self, attempt: Attempt) -> bool {
        self.running.contains(&attempt)
    }

    fn must_run(&self, attempt: Attempt, output: &Output) {
        assert!(self.runs(attempt), "attempt {attempt} is not running: {output:?}");
    }

    pub(super) fn settled(&self) {
        let waiting = self.cancelling.first();
        assert!(waiting.is_none(), "the cancellation of attempt {waiting:?} waits for its `cancel-answer`");
        let stopped = self.acknowledged.first();
        assert!(stopped.is_none(), "attempt {stopped:?} was stopped and not finished");
        let running = self.running.first();
        assert!(running.is_none(), "attempt {running:?} waits for its `attempt-finished`");
    }
}
