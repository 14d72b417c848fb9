//! Emits an artifact, which its description says it never does; then it answers.

use omi_adapter_sdk::{Adapter, Artifact, AttemptEvent, Descriptor, Event, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("artifact-undeclared")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            out.push(AttemptEvent::new(execute.attempt, Event::Artifact(artifact())));
        }
        correct(input, out);
    }
}

fn artifact() -> Artifact {
    Artifact {
        kind: "file".to_owned(),
        role: "result".to_owned(),
        uri: "notes.md".to_owned(),
        name: None,
        mime_type: None,
        content: None,
        extra: String::new(),
    }
}
