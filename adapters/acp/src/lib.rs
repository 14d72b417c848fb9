//! Drives any agent that speaks the Agent Client Protocol, version 1, over its standard input and output.
//!
//! ```text
//!  start          spawn `agent` -> initialize -> ready                        agent.rs
//!  open-binding   session/new, or session/resume, or session/load             opening.rs, sessions.rs
//!                 -> mode, options, model -> binding-opened                   settings.rs, choices.rs
//!                 authenticate, where the agent asks for it                   login.rs
//!  execute        session/prompt, one at a time in a session                  attempts.rs, prompt.rs
//!                 session/update  -> events                                   turn.rs, tools.rs, outbox.rs
//!                 session/request_permission -> request-approval              permission.rs
//!                 elicitation/create -> request-input                         questions.rs
//!                 fs/*, terminal/* -> files and programs, through the gate    client.rs, files.rs, terminals.rs
//!                 its answer -> attempt-finished                              outcome.rs, usage.rs, model_failure.rs
//!  cancel         permissions `cancelled`, session/cancel, once more if the turn goes on after a second; its terminals are killed
//!  the agent ends, or writes what cannot be read: every open attempt and binding fails with the reason
//! ```
//!
//! What agents send is read with tolerance (`json.rs`, `rpc` of the SDK): an unknown update, option or word costs nothing.
//! What is sent to them is built with the official types. `fs/*` is offered where the registration binds the grant
//! `workspace`, and `terminal/*` where it binds `terminal`.
//!
//! A system prompt has no place in ACP v1. It goes where `[config] systemPrompt` says, by default in the member
//! `systemPrompt` of agents that offer it, else before the first prompt of a new session.

mod agent;
mod attempts;
mod choices;
mod client;
mod codes;
mod config;
mod files;
mod heartbeat;
mod json;
mod link;
mod login;
mod model_failure;
mod offers;
mod opening;
mod outbox;
mod outcome;
mod permission;
mod prompt;
mod questions;
mod servers;
mod sessions;
mod settings;
mod terminals;
#[cfg(test)]
mod tests;
mod tools;
mod turn;
mod usage;
mod window;
mod wording;
mod worker;

use omi_adapter_sdk::{
    Adapter, Cancellation, Capabilities, Descriptor, Failure, Fidelity, Input, Life, Millis, Outputs,
    Recovery, Restart, Start,
};

use crate::config::Config;
use crate::worker::Worker;

/// Sessions of one agent process: they share its memory, and most agents need little more for a second one.
const BINDINGS_PER_WORKER: u32 = 16;

/// An adapter for agents that speak ACP.
pub struct Acp {
    life: Life<Worker>,
}

omi_adapter_sdk::export_adapter!(Acp);

impl Adapter for Acp {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "acp".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "Agent Client Protocol".to_owned(),
            protocol: "acp/1".to_owned(),
            capabilities: Capabilities {
                resume: Fidelity::Native,
                // Agents were measured that answer `cancelled` while the work goes on.
                cancellation: Cancellation::Dispatched,
                restart: Restart::BindingsSurvive,
                recovery: Recovery::Host,
                pinned_worker: false,
                bindings_per_worker: BINDINGS_PER_WORKER,
                attempts_per_worker: 1,
                model_switching: true,
                artifacts: false,
                tools: false,
                extra: String::new(),
            },
            grants: client::grants(),
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
