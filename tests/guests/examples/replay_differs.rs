//! Answers differently in an instance that has described itself.

use std::sync::atomic::{AtomicU32, Ordering};

use omi_adapter_sdk::{Adapter, AttemptEvent, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, finish, modest, text};

/// How often this instance has described itself.
static DESCRIBED: AtomicU32 = AtomicU32::new(0);

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        DESCRIBED.fetch_add(1, Ordering::Relaxed);
        modest("replay-differs")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::ExecuteAttempt(execute) => {
                let described = DESCRIBED.load(Ordering::Relaxed);
                let answer = format!("{} (described {described} times)", text(&execute.prompt));
                out.push(AttemptEvent::text(execute.attempt, "answer", answer));
                finish(execute.attempt, out);
            }
            other => correct(other, out),
        }
    }
}
