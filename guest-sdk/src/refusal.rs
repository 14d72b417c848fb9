//! What is answered once a worker is over.

use crate::{AttemptFinished, BindingFailed, CancelAnswer, Failure, Input, Outcome, Outputs};

impl Failure {
    /// Answers an input of a worker that ended with this: inputs may cross with its end, and those that must be answered
    /// are.
    pub fn refuse(&self, input: &Input, out: &mut Outputs) {
        match input {
            Input::OpenBinding(open) => out.push(BindingFailed::new(open.binding, self.clone())),
            Input::ResumeBinding(resume) => out.push(BindingFailed::new(resume.binding, self.clone())),
            Input::ExecuteAttempt(execute) => {
                out.push(AttemptFinished::new(execute.attempt, Outcome::Failed(self.clone()), None));
            }
            Input::CancelAttempt(cancel) => {
                out.push(CancelAnswer::new(cancel.attempt, false, false).because("the worker is over"));
            }
            Input::Start(_)
            | Input::Stop(_)
            | Input::Authenticate(_)
            | Input::CloseBinding(_)
            | Input::Approval(_)
            | Input::ProvidedInput(_)
            | Input::ToolResult(_)
            | Input::Spawned(_)
            | Input::Stdout(_)
            | Input::Stderr(_)
            | Input::StdinProgress(_)
            | Input::StdinClosed(_)
            | Input::Exited(_)
            | Input::Timer(_)
            | Input::File(_)
            | Input::HttpHead(_)
            | Input::HttpBody(_)
            | Input::HttpEnd(_)
            | Input::BlobCreated(_)
            | Input::Refused(_)
            | Input::Extension(_) => {}
        }
    }
}
