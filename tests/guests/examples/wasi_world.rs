//! Says what it sees of the world: the time, randomness, variables, files.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{descriptor, finish, polite, say};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("wasi-world")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            let attempt = execute.attempt;
            let began = Instant::now();
            let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            say(attempt, format!("random {}", RandomState::new().hash_one(1)), out);
            say(attempt, format!("clock {}", wall.is_ok_and(|wall| wall.as_millis() == now.into())), out);
            say(attempt, format!("frozen {}", began.elapsed().is_zero()), out);
            say(attempt, format!("variables {}", std::env::vars().count()), out);
            say(attempt, format!("arguments {}", std::env::args().count()), out);
            say(attempt, format!("files {}", std::fs::read_dir("/").is_ok()), out);
            finish(attempt, out);
        }
    }
}
