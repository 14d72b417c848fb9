//! Does nothing wrong, with a server for a runtime: each prompt is a request, and the body of the answer is the answer.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::remote::{self, Remote};

/// The guest.
#[derive(Default)]
pub struct Guest {
    remote: Remote,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        remote::descriptor("http-line")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        self.remote.handle(input, out);
    }
}
