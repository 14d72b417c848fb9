//! What an adapter asks a person: for approval or for information. Both share their numbers and their limit.

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::AttemptId;
use omi_kernel::report::{ApprovalRequest, InputRequest, Report, WorkerEnd};
use omi_kernel::row::HOST_REQUESTS;

use super::{Actor, Step};
use crate::holdings::Asks;
use crate::input::Input;
use crate::limits;
use crate::output::{RequestApproval, RequestInput};

impl Actor {
    pub(super) fn request_approval(&mut self, asked: RequestApproval) -> Step {
        let RequestApproval { request, attempt, title, tool, options, details } = asked;
        if let Some(attempt) = self.admit(request, attempt, Asks::Approval)? {
            let asked = ApprovalRequest { attempt, request, title, tool, options, details };
            self.report(Report::ApprovalRequested(asked));
        }
        Ok(())
    }

    pub(super) fn request_input(&mut self, asked: RequestInput) -> Step {
        let RequestInput { request, attempt, prompt, schema, url } = asked;
        if let Some(attempt) = self.admit(request, attempt, Asks::Information)? {
            self.report(Report::InputRequested(InputRequest { attempt, request, prompt, schema, url }));
        }
        Ok(())
    }

    /// Tells the adapter that a request of it is cancelled.
    pub(super) fn cancel_request(&self, request: u32, asks: Asks) {
        self.tell(match asks {
            Asks::Approval => Input::Approval { request, answer: Answer::Cancelled },
            Asks::Information => Input::Provided { request, answer: InputAnswer::Cancelled },
        });
    }

    /// Opens a request, and says which attempt asks; none if the adapter was told, or was wrong.
    fn admit(&mut self, request: u32, attempt: u32, asks: Asks) -> Result<Option<AttemptId>, WorkerEnd> {
        let Some(attempt_id) = self.holdings.attempt(attempt).cloned() else {
            self.violation("a person was asked for an attempt that does not run")?;
            self.cancel_request(request, asks);
            return Ok(None);
        };
        if request >= HOST_REQUESTS {
            self.violation("a request has one of the host's own numbers")?;
            self.decline(request, asks, "numbers from 2^31 on are the host's own".to_owned());
            return Ok(None);
        }
        if self.holdings.open_requests() >= limits::OPEN_REQUESTS {
            let reason = format!("{} requests are open already", limits::OPEN_REQUESTS);
            self.decline(request, asks, reason);
            return Ok(None);
        }
        if !self.holdings.open_request(request, attempt, asks) {
            self.violation("the number of a request was used twice")?;
            return Ok(None);
        }
        Ok(Some(attempt_id))
    }

    /// Answers at once, because nobody can be asked.
    fn decline(&self, request: u32, asks: Asks, reason: String) {
        self.tell(match asks {
            Asks::Approval => Input::Approval { request, answer: Answer::Rejected { reason } },
            Asks::Information => Input::Provided { request, answer: InputAnswer::Declined },
        });
    }
}
