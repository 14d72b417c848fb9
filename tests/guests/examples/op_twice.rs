//! Sets two timers with the same op at its first prompt; then it answers.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, SetTimer};
use omi_test_guests::{correct, modest};

/// The guest.
#[derive(Default)]
pub struct Guest {
    set: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("op-twice")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(_) = &input
            && !std::mem::replace(&mut self.set, true)
        {
            out.push(SetTimer::new(1, 1));
            out.push(SetTimer::new(1, 1));
        }
        correct(input, out);
    }
}
