//! Drives an adapter with scripted inputs in a plain `#[test]`, without WebAssembly, on a clock of its own.
//!
//! The kit plays the host and knows nothing of processes or files: a test says what happened. It checks each
//! output against the rules of the contract, and panics with the rule that was broken.

mod inputs;
mod outputs;
mod rules;

use std::cell::RefCell;
use std::collections::BTreeMap;

pub use inputs::{
    approval, authenticate, blob_created, cancel, close, eof, exited, file_failed, file_read, file_written,
    http_body, http_end, http_head, http_head_with, limits, line, provided, refused, signalled, spawned,
    stderr, stdin_closed, stdin_taken, stdout, tool_result,
};
pub use outputs::{answer_text, approval_asked, effect_op, outcome, written_text};

use crate::log::Level;
use crate::{
    Adapter, Attempt, Binding, BindingSettings, ExecuteAttempt, Input, Millis, Op, OpenBinding, Output,
    Outputs, PromptBlock, ResumeBinding, RunMode, Start, Stop, StopReason,
};

/// What the kit says to be, whatever version the package has into which this crate was copied.
const HOST_VERSION: &str = "0.1.0";

/// The Omi session of every binding and attempt.
const OMI_SESSION: &str = "ses_00000000000000000000000000000001";

/// The Omi run and attempt of every attempt.
const OMI_RUN: &str = "run_00000000000000000000000000000002";
const OMI_ATTEMPT: &str = "att_00000000000000000000000000000003";

/// Milliseconds that a worker has to end, long enough to tell its steps apart.
const STOP_GRACE_MS: u32 = 6_000;

thread_local! {
    /// Lines logged on this thread; the test runner gives every test a thread of its own.
    static LOGGED: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn capture(level: Level, line: &str) {
    LOGGED.with_borrow_mut(|lines| lines.push((level, line.to_owned())));
}

/// The host of one adapter, in a test.
pub struct TestKit<A> {
    adapter: A,
    now: Millis,
    timers: BTreeMap<Op, Millis>,
    rules: rules::Rules,
}

impl<A: Adapter> Default for TestKit<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Adapter> TestKit<A> {
    /// A fresh adapter, at the time 0.
    pub fn new() -> Self {
        LOGGED.with_borrow_mut(Vec::clear);
        let descriptor = A::describe();
        rules::check_description(&descriptor, &A::describe());
        Self { adapter: A::new(), now: 0, timers: BTreeMap::new(), rules: rules::Rules::new(descriptor) }
    }

    /// Tell the adapter what happened; give what it asks for.
    pub fn send(&mut self, input: Input) -> Vec<Output> {
        self.rules.told(&input);
        let mut out = Outputs::new();
        self.adapter.handle(self.now, input, &mut out);
        let outputs = out.into_vec();
        for output in &outputs {
            self.rules.asked(output);
            match output {
                Output::SetTimer(timer) => {
                    self.timers.insert(timer.op, self.now + timer.after_ms);
                }
                Output::ClearTimer(op) => {
                    self.timers.remove(op);
                }
                _ => {}
            }
        }
        outputs
    }

    /// Several things in a row; everything that is asked for.
    pub fn send_all(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<Output> {
        inputs.into_iter().flat_map(|input| self.send(input)).collect()
    }

    /// Let time pass; timers that come due are told in order.
    pub fn advance(&mut self, ms: Millis) -> Vec<Output> {
        let end = self.now + ms;
        let mut outputs = Vec::new();
        while let Some((op, due)) = self.next_timer().filter(|(_, due)| *due <= end) {
            self.timers.remove(&op);
            self.now = due;
            outputs.extend(self.send(Input::Timer(op)));
        }
        self.now = end;
        outputs
    }

    /// The timer that is due next, and when.
    pub fn next_timer(&self) -> Option<(Op, Millis)> {
        self.timers.iter().min_by_key(|(_, due)| **due).map(|(op, due)| (*op, *due))
    }

    /// Start the worker with this `[config]`, a JSON object, and the grants that are not optional.
    pub fn start(&mut self, config: &str) -> Vec<Output> {
        let required: Vec<String> = A::describe()
            .grants
            .into_iter()
            .filter(|grant| !grant.optional)
            .map(|grant| grant.name)
            .collect();
        let names: Vec<&str> = required.iter().map(String::as_str).collect();
        self.start_with_grants(config, &names)
    }

    /// Start the worker with this `[config]`, and these of the declared grants.
    pub fn start_with_grants(&mut self, config: &str, grants: &[&str]) -> Vec<Output> {
        self.send(Input::Start(Start {
            registration: "test".to_owned(),
            config: config.to_owned(),
            host_version: HOST_VERSION.to_owned(),
            host_extensions: Vec::new(),
            grants: grants.iter().map(|&name| name.to_owned()).collect(),
            limits: limits(),
            seed: 1,
            extra: String::new(),
        }))
    }

    /// Open a binding in this folder, with nothing special.
    pub fn open(&mut self, binding: Binding, cwd: &str) -> Vec<Output> {
        self.send(Input::OpenBinding(OpenBinding {
            binding,
            omi_session: OMI_SESSION.to_owned(),
            settings: BindingSettings::in_folder(cwd),
            extra: String::new(),
        }))
    }

    /// Take up a native session in this folder, with nothing special.
    pub fn resume(&mut self, binding: Binding, native_id: &str, cwd: &str) -> Vec<Output> {
        self.send(Input::ResumeBinding(ResumeBinding {
            binding,
            omi_session: OMI_SESSION.to_owned(),
            native_id: native_id.to_owned(),
            settings: BindingSettings::in_folder(cwd),
            extra: String::new(),
        }))
    }

    /// Tell the worker to end.
    pub fn stop(&mut self) -> Vec<Output> {
        self.send(Input::Stop(Stop {
            reason: StopReason::Idle,
            grace_ms: STOP_GRACE_MS,
            extra: String::new(),
        }))
    }

    /// Execute an attempt with a prompt of one text.
    pub fn execute(&mut self, attempt: Attempt, binding: Binding, prompt: &str) -> Vec<Output> {
        self.execute_blocks(attempt, binding, vec![PromptBlock::Text(prompt.to_owned())])
    }

    /// Execute an attempt with these blocks.
    pub fn execute_blocks(
        &mut self,
        attempt: Attempt,
        binding: Binding,
        prompt: Vec<PromptBlock>,
    ) -> Vec<Output> {
        self.send(Input::ExecuteAttempt(ExecuteAttempt {
            attempt,
            binding,
            omi_session: OMI_SESSION.to_owned(),
            omi_run: OMI_RUN.to_owned(),
            omi_attempt: OMI_ATTEMPT.to_owned(),
            number: 1,
            prompt,
            mode: RunMode::Act,
            model: None,
            tools: Vec::new(),
            extra: String::new(),
        }))
    }

    /// Check that nothing waits for the adapter: every start, binding, attempt and cancellation has its answer.
    ///
    /// Worth a line at the end of a test in which everything was given that the adapter needs.
    pub fn settled(&self) {
        self.rules.settled();
    }

    /// What the adapter logged so far.
    pub fn logged(&self) -> Vec<(Level, String)> {
        LOGGED.with_borrow(Clone::clone)
    }
}
