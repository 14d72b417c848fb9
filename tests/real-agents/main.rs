//! Published ACP agents, driven end to end against a scripted model server on loopback.

mod ground;
mod model_server;
mod setup;
mod through;
