//! Drives pi over its RPC mode: JSON lines on its standard input and output.
//!
//! ```text
//!  start          pi --version -> ready                                     probe.rs, version.rs
//!  open-binding   pi --mode rpc [--session-id ID] -> get_state, get_commands -> binding-opened      session.rs
//!  execute        [set_model] -> prompt, one at a time                      attempts.rs, prompt.rs
//!                 events -> events, counted by turn                         turn.rs, tools.rs, usage.rs
//!                 the gate's question -> request-approval; others -> request-input      dialogs.rs
//!                 agent_settled, or what an old pi has instead -> attempt-finished      outcome.rs
//!  cancel         dialogs answered, clear_queue, abort; its answer proves that pi is idle
//!  pi ends        the attempt, the binding and the worker end with the reason
//! ```
//!
//! One worker has one pi with one session: events of pi carry no id, so a process can only do one thing at a time. pi
//! runs tools without asking; `extension/omi-gate.js` makes it ask, and nothing is begun without it unless the
//! registration says so.

mod attempts;
mod config;
mod dialogs;
mod json;
mod link;
mod outcome;
mod probe;
mod prompt;
mod session;
#[cfg(test)]
mod tests;
mod tools;
mod turn;
mod usage;
mod version;
mod worker;

use omi_adapter_sdk::{
    Adapter, Cancellation, Capabilities, Descriptor, Failure, Fault, Fidelity, GrantRequest, Input, Millis,
    Outputs, Recovery, Restart,
};

use crate::config::Config;
use crate::worker::{AGENT, Worker};

/// An adapter for pi.
pub struct PiMono {
    state: State,
}

enum State {
    Idle,
    Running(Box<Worker>),
    /// Nothing more is possible; what still arrives gets this answer.
    Ended(Failure),
}

omi_adapter_sdk::export_adapter!(PiMono);

impl Adapter for PiMono {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "pi-mono".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "pi".to_owned(),
            protocol: "pi-rpc".to_owned(),
            capabilities: Capabilities {
                // The best case, from 0.99 on; each binding says what it is.
                resume: Fidelity::Native,
                cancellation: Cancellation::Acknowledged,
                restart: Restart::BindingsSurvive,
                recovery: Recovery::Host,
                pinned_worker: true,
                bindings_per_worker: 1,
                attempts_per_worker: 1,
                model_switching: true,
                artifacts: false,
                tools: false,
                extra: String::new(),
            },
            grants: vec![GrantRequest::process(AGENT, "Runs the pi that this adapter talks to.")],
            config_schema: config::SCHEMA.to_owned(),
            extra: String::new(),
        }
    }

    fn new() -> Self {
        Self { state: State::Idle }
    }

    fn handle(&mut self, _now: Millis, input: Input, out: &mut Outputs) {
        match (&mut self.state, input) {
            (State::Idle, Input::Start(start)) => match Config::parse(&start.config) {
                Ok(config) => {
                    self.state = State::Running(Box::new(Worker::start(config, &start, out)));
                }
                Err(error) => {
                    let failure = Failure::fatal("config_unknown", error.to_string());
                    out.push(Fault::new(failure.clone()));
                    self.state = State::Ended(failure);
                }
            },
            (State::Idle, _) => {}
            (State::Running(worker), input) => {
                if let Some(failure) = worker.handle(input, out) {
                    self.state = State::Ended(failure);
                }
            }
            (State::Ended(failure), input) => failure.refuse(&input, out),
        }
    }
}
