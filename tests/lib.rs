//! What the end-to-end tests share: a daemon in folders of its own, and what was measured of real runtimes.

pub mod measured;
pub mod world;
