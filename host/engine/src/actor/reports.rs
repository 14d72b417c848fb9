//! What an adapter reports goes on to the kernel, if it is about something the worker holds.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::id::{NativeSessionId, is_omi_id};
use omi_kernel::report::{Activity, Artifact, Failure, FailureDetail, Outcome, Report, Usage, WorkerEnd};

use super::{Actor, Step};
use crate::input::Input;
use crate::limits;
use crate::output::{Output, Scope};

impl Actor {
    /// Does what an adapter asks, or passes on what it reports.
    pub(super) fn perform(&mut self, output: Output) -> Step {
        match output {
            Output::Ready { runtime } => self.report(Report::Ready { runtime }),
            Output::AuthRequired { methods, message } => {
                self.report(Report::AuthRequired { methods, message });
            }
            Output::Fault(failure) => return Err(WorkerEnd::Fault(failure)),
            Output::BindingOpened { binding, native_id, fidelity, model } => {
                self.binding_opened(binding, native_id, fidelity, model)?;
            }
            Output::BindingFailed { binding, failure } => self.binding_failed(binding, failure)?,
            Output::Activities { attempt, activities, broken } => {
                broken.map_or(Ok(()), |what| self.violation(what))?;
                self.activities(attempt, activities)?;
            }
            Output::AttemptFinished { attempt, outcome, usage } => {
                self.attempt_finished(attempt, outcome, usage)?;
            }
            Output::CancelAnswer { attempt, dispatched, acknowledged, message } => {
                // The attempt may finish while the answer to its cancellation is on its way.
                if let Some(attempt) = self.holdings.attempt(attempt).cloned() {
                    self.report(Report::CancelAnswer { attempt, dispatched, acknowledged, message });
                }
            }
            Output::RequestApproval(request) => self.request_approval(request)?,
            Output::RequestInput(request) => self.request_input(request)?,
            Output::WithdrawRequest { request } => {
                // It may have been answered meanwhile.
                if self.holdings.close_request(request) {
                    self.report(Report::RequestWithdrawn { request });
                }
            }
            Output::CallTool { op, attempt, name } => self.call_tool(op, attempt, &name)?,
            Output::Spawn(spawn) => self.spawn(spawn)?,
            Output::WriteStdin { process, parts } => self.write_stdin(process, &parts),
            Output::CloseStdin { process } => self.close_stdin(process),
            Output::Kill { process, grace_ms } => self.kill(process, grace_ms),
            Output::SetTimer { op, scope, after_ms } => self.set_timer(op, scope, after_ms),
            Output::ClearTimer { op } => self.timers.clear(op),
            Output::CreateBlob { op, scope, parts } => self.create_blob(op, scope, &parts),
            Output::DropBlob { blob } => self.blobs.forget(blob),
            Output::ReadFile(read) => self.read_file(read)?,
            Output::WriteFile { write, parts } => self.write_file(write, &parts)?,
            Output::HttpRequest { request, parts } => self.http_request(request, &parts)?,
            Output::HttpAbort { op } => self.http_abort(op),
            Output::Extension { name } => {
                tracing::debug!(worker = %self.spec.id, name, "an extension that this host does not know");
            }
        }
        Ok(())
    }

    fn activities(&mut self, attempt: u32, activities: Vec<Activity>) -> Step {
        let Some(attempt) = self.holdings.attempt(attempt).cloned() else {
            return self.violation("an event of an attempt that does not run");
        };
        for mut activity in activities {
            if let Activity::Artifact(artifact) = &mut activity {
                self.bound(artifact);
            }
            self.report(Report::Activity { attempt: attempt.clone(), activity });
        }
        Ok(())
    }

    /// Leaves out the bytes of an artifact when the call has passed on as many as a worker may keep: one blob can be
    /// named in thousands of artifacts.
    fn bound(&mut self, artifact: &mut Artifact) {
        let bytes = artifact.content.as_ref().map_or(0, Vec::len);
        match self.artifact_room.checked_sub(bytes) {
            Some(room) => self.artifact_room = room,
            None => artifact.content = None,
        }
    }

    pub(super) fn report(&self, report: Report) {
        self.common.report(report);
    }

    fn binding_opened(
        &mut self,
        number: u32,
        native_id: String,
        fidelity: Fidelity,
        model: Option<String>,
    ) -> Step {
        let Some(binding) = self.holdings.binding(number).cloned() else {
            return self.violation("a binding was opened that nobody asked for");
        };
        let failed = if is_omi_id(&native_id) {
            Some(("native_id_is_omi_id", "the adapter used an id of Omi as the runtime's own"))
        } else if native_id.len() > limits::SHORT_TEXT_BYTES {
            Some(("native_id_too_long", "the runtime's id of the session is longer than 4 KiB"))
        } else {
            None
        };
        if let Some((code, message)) = failed {
            self.violation(message)?;
            return self.binding_failed(number, Failure::Fatal(FailureDetail::new(code, message)));
        }
        let native_id = NativeSessionId(native_id);
        self.report(Report::BindingOpened { binding, native_id, fidelity, model });
        Ok(())
    }

    fn binding_failed(&mut self, number: u32, failure: Failure) -> Step {
        let Some(binding) = self.holdings.binding(number).cloned() else {
            return self.violation("a binding failed that this worker does not hold");
        };
        self.release_binding(number);
        self.report(Report::BindingFailed { binding, failure });
        Ok(())
    }

    fn attempt_finished(&mut self, number: u32, outcome: Outcome, usage: Option<Usage>) -> Step {
        let Some((attempt, open_requests)) = self.holdings.remove_attempt(number) else {
            return self.violation("an attempt was finished that does not run");
        };
        self.blobs.end(Scope::Attempt(number));
        self.timers.end(Scope::Attempt(number));
        self.cancel_accesses_of(Scope::Attempt(number));
        self.report(Report::AttemptFinished { attempt, outcome, usage });
        for (request, asks) in open_requests {
            self.cancel_request(request, asks);
        }
        Ok(())
    }

    /// No tools are offered in this version, so none can be called.
    fn call_tool(&mut self, op: u32, attempt: u32, name: &str) -> Step {
        if !self.holdings.claim_op(op) || self.holdings.attempt(attempt).is_none() {
            self.violation("a tool was called with a used number or for an attempt that does not run")?;
        }
        let error = FailureDetail::new("unknown_tool", format!("the host offers no tool `{name}`"));
        self.tell(Input::ToolFailed { op, error });
        Ok(())
    }
}
