//! Asks for two approvals under the same number at its first prompt, and takes both back; then it answers.

use omi_adapter_sdk::{
    Adapter, ApprovalOption, Attempt, Descriptor, Input, Millis, OptionKind, Outputs, RequestApproval,
    WithdrawRequest,
};
use omi_test_guests::{correct, modest};

/// The number of both.
const REQUEST: u32 = 7;

/// The guest.
#[derive(Default)]
pub struct Guest {
    asked: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("request-twice")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input
            && !std::mem::replace(&mut self.asked, true)
        {
            for _ in 0..2 {
                out.push(request(execute.attempt));
                out.push(WithdrawRequest::new(REQUEST));
            }
        }
        correct(input, out);
    }
}

fn request(attempt: Attempt) -> RequestApproval {
    let once = ApprovalOption {
        id: "once".to_owned(),
        name: "Once".to_owned(),
        kind: OptionKind::AllowOnce,
        extra: String::new(),
    };
    RequestApproval {
        request: REQUEST,
        attempt,
        title: "May I?".to_owned(),
        tool: None,
        options: vec![once],
        details: "{}".to_owned(),
        extra: String::new(),
    }
}
