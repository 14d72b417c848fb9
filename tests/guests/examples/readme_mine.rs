//! The adapter that the README shows: it is correct.

#[path = "../../../guest-sdk/tests/readme/mine.rs"]
mod mine;
