//! Answers `cancel-attempt` twice, both times with the truth.

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
        line::descriptor("cancel-twice")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::CancelAttempt(cancel) = &input {
            out.push(CancelAnswer::new(cancel.attempt, false, false));
        }
        self.line.handle(input, out);
    }
}
