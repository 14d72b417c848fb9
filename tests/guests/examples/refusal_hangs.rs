//! Waits for its program for ever when starting it was refused.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::line::{self, AGENT, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
    is_up: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("refusal-hangs")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if matches!(&input, Input::Refused(refused) if refused.op == AGENT && !self.is_up) {
            return;
        }
        self.is_up |= matches!(&input, Input::Spawned(_));
        self.line.handle(input, out);
    }
}
