//! `decide`: the one function of the kernel. One file for each phase of a run's life.

mod accept;
mod activity;
mod approval;
mod begin;
mod bind;
mod cancel;
mod finish;
mod reconcile;
#[cfg(test)]
mod tests;

use crate::decision::{Decision, Facts, Refusal};
use crate::id::Ids;
use crate::input::Input;

/// Decides what follows from an input, given the facts that [`Input::wants`] asked for.
pub fn decide(input: &Input, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    match input {
        Input::Accept(accept) => accept::accept(accept, facts, ids),
        Input::Begin(begin) => begin::begin(begin, facts, ids),
        Input::CannotBegin { run, failure } => begin::cannot_begin(run, failure, facts, ids),
        Input::BindingOpened(opened) => bind::opened(opened, facts, ids),
        Input::BindingFailed { attempt, binding, failure } => {
            bind::failed(attempt, binding, failure, facts, ids)
        }
        Input::Chunk { attempt, chunk } => activity::chunk(attempt, chunk, facts, ids),
        Input::MessageCompleted { attempt, message, text } => {
            activity::message_completed(attempt, message, text, facts, ids)
        }
        Input::Activity { attempt, activity } => activity::activity(attempt, activity, facts, ids),
        Input::ApprovalRequested { request, policy } => approval::requested(request, *policy, facts, ids),
        Input::ApprovalAnswered { attempt, request, answer, by } => {
            approval::answered(attempt, *request, answer, by, facts, ids)
        }
        Input::Finished(finished) => finish::finished(finished, facts, ids),
        Input::WorkerLost { attempt, failure, text } => {
            finish::worker_lost(attempt, failure, text, facts, ids)
        }
        Input::Cancel { owner, run } => cancel::cancel(owner, run, facts, ids),
        Input::CancelDispatched { attempt, dispatched, acknowledged } => {
            cancel::dispatched(attempt, *dispatched, *acknowledged, facts, ids)
        }
        Input::CancelGraceOver { attempt } => cancel::grace_over(attempt, facts, ids),
        Input::Reconcile => reconcile::reconcile(facts, ids),
    }
}
