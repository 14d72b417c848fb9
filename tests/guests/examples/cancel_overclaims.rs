//! Says that its program was told to stop, which its description says is not possible.

use omi_adapter_sdk::{Adapter, CancelAnswer, Descriptor, Input, Millis, Outputs};
use omi_test_guests::line::{self, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("cancel-overclaims")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::CancelAttempt(cancel) => out.push(CancelAnswer::new(cancel.attempt, true, false)),
            other => self.line.handle(other, out),
        }
    }
}
