//! Gives the Omi session's own id as the runtime's.

use omi_adapter_sdk::{Adapter, BindingOpened, Descriptor, Fidelity, Input, Millis, Outputs};
use omi_test_guests::{descriptor, polite};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("binding-omi-id")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::OpenBinding(open) = input {
            out.push(BindingOpened::new(open.binding, open.omi_session, Fidelity::Native));
        } else {
            polite(input, out);
        }
    }
}
