//! Requests to a person: their numbers are small and used once, and only an open one is withdrawn.

use std::collections::BTreeMap;

use crate::{Input, Output};

/// The first number that is too large for a request.
const REQUESTS_END: u32 = 1 << 31;

#[derive(Default)]
pub(super) struct Requests {
    /// Each request, and whether it is open.
    made: BTreeMap<u32, bool>,
}

impl Requests {
    pub(super) fn told(&mut self, input: &Input) {
        let request = match input {
            Input::Approval(approval) => approval.request,
            Input::ProvidedInput(provided) => provided.request,
            _ => return,
        };
        if let Some(open) = self.made.get_mut(&request) {
            *open = false;
        }
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::RequestApproval(request) => self.makes(request.request),
            Output::RequestInput(request) => self.makes(request.request),
            Output::WithdrawRequest(withdraw) => {
                let open = self.made.insert(withdraw.request, false);
                assert_eq!(open, Some(true), "only a request that is open can be withdrawn: {output:?}");
            }
            _ => {}
        }
    }

    fn makes(&mut self, request: u32) {
        assert!(request < REQUESTS_END, "the number of a request is below 2^31, and {request} is not");
        let before = self.made.insert(request, true);
        assert!(before.is_none(), "request {request} is used twice within the worker");
    }
}
