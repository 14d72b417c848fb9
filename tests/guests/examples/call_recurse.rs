//! Recurses without an end.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{descriptor, polite, say};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("call-recurse")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            say(execute.attempt, depth(1).to_string(), out);
        }
    }
}

#[expect(unconditional_recursion, reason = "this is what the guest is for")]
fn depth(of: u64) -> u64 {
    let page = std::hint::black_box([of; 64]);
    depth(of + 1) + page[0]
}
