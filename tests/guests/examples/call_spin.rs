//! Says something and never returns from the call.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{descriptor, polite, say};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("call-spin")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            say(execute.attempt, "not to be seen: the call does not return", out);
            let mut turns = 0_u64;
            while std::hint::black_box(turns) < u64::MAX {
                turns += 1;
            }
        }
    }
}
