//! What became of making or taking up a native session.

use super::reading::*;
use super::story::*;
use crate::effect::Effect;
use crate::refusal::Refusal;
use crate::report::Failure;
use crate::row::{Binding, BindingStatus};
use crate::status::Status;

#[test]
fn a_new_native_session_is_recorded_and_the_attempt_handed_over() {
    let decision = Story::at(Status::Starting).then(&opened(new_binding_id(), "native-9"));
    assert_eq!(rows(&decision), ["binding 1", "attempt starting > running", "run starting > running"]);
    assert_eq!(events(&decision), ["binding.created", "attempt.started", "run.running"]);
    let [Effect::Execute { worker, execute, .. }] = &decision.effects[..] else { panic!() };
    assert_eq!((worker, &execute.binding), (&worker_id(), &new_binding_id()));
    assert_eq!(attempt_change(&decision).binding, Some(new_binding_id()));
    assert_eq!(new_binding(&decision).worker, Some(worker_id()));
}

#[test]
fn the_next_generation_replaces_the_last() {
    let mut story = Story::at(Status::Starting);
    story.facts.generation = 3;
    let decision = story.then(&opened(new_binding_id(), "native-9"));
    assert_eq!(rows(&decision)[0], "binding 4");
    assert_eq!(payload(&decision, "binding.replaced")["generation"], 4);
}

#[test]
fn what_is_taken_up_again_stays_the_same_generation() {
    let decision = Story::at(Status::Starting).bound(binding()).then(&opened(binding_id(), "native-1"));
    assert_eq!(rows(&decision), ["binding resumed", "attempt starting > running", "run starting > running"]);
    assert_eq!(events(&decision), ["binding.resumed", "attempt.started", "run.running"]);
}

#[test]
fn a_native_id_belongs_to_one_binding() {
    let mut story = Story::at(Status::Starting);
    let old = Binding { session: other_session_id(), status: BindingStatus::Stale, ..binding() };
    story.facts.native_conflict = Some(old.clone());
    let decision = story.then(&opened(new_binding_id(), "native-1"));
    assert_eq!(rows(&decision)[..2], ["binding stale > closed", "binding 1"]);
    assert_eq!(events(&decision), ["binding.created", "attempt.started", "run.running"]);

    story.facts.native_conflict = Some(Binding { status: BindingStatus::Active, ..old });
    let decision = story.then(&opened(new_binding_id(), "native-1"));
    assert_eq!(
        rows(&decision)[..3],
        ["binding active > stale", "binding stale > closed", "binding 1"],
        "a session that loses the binding it used is told"
    );
    assert_eq!(decision.events[0].about.session, other_session_id());
    assert_eq!(decision.events[0].about.run, None);
    assert_eq!(payload(&decision, "binding.stale")["reason"], "native_id_reused");
}

#[test]
fn a_binding_that_another_session_got_meanwhile_is_not_used() {
    let mut story = Story::at(Status::Starting);
    story.facts.named = Some(Binding { status: BindingStatus::Closed, ..binding() });
    let decision = story.then(&opened(binding_id(), "native-1"));
    assert_eq!(rows(&decision), ["attempt starting > failed", "run starting > failed"]);
    assert_eq!(payload(&decision, "run.failed")["errorCode"], "binding_lost");
}

#[test]
fn a_session_has_one_active_binding() {
    let mut story = Story::at(Status::Starting).bound(binding());
    let decision = story.then(&opened(new_binding_id(), "native-9"));
    assert_eq!(rows(&decision)[..2], ["binding active > stale", "binding 2"]);
    assert_eq!(events(&decision)[..2], ["binding.stale", "binding.replaced"]);

    story.facts.native_conflict = Some(binding());
    let decision = story.then(&opened(new_binding_id(), "native-1"));
    assert_eq!(
        rows(&decision)[..3],
        ["binding active > stale", "binding stale > closed", "binding 2"],
        "once, also when it has the same native id"
    );
}

#[test]
fn a_native_session_for_a_cancelled_attempt_is_kept_but_nothing_is_executed() {
    let decision = Story::cancelled_while_starting().then(&opened(new_binding_id(), "native-9"));
    assert_eq!(
        rows(&decision),
        ["binding 1", "attempt cancelling > cancelled", "run cancelling > cancelled"]
    );
    assert_eq!(events(&decision), ["binding.created", "attempt.cancelled", "run.cancelled"]);
    assert_eq!(payload(&decision, "attempt.cancelled")["how"], "before_execution");
    assert_eq!(effects(&decision), ["release"]);
}

#[test]
fn what_comes_after_the_attempt_was_handed_over_is_late() {
    for status in [Status::Running, Status::WaitingApproval, Status::Cancelling, Status::Failed] {
        let story = Story::at(status);
        assert_late(&story.then(&opened(binding_id(), "native-1")));
        assert_late(&story.then(&binding_failed(binding_id(), stale(), false)));
        assert_late(&story.then(&binding_failed(binding_id(), Failure::Fatal(trouble("broken")), false)));
    }
}

#[test]
fn a_new_native_session_that_is_stale_is_not_tried_again() {
    let decision = Story::at(Status::Starting).then(&binding_failed(new_binding_id(), stale(), false));
    assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
    assert_eq!(effects(&decision), ["release"]);
}

#[test]
fn a_binding_outlives_a_failure_that_does_not_lose_it() {
    let failures = [(auth_required(), "auth_required"), (Failure::Fatal(trouble("broken")), "broken")];
    for (failure, code) in failures {
        let story = Story::at(Status::Starting).bound(binding());
        let decision = story.then(&binding_failed(binding_id(), failure, false));
        assert_eq!(rows(&decision), ["attempt starting > failed", "run starting > failed"]);
        assert_eq!(events(&decision), ["attempt.failed", "run.failed"]);
        assert_eq!(payload(&decision, "run.failed")["errorCode"], code);
        assert_eq!(payload(&decision, "attempt.failed")["retryable"], false);
    }
}

#[test]
fn a_binding_that_fails_while_its_attempt_is_to_stop_ends_it_as_cancelled() {
    let story = Story::cancelled_while_starting();
    let fatal = story.then(&binding_failed(new_binding_id(), Failure::Fatal(trouble("broken")), false));
    assert_eq!(events(&fatal), ["attempt.cancelled", "run.cancelled"]);
    let resumed = story.bound(binding()).then(&binding_failed(binding_id(), stale(), false));
    assert_eq!(events(&resumed), ["binding.stale", "attempt.cancelled", "run.cancelled"]);
}

#[test]
fn an_unknown_attempt_has_no_binding() {
    let missing = Err(Refusal::NotFound { what: "attempt", id: attempt_id().to_string() });
    assert_eq!(Story::nothing().decide(&opened(binding_id(), "native-1")), missing);
    assert_eq!(Story::nothing().decide(&binding_failed(binding_id(), stale(), false)), missing);
}
