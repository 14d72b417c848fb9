//! The tests of the store: a real SQLite file, real inputs, and what is in the rows afterwards.

mod atomic;
mod bench;
mod compact;
mod damage;
mod fixture;
mod names;
mod order;
mod reader;
mod reopen;
mod schema;
mod usage;
