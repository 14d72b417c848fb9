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

#![expect(unused_qualifications, reason = "what describes an operation names its parameters by their paths")]

mod action;
mod adapter;
mod artifact;
mod body;
mod delegation;
#[cfg(test)]
mod document;
mod endpoint;
mod events;
mod file;
mod grant;
mod guard;
mod idempotency;
mod key;
mod listen;
mod message;
mod page;
mod patient;
mod problem;
mod request;
mod room;
mod routes;
mod run;
mod server;
mod session;
mod status;
mod stream;
#[cfg(test)]
mod tests;
mod websocket;
mod word;

pub(crate) use endpoint::Endpoint;
pub(crate) use server::{HttpServer, Listen};
