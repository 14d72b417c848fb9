//! HTTP: the sessions and runs of an owner for web pages, phones and programs (seed 002 §9, issue text of surfaces).
//!
//! ```text
//!  TCP, loopback ─┐                        ┌─ /v1/…      resources, each a file here
//!  TCP with TLS ──┼─ listen ─▶ guard ──────┼─ …/events   server-sent events
//!  Unix socket ───┘            key, Host,  ├─ /v1/ws     wire v2
//!                              Origin      └─ /docs, /openapi.json
//! ```
//!
//! A handler is a codec: it has no rule of its own. What the kernel refuses is a problem document with the kernel's word.

mod body;
mod endpoint;
mod events;
mod guard;
mod key;
mod listen;
mod problem;
mod routes;
mod server;
mod websocket;

pub(crate) use server::{HttpServer, Listen};
