//! The adapter that the README shows: it is correct.

#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a component exports it"))]
#[path = "../../../guest-sdk/tests/readme/mine.rs"]
mod mine;
