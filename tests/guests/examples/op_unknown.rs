//! Writes to, ends and gives up what it never began, at each prompt; then it answers.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Kill, Millis, Output, Outputs, Part, WriteStdin};
use omi_test_guests::{correct, modest};

/// A number that nothing has.
const UNKNOWN: u32 = 4242;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("op-unknown")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(_) = &input {
            let parts = vec![Part::Bytes(b"hello".to_vec())];
            out.push(WriteStdin { process: UNKNOWN, parts, extra: String::new() });
            out.push(Kill::new(UNKNOWN, 0));
            out.push(Output::HttpAbort(UNKNOWN));
        }
        correct(input, out);
    }
}
