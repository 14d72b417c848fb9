//! Sets a timer on behalf of an attempt that it does not have, at each prompt; then it answers.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Op, Outputs, Scope, SetTimer};
use omi_test_guests::{correct, modest};

/// A number that nothing has.
const UNKNOWN: u32 = 4242;

/// The guest.
#[derive(Default)]
pub struct Guest {
    op: Op,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("scope-unknown")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(_) = &input {
            self.op += 1;
            out.push(SetTimer { scope: Scope::Attempt(UNKNOWN), ..SetTimer::new(self.op, 1) });
        }
        correct(input, out);
    }
}
