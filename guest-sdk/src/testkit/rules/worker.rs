//! The worker as a whole: its start is answered once, and after a stop nothing new begins.

use crate::{Input, Output};

#[derive(Default)]
pub(super) struct Worker {
    started: bool,
    stopping: bool,
    faulted: bool,
    /// `start` or `authenticate` waits for `ready`, `auth-required` or `fault`.
    waits: bool,
}

impl Worker {
    pub(super) fn told(&mut self, input: &Input) {
        let is_start = matches!(input, Input::Start(_));
        assert!(self.started != is_start, "the test's mistake: `start` comes once, before {input:?}");
        self.started = true;
        match input {
            Input::Start(_) | Input::Authenticate(_) => self.waits = true,
            Input::Stop(_) => self.stopping = true,
            _ => {}
        }
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::Ready(_) => self.answers("`ready` is sent once"),
            Output::AuthRequired(_) => self.answers("`auth-required` is sent once"),
            Output::Fault(_) => {
                assert!(!self.faulted, "`fault` ends the worker, so there is one: {output:?}");
                (self.faulted, self.waits) = (true, false);
            }
            Output::Spawn(_)
            | Output::ReadFile(_)
            | Output::WriteFile(_)
            | Output::HttpRequest(_)
            | Output::CallTool(_)
            | Output::RequestApproval(_)
            | Output::RequestInput(_) => {
                assert!(!self.stopping, "nothing new is started after `stop`: {output:?}");
            }
            _ => {}
        }
    }

    fn answers(&mut self, rule: &str) {
        assert!(self.waits && !self.faulted, "{rule} after `start` and once after each `authenticate`");
        self.waits = false;
    }

    pub(super) fn is_over(&self) -> bool {
        self.faulted
    }

    pub(super) fn settled(&self) {
        let answered = !self.waits || self.stopping;
        assert!(answered, "`ready`, `auth-required` or `fault` comes after `start` and `authenticate`");
    }
}
