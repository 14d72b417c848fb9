//! Makes any server with an OpenAI-compatible API a plain chat runtime, over the `http` grant `remote`.
//!
//! ```text
//!  start          GET  {basePath}/models            -> ready, auth-required or fault        models.rs
//!  open, resume   nothing is asked: the history that the host tells is what is remembered   conversation.rs
//!  execute        POST {basePath}/chat/completions  the whole conversation each time        attempt.rs, body.rs
//!                 its stream, or its one object     -> events                               answer.rs
//!                 its end, or its status            -> attempt-finished                     attempt.rs, failures.rs
//!  cancel         the request is closed
//! ```
//!
//! The server keeps nothing, so what is sent is made of what Omi recorded (`reconstructed`). A run without an answer is
//! left out of it; one that was cancelled or failed is told with as much of its answer as came. What this worker saw is
//! remembered in just the same way, so that a restart changes no request. Pictures never pass through here: the host
//! keeps them, and writes them into the body.
//!
//! Nothing is tried again here, with one exception: a server that does not know `stream_options` is asked without it.

mod answer;
mod attempt;
mod body;
mod config;
mod conversation;
mod exchange;
mod failures;
mod models;
mod ops;
mod said;
#[cfg(test)]
mod tests;
mod worker;

use omi_adapter_sdk::{
    Adapter, Cancellation, Capabilities, Descriptor, Failure, Fidelity, GrantRequest, Input, Life, Millis,
    Outputs, Recovery, Restart, Start,
};

use crate::config::Config;
use crate::worker::Worker;

/// A session is a list of texts: a worker holds many.
const BINDINGS_PER_WORKER: u32 = 32;

/// Half of the requests that a worker may have open.
const ATTEMPTS_PER_WORKER: u32 = 8;

/// An adapter for servers with an OpenAI-compatible API.
pub struct Chat {
    life: Life<Worker>,
}

omi_adapter_sdk::export_adapter!(Chat);

impl Adapter for Chat {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "openai-chat".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "OpenAI-compatible chat".to_owned(),
            protocol: "openai-chat".to_owned(),
            capabilities: Capabilities {
                resume: Fidelity::Reconstructed,
                cancellation: Cancellation::Dispatched,
                restart: Restart::BindingsSurvive,
                recovery: Recovery::Host,
                pinned_worker: false,
                bindings_per_worker: BINDINGS_PER_WORKER,
                attempts_per_worker: ATTEMPTS_PER_WORKER,
                model_switching: true,
                artifacts: false,
                tools: false,
                extra: String::new(),
            },
            grants: vec![GrantRequest::http(
                exchange::REMOTE,
                "*",
                "Sends the conversation to the model server, and asks it which models it has.",
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
            Ok(Worker::start(config, start, now, out))
        };
        self.life.handle(input, out, begin, |worker, input, out| worker.handle(now, input, out));
    }
}
