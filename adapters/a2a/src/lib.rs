//! Drives any remote agent that speaks A2A, version 1.0 or 0.3, over JSON-RPC and server-sent events.
//!
//! ```text
//!  start          GET the agent card -> interface, version -> ready                card.rs, worker.rs
//!  open-binding   a context id of our own; nothing is sent                         conversation.rs
//!  execute        SendStreamingMessage, or SendMessage and GetTask                 attempts.rs, wire.rs
//!                 what the agent says -> events, each thing once                   reading.rs, said.rs, outbox.rs
//!                 input or a log-in required -> request-input -> a message         asking.rs
//!                 a dropped stream -> SubscribeToTask, then GetTask                following.rs
//!                 the task's last state -> attempt-finished                        ending.rs
//!  cancel         CancelTask; only the state CANCELED is a confirmation            cancelling.rs
//! ```
//!
//! What agents send is read with tolerance, in the shapes of both versions. A message is never sent twice: an agent
//! makes two tasks of it.

mod asking;
mod attempts;
mod cancelling;
mod card;
mod config;
mod conversation;
mod ending;
mod following;
mod json;
mod link;
mod mark;
mod outbox;
mod reading;
mod said;
#[cfg(test)]
mod tests;
mod turn;
mod wire;
mod worker;

use omi_adapter_sdk::{
    Adapter, Cancellation, Capabilities, Descriptor, Failure, Fidelity, GrantRequest, Input, Life, Millis,
    Outputs, Recovery, Restart, Start,
};

use crate::config::Config;
use crate::worker::Worker;

/// The grant for the agent's server.
const REMOTE: &str = "remote";

/// Conversations of one worker: each is a name and no more.
const BINDINGS_PER_WORKER: u32 = 32;

/// Attempts of one worker: each has up to three requests open, and the host allows sixteen.
const ATTEMPTS_PER_WORKER: u32 = 4;

/// An adapter for agents that speak A2A.
pub struct A2a {
    life: Life<Worker>,
}

omi_adapter_sdk::export_adapter!(A2a);

impl Adapter for A2a {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "a2a".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "Agent2Agent".to_owned(),
            protocol: "a2a/1.0".to_owned(),
            capabilities: Capabilities {
                resume: Fidelity::Native,
                cancellation: Cancellation::Acknowledged,
                restart: Restart::BindingsSurvive,
                // A task that goes on by itself is never sent again by the agent.
                recovery: Recovery::Runtime,
                pinned_worker: false,
                bindings_per_worker: BINDINGS_PER_WORKER,
                attempts_per_worker: ATTEMPTS_PER_WORKER,
                model_switching: false,
                artifacts: true,
                tools: false,
                extra: String::new(),
            },
            grants: vec![GrantRequest::http(
                REMOTE,
                "*",
                "Reads the agent's card and sends it your prompts.",
            )],
            config_schema: config::SCHEMA.to_owned(),
            extra: String::new(),
        }
    }

    fn new() -> Self {
        Self { life: Life::default() }
    }

    fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs) {
        let begin = |start: &Start, out: &mut Outputs| {
            let config = Config::parse(&start.config)
                .map_err(|error| Failure::fatal("config_unknown", error.to_string()))?;
            Ok(Worker::start(config, start, out))
        };
        self.life.handle(input, out, begin, |worker, input, out| worker.handle(now, input, out));
    }
}
