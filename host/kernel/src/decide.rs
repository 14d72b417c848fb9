//! `decide`: the one function of the kernel. One file for each phase of a run's life, and for what stands beside it.

mod accept;
mod access;
mod activity;
mod approval;
mod artifact;
mod begin;
mod bind;
mod cancel;
mod component;
mod delegate;
mod finish;
mod reconcile;
mod request;
mod retry;
mod session;
#[cfg(test)]
mod tests;
mod worker;

use crate::decision::Decision;
use crate::draft::Draft;
use crate::facts::Facts;
use crate::id::Ids;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::write::Write;

/// Decides what follows from an input, given the facts that [`Input::wants`] asked for.
pub fn decide(input: &Input, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    match input {
        Input::Accept(accept) => accept::accept(accept, facts, ids),
        Input::Begin(begin) => begin::begin(begin, facts, ids),
        Input::CannotBegin { run, failure } => begin::cannot_begin(run, failure, facts, ids),
        Input::BindingOpened(opened) => bind::opened(opened, facts, ids),
        Input::BindingFailed { attempt, binding, failure, person } => {
            bind::failed(attempt, binding, failure, *person, facts, ids)
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
        Input::InputRequested { request, person } => request::requested(request, *person, facts, ids),
        Input::InputProvided { attempt, request, answer, by } => {
            request::provided(attempt, *request, answer, by, facts, ids)
        }
        Input::Finished(finished) => finish::finished(finished, facts, ids),
        Input::WorkerLost { attempt, failure, text, retry } => {
            finish::worker_lost(attempt, failure, text, *retry, facts, ids)
        }
        Input::TimedOut { attempt, timeout, text } => finish::timed_out(attempt, *timeout, text, facts, ids),
        Input::WorkerOver { worker, stop } => Ok(worker::over(worker, *stop, facts, ids)),
        Input::Leased { attempt, lease } => worker::leased(attempt, lease, facts, ids),
        Input::CameLate { attempt, count } => worker::came_late(attempt, *count, facts, ids),
        Input::AccessAsked(asked) => access::asked(asked, facts, ids),
        Input::RevokeGrant { owner, grant } => component::revoke(owner, grant, facts, ids),
        Input::InstallComponent(component) => Ok(component::install(component, facts, ids)),
        Input::RemoveComponent { path } => component::remove(path, facts, ids),
        Input::Retry(retry) => retry::retry(retry, facts, ids),
        Input::Delegate(delegate) => delegate::delegate(delegate, facts, ids),
        Input::CreateSession(create) => session::create(create, facts, ids),
        Input::UpdateSession { owner, session, change } => {
            session::update(owner, session, change, facts, ids)
        }
        Input::InvalidateBindings { session, .. } => session::invalidate(session, facts, ids),
        Input::UpdateArtifact { owner, artifact, state } => {
            artifact::update(owner, artifact, *state, facts, ids)
        }
        Input::Retain { ended_before, events_max } => {
            let mut draft = Draft::new(ids);
            draft.write(Write::PruneEvents { ended_before: *ended_before, events_max: *events_max });
            Ok(draft.done())
        }
        Input::Cancel { owner, run } => cancel::cancel(owner, run, facts, ids),
        Input::CancelDispatched { attempt, dispatched, acknowledged } => {
            cancel::dispatched(attempt, *dispatched, *acknowledged, facts, ids)
        }
        Input::CancelGraceOver { attempt } => cancel::grace_over(attempt, facts, ids),
        Input::Reconcile => reconcile::reconcile(facts, ids),
    }
}
