//! A run is to stop.

use super::reading::*;
use super::story::*;
use crate::decision::Reply;
use crate::effect::Effect;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::status::Status;
use crate::write::Write;

fn dispatched(dispatched: bool, acknowledged: bool) -> Input {
    Input::CancelDispatched { attempt: attempt_id(), dispatched, acknowledged }
}

fn grace_over() -> Input {
    Input::CancelGraceOver { attempt: attempt_id() }
}

fn reply(accepted: bool, dispatching: bool, status: Status) -> Reply {
    let attempt = Some(attempt_id());
    Reply::Cancelling { accepted, attempt, dispatching, dispatched: false, acknowledged: false, status }
}

#[test]
fn a_queued_run_stops_at_once() {
    let decision = Story::at(Status::Queued).then(&cancel());
    assert_eq!(rows(&decision), ["run queued > cancelling", "run cancelling > cancelled"]);
    assert_eq!(events(&decision), ["run.cancellation_requested", "run.cancelling", "run.cancelled"]);
    assert_eq!(decision.effects, [Effect::Dequeue { run: run_id() }, Effect::Release { run: run_id() }]);
    let Reply::Cancelling { accepted: true, attempt: None, dispatching: false, status, .. } = decision.reply
    else {
        panic!()
    };
    assert_eq!(status, Status::Cancelled);
}

#[test]
fn a_run_between_two_attempts_stops_at_once() {
    let mut story = Story::at(Status::Starting);
    story.facts.attempt.as_mut().unwrap().status = Status::Failed;
    let decision = story.then(&cancel());
    assert_eq!(rows(&decision), ["run starting > cancelling", "run cancelling > cancelled"]);
    assert_eq!(effects(&decision), ["dequeue", "release"]);
}

#[test]
fn an_attempt_that_its_adapter_does_not_know_is_only_timed() {
    let decision = Story::at(Status::Starting).then(&cancel());
    assert_eq!(rows(&decision), ["attempt starting > cancelling", "run starting > cancelling"]);
    assert_eq!(events(&decision), ["run.cancellation_requested", "run.cancelling"]);
    assert_eq!(effects(&decision), ["count the grace"]);
    assert_eq!(decision.reply, reply(true, false, Status::Cancelling));
}

#[test]
fn an_adapter_that_executes_is_told() {
    for status in [Status::Running, Status::WaitingApproval, Status::WaitingInput] {
        let decision = Story::at(status).then(&cancel());
        assert_eq!(events(&decision), ["run.cancellation_requested", "run.cancelling"]);
        assert_eq!(effects(&decision), ["tell to cancel"]);
        assert_eq!(decision.reply, reply(true, true, Status::Cancelling));
    }
}

#[test]
fn a_run_that_is_over_cannot_be_stopped() {
    for status in terminal() {
        let decision = Story::at(status).then(&cancel());
        assert_eq!(decision.reply, reply(false, false, status));
        assert!(decision.writes.is_empty() && decision.events.is_empty() && decision.effects.is_empty());
    }
}

#[test]
fn asking_again_changes_nothing_and_tells_what_is_known() {
    let mut story = Story::at(Status::Cancelling);
    story.facts.attempt.as_mut().unwrap().cancel_dispatched = true;
    let decision = story.then(&cancel());
    let Reply::Cancelling { accepted, dispatching, dispatched, acknowledged, .. } = decision.reply else {
        panic!()
    };
    assert!(accepted && !dispatching && dispatched && !acknowledged);
    assert!(decision.writes.is_empty() && decision.events.is_empty() && decision.effects.is_empty());
}

#[test]
fn nobody_stops_what_belongs_to_somebody_else() {
    let missing = Refusal::NotFound { what: "run", id: run_id().to_string() };
    let bob = Input::Cancel { owner: "bob".into(), run: run_id() };
    assert_eq!(Story::at(Status::Running).decide(&bob), Err(missing.clone()));
    assert_eq!(Story::nothing().decide(&bob), Err(missing), "it cannot be told from one that is not there");
}

#[test]
fn what_became_of_telling_the_adapter_is_recorded_as_it_was() {
    for (told, confirmed) in [(false, false), (true, false), (true, true)] {
        let decision = Story::at(Status::Cancelling).then(&dispatched(told, confirmed));
        let [Write::RecordCancelDispatch { dispatched, acknowledged, .. }] = &decision.writes[..] else {
            panic!()
        };
        assert_eq!((*dispatched, *acknowledged), (told, confirmed));
        let recorded = payload(&decision, "attempt.cancel_dispatch");
        assert_eq!(recorded["dispatchAttempted"], told);
        assert_eq!(recorded["adapterAcknowledged"], confirmed);
    }
    assert_late(&Story::at(Status::Cancelled).then(&dispatched(true, true)));
}

#[test]
fn an_attempt_that_does_not_stop_in_time_loses_its_worker() {
    let decision = Story::at(Status::Cancelling).then(&grace_over());
    assert_eq!(decision.effects, [Effect::KillWorker { worker: worker_id(), cancel: None }]);
    assert!(decision.writes.is_empty(), "it has not stopped before its worker has");
}

#[test]
fn the_grace_of_an_attempt_that_stopped_kills_nothing() {
    for status in [Status::Cancelled, Status::Failed, Status::Running] {
        let decision = Story::at(status).then(&grace_over());
        assert_late(&decision);
        assert!(decision.effects.is_empty());
    }
}
