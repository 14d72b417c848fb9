//! The rules of the contract that can be seen from outside, kept for one worker.

mod attempts;
mod bindings;
mod described;
mod effects;
mod requests;
mod worker;

use crate::{Descriptor, Input, Output, Scope};

use attempts::Attempts;
use bindings::Bindings;
use effects::Effects;
use requests::Requests;
use worker::Worker;

pub(super) use described::check as check_description;

/// What this worker was asked, and what it has used and finished so far.
pub(super) struct Rules {
    worker: Worker,
    bindings: Bindings,
    attempts: Attempts,
    requests: Requests,
    effects: Effects,
}

impl Rules {
    pub(super) fn new(descriptor: Descriptor) -> Self {
        Self {
            worker: Worker::default(),
            bindings: Bindings::default(),
            attempts: Attempts::new(descriptor.capabilities),
            requests: Requests::default(),
            effects: Effects::new(descriptor.grants.into_iter().map(|grant| grant.name)),
        }
    }

    pub(super) fn told(&mut self, input: &Input) {
        self.worker.told(input);
        self.bindings.told(input);
        self.attempts.told(input);
        self.requests.told(input);
        self.effects.told(input);
    }

    pub(super) fn asked(&mut self, output: &Output) {
        self.worker.asked(output);
        self.bindings.asked(output);
        self.attempts.asked(output);
        self.requests.asked(output);
        self.effects.asked(output);
        if let Some(scope) = scope(output) {
            self.must_hold(scope, output);
        }
    }

    /// Nothing waits for an answer of the adapter.
    pub(super) fn settled(&self) {
        if self.worker.is_over() {
            // A fault answers everything that is open.
            return;
        }
        self.worker.settled();
        self.bindings.settled();
        self.attempts.settled();
    }

    fn must_hold(&self, scope: Scope, output: &Output) {
        let holds = match scope {
            Scope::Worker => true,
            Scope::Binding(binding) => self.bindings.holds(binding),
            Scope::Attempt(attempt) => self.attempts.runs(attempt),
        };
        assert!(holds, "a scope names what the worker holds, and it does not hold this: {output:?}");
    }
}

/// On whose behalf an effect is asked for.
fn scope(output: &Output) -> Option<Scope> {
    match output {
        Output::Spawn(spawn) => Some(spawn.scope),
        Output::SetTimer(timer) => Some(timer.scope),
        Output::ReadFile(read) => Some(read.scope),
        Output::WriteFile(write) => Some(write.scope),
        Output::HttpRequest(request) => Some(request.scope),
        Output::CreateBlob(create) => Some(create.scope),
        Output::Ready(_)
        | Output::AuthRequired(_)
        | Output::Fault(_)
        | Output::BindingOpened(_)
        | Output::BindingFailed(_)
        | Output::AttemptEvent(_)
        | Output::AttemptFinished(_)
        | Output::CancelAnswer(_)
        | Output::RequestApproval(_)
        | Output::RequestInput(_)
        | Output::WithdrawRequest(_)
        | Output::CallTool(_)
        | Output::WriteStdin(_)
        | Output::CloseStdin(_)
        | Output::Kill(_)
        | Output::ClearTimer(_)
        | Output::HttpAbort(_)
        | Output::DropBlob(_)
        | Output::Extension(_) => None,
    }
}
