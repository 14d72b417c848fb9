//! A second, simpler implementation of the record, and a simulated world around the kernel.

pub mod coverage;
mod record;
pub mod row;
pub mod script;
pub mod sim;
pub mod simulate;
pub mod story;
pub mod table;
pub mod walk;

pub use record::{Record, Taken};
pub use simulate::simulate;

/// What is wrong, in words.
pub type Fault = String;

/// A rule that holds, or the fault that it does not.
pub(crate) fn ensure(holds: bool, fault: impl FnOnce() -> Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault()) }
}
