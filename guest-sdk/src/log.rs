//! Lines for the person who looks after the adapter. They are not part of any session's record.

pub use crate::bindings::omi::runtime_adapter::log::Level;

/// For the author of the adapter.
pub fn debug(line: &str) {
    write(Level::Debug, line);
}

/// Worth knowing.
pub fn info(line: &str) {
    write(Level::Info, line);
}

/// Something odd that was coped with.
pub fn warn(line: &str) {
    write(Level::Warn, line);
}

/// Something failed.
pub fn error(line: &str) {
    write(Level::Error, line);
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, line: &str) {
    crate::bindings::omi::runtime_adapter::log::write(level, line);
}

/// There is no host natively: the test kit reads the lines, and standard error shows them when a test fails.
#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, line: &str) {
    crate::testkit::capture(level, line);
    eprintln!("{level:?}: {line}");
}
