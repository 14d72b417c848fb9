//! Gives the id of the Omi session as the runtime's own; everything else is right.

use omi_adapter_sdk::{Adapter, BindingOpened, Descriptor, Fidelity, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("binding-session-id")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::OpenBinding(open) => {
                out.push(BindingOpened::new(open.binding, open.omi_session, Fidelity::None));
            }
            other => correct(other, out),
        }
    }
}
