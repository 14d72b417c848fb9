//! Every behaviour, without WebAssembly and without a server: the kit plays the host.

mod answering;
mod cancelling;
mod choosing;
mod failing;
mod remembering;
mod script;
mod starting;
