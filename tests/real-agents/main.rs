//! Published ACP agents, driven end to end against a scripted model server on loopback.

mod a2a;
mod expected;
mod gate;
mod ground;
mod matrix;
mod model_server;
mod only_pi;
mod processes;
mod setup;
mod stage;
