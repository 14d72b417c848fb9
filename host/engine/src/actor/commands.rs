//! Commands of the kernel become inputs: identifiers become numbers, pictures become blobs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omi_kernel::command::{BindingSettings, Command, Execute, PromptBlock};
use omi_kernel::history::PastRun;
use omi_kernel::id::AttemptId;
use omi_kernel::report::{Failure, FailureDetail, Outcome, Report};

use super::Actor;
use crate::holdings::Asks;
use crate::input::{Block, Input, Past};
use crate::output::Scope;

impl Actor {
    /// What the adapter is told; nothing if the command is about something that is over.
    pub(super) fn command(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::OpenBinding { binding, session, mut settings } => {
                let binding = self.holdings.add_binding(binding, session.clone(), settings.cwd.clone());
                let history = self.history(binding, &mut settings);
                Some(Input::OpenBinding { binding, session, settings, history })
            }
            Command::ResumeBinding { binding, session, native_id, mut settings } => {
                let binding = self.holdings.add_binding(binding, session.clone(), settings.cwd.clone());
                let history = self.history(binding, &mut settings);
                Some(Input::ResumeBinding { binding, session, native_id, settings, history })
            }
            Command::CloseBinding { binding } => {
                let binding = self.holdings.binding_number(&binding)?;
                self.release_binding(binding);
                Some(Input::CloseBinding { binding })
            }
            Command::Execute(execute) => self.execute(execute),
            Command::Cancel { attempt } => {
                let attempt = self.holdings.attempt_number(&attempt)?;
                Some(Input::Cancel { attempt })
            }
            Command::Approval { request, answer } => {
                let is_open = self.holdings.answer_request(request, Asks::Approval);
                is_open.then_some(Input::Approval { request, answer })
            }
            Command::ProvideInput { request, answer } => {
                let is_open = self.holdings.answer_request(request, Asks::Information);
                is_open.then_some(Input::Provided { request, answer })
            }
            Command::Authenticate { method } => Some(Input::Authenticate { method }),
            Command::Perform { op, grant } => {
                self.perform_access(op, grant.map(|grant| *grant));
                None
            }
            Command::Refuse { op, why } => {
                self.refuse_access(op, why);
                None
            }
            Command::Revoke { grant } => {
                self.revoke(&grant);
                None
            }
            Command::Stop { reason } => {
                self.stopping = true;
                self.cancel_accesses();
                Some(Input::Stop { reason, grace_ms: self.runtime.limits.grace_ms })
            }
        }
    }

    /// Lets a binding go, with everything that was kept for it.
    pub(super) fn release_binding(&mut self, binding: u32) {
        self.holdings.remove_binding(binding);
        self.blobs.end(Scope::Binding(binding));
        self.timers.end(Scope::Binding(binding));
        self.cancel_accesses_of(Scope::Binding(binding));
    }

    /// What was said before, its pictures as blobs of the binding. One that cannot be kept is said to be missing: the
    /// conversation goes on without it.
    fn history(&mut self, binding: u32, settings: &mut BindingSettings) -> Vec<Past> {
        let runs = std::mem::take(&mut settings.history.runs);
        let mut past = |one: PastRun| Past {
            prompt: one.prompt.into_iter().map(|block| self.past_block(binding, block)).collect(),
            run: one.run,
            answer: one.answer,
            status: one.status,
        };
        runs.into_iter().map(&mut past).collect()
    }

    fn past_block(&mut self, binding: u32, block: PromptBlock) -> Block {
        self.block(Scope::Binding(binding), block)
            .unwrap_or_else(|missing| Block::Text(format!("[{}]", missing.message)))
    }

    fn execute(&mut self, mut execute: Execute) -> Option<Input> {
        let binding = self.holdings.binding_number(&execute.binding);
        let attempt = binding.and_then(|binding| {
            self.holdings.add_attempt(execute.attempt.clone(), execute.run.clone(), binding)
        });
        let (Some(binding), Some(attempt)) = (binding, attempt) else {
            let why =
                FailureDetail::new("binding_not_open", "the binding is not open in this worker any more");
            self.fail(execute.attempt, Failure::Stale(why));
            return None;
        };
        let blocks = std::mem::take(&mut execute.prompt);
        let prompt: Result<Vec<Block>, FailureDetail> =
            blocks.into_iter().map(|block| self.block(Scope::Attempt(attempt), block)).collect();
        match prompt {
            Ok(prompt) => Some(Input::Execute { attempt, binding, execute, prompt }),
            Err(why) => {
                self.holdings.remove_attempt(attempt);
                self.blobs.end(Scope::Attempt(attempt));
                self.fail(execute.attempt, Failure::Fatal(why));
                None
            }
        }
    }

    fn block(&mut self, scope: Scope, block: PromptBlock) -> Result<Block, FailureDetail> {
        match block {
            PromptBlock::Text { text } => Ok(Block::Text(text)),
            PromptBlock::Image { mime_type, data } => {
                let bytes = STANDARD.decode(&data.0).map_err(|error| {
                    FailureDetail::new(
                        "image_not_base64",
                        format!("a picture of the prompt is not base64: {error}"),
                    )
                })?;
                let too_large = |text: String| FailureDetail::new("image_too_large", text);
                let length = u32::try_from(bytes.len()).map_err(|error| too_large(error.to_string()))?;
                let blob = self
                    .blobs
                    .keep(scope, bytes)
                    .map_err(|full| too_large(format!("a picture of the prompt does not fit: {full}")))?;
                Ok(Block::Image { mime_type, blob, bytes: length })
            }
        }
    }

    fn fail(&self, attempt: AttemptId, failure: Failure) {
        self.common.report(Report::AttemptFinished {
            attempt,
            outcome: Outcome::Failed(failure),
            usage: None,
        });
    }
}
