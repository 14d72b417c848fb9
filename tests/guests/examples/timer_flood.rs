//! Answers every refusal with a thousand more requests that are refused.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, SetTimer};
use omi_test_guests::{descriptor, polite};

/// The guest.
pub struct Guest {
    op: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("timer-flood")
    }

    fn new() -> Self {
        Self { op: 0 }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(_) | Input::Refused(_)) = polite(input, out)
            && out.len() < 3000
        {
            for _ in 0..1000 {
                self.op += 1;
                out.push(SetTimer::new(self.op, 3_600_000));
            }
        }
    }
}
