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
    Adapter, Cancellation, Capabilities, Descriptor, Failure, Fidelity, GrantRequest, Input, Life, Millis,
    Outputs, Recovery, Restart, Start,
};

use crate::config::Config;
use crate::worker::{AGENT, Worker};

/// An adapter for pi.
pub struct PiMono {
    life: Life<Worker>,
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
        Self { life: Life::default() }
    }

    fn handle(&mut self, _now: Millis, input: Input, out: &mut Outputs) {
        let begin = |start: &Start, out: &mut Outputs| {
            let config = Config::parse(&start.config)
                .map_err(|error| Failure::fatal("config_unknown", error.to_string()))?;
            Ok(Worker::start(config, start, out))
        };
        self.life.handle(input, out, begin, Worker::handle);
    }
}
