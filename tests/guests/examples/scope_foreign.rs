//! Uses numbers that are not its own: foreign bindings and attempts, used ops, unknown processes and blobs.

use omi_adapter_sdk::{
    Adapter, Attempt, AttemptEvent, AttemptFinished, BindingOpened, Descriptor, Fidelity, Input, Millis,
    Outcome, Output, Outputs, Part, Scope, SetTimer, WriteStdin,
};
use omi_test_guests::{descriptor, finish, polite, say};

/// A number that the host has given to nothing.
const FOREIGN: u32 = 4242;

/// The guest.
pub struct Guest {
    attempt: Attempt,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("scope-foreign")
    }

    fn new() -> Self {
        Self { attempt: 0 }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                out.push(SetTimer { scope: Scope::Attempt(FOREIGN), ..SetTimer::new(1, 0) });
                out.push(SetTimer { scope: Scope::Binding(FOREIGN), ..SetTimer::new(2, 0) });
                out.push(SetTimer::new(3, 3_600_000));
                out.push(SetTimer::new(3, 0));
                let parts = vec![Part::Bytes(vec![b'x'])];
                out.push(WriteStdin { process: FOREIGN, parts, extra: String::new() });
                out.push(Output::DropBlob(FOREIGN));
                out.push(AttemptEvent::text(FOREIGN, "m", "for somebody else"));
                out.push(AttemptFinished::new(FOREIGN, Outcome::Cancelled, None));
                out.push(BindingOpened::new(FOREIGN, "native", Fidelity::Native));
                out.push(SetTimer::new(4, 0));
            }
            Some(Input::Refused(refused)) => {
                say(self.attempt, format!("{} {:?}", refused.op, refused.why), out);
            }
            Some(Input::Timer(op)) => {
                say(self.attempt, format!("{op} timer"), out);
                finish(self.attempt, out);
            }
            _ => {}
        }
    }
}
