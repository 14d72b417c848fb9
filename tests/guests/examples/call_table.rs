//! Wants a table without an end.
//!
//! Rust has no way to grow a table. So this guest grows its memory by a number that nothing else uses, and the test
//! puts `table.grow` in the place of that before it installs the component.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{descriptor, polite, say};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("call-table")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            let mut elements = 0;
            while grow() != usize::MAX {
                elements += 10_007;
            }
            say(execute.attempt, format!("refused after {elements} elements"), out);
        }
    }
}

/// The number that marks the place is 10,007: a few times that is more than any adapter needs.
#[cfg(target_arch = "wasm32")]
fn grow() -> usize {
    core::arch::wasm32::memory_grow::<0>(10_007)
}

#[cfg(not(target_arch = "wasm32"))]
fn grow() -> usize {
    usize::MAX
}
