//! What the end-to-end tests share: a daemon in folders of its own.

pub mod world;
