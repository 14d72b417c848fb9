//! Sets a timer that is due at once whenever one is due, from the first prompt on, and answers late or never.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, SetTimer};
use omi_test_guests::{correct, modest};

/// The guest.
#[derive(Default)]
pub struct Guest {
    op: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("timer-again")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::ExecuteAttempt(_) => self.again(out),
            Input::Timer(op) if op == self.op && op > 0 => self.again(out),
            other => correct(other, out),
        }
    }
}

impl Guest {
    fn again(&mut self, out: &mut Outputs) {
        self.op += 1;
        out.push(SetTimer::new(self.op, 0));
    }
}
