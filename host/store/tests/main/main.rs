//! The tests of the store: a real SQLite file, real inputs, and what is in the rows afterwards.

mod access;
mod atomic;
mod bench;
mod compact;
mod component;
mod damage;
mod delegation;
mod fixture;
mod grants;
mod names;
mod order;
mod pages;
mod reader;
mod reopen;
mod requests;
mod retention;
mod retry;
mod schema;
mod session;
mod tell;
mod usage;
