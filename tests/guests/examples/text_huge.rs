//! Answers with texts of 30 MB: a piece of the answer, a thought, the name of a tool, the reason of its failure.
//!
//! The first line of the prompt says which.

use omi_adapter_sdk::{
    Adapter, Attempt, AttemptEvent, AttemptFinished, Descriptor, Event, Failure, Input, Millis, Outcome,
    Outputs, ToolStart,
};
use omi_test_guests::{descriptor, finish, polite, say, text};

/// Bytes of each text.
const BYTES: usize = 30_000_000;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("text-huge")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            let attempt = execute.attempt;
            match text(&execute.prompt).as_str() {
                "thought" => {
                    out.push(AttemptEvent::new(attempt, Event::ThoughtDelta("x".repeat(BYTES))));
                    finish(attempt, out);
                }
                "tool" => {
                    out.push(AttemptEvent::new(attempt, Event::ToolStarted(tool())));
                    finish(attempt, out);
                }
                "failure" => fail(attempt, out),
                _ => {
                    say(attempt, "x".repeat(BYTES), out);
                    finish(attempt, out);
                }
            }
        }
    }
}

fn fail(attempt: Attempt, out: &mut Outputs) {
    let failure = Failure::fatal("huge", "x".repeat(BYTES));
    out.push(AttemptFinished::new(attempt, Outcome::Failed(failure), None));
}

fn tool() -> ToolStart {
    ToolStart {
        id: "t".to_owned(),
        name: String::new(),
        title: "x".repeat(BYTES),
        kind: "other".to_owned(),
        input: None,
        extra: String::new(),
    }
}
