//! Sends an event whose `extra` is no JSON; then it answers.

use omi_adapter_sdk::{Adapter, AttemptEvent, Descriptor, Event, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("extra-broken")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            let event = Event::MessageEnd("before".to_owned());
            let extra = "{\"broken\": ".to_owned();
            out.push(AttemptEvent { extra, ..AttemptEvent::new(execute.attempt, event) });
        }
        correct(input, out);
    }
}
