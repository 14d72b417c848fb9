//! Starts a program under a grant that it does not name in its description, at each prompt; then it answers.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Op, Outputs, Spawn};
use omi_test_guests::{correct, modest};

/// The guest.
#[derive(Default)]
pub struct Guest {
    op: Op,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("grant-unnamed")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(_) = &input {
            self.op += 1;
            out.push(Spawn::lines(self.op, "secret"));
        }
        correct(input, out);
    }
}
