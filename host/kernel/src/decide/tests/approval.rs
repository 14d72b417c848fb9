//! An adapter asks for permission.

use super::story::*;
use crate::command::Answer;
use crate::decision::{Decision, Effect, Refusal};
use crate::input::Input;
use crate::permission::ApprovalPolicy;
use crate::report::{ApprovalOption, ApprovalRequest, OptionKind};
use crate::status::Status;

fn option(id: &str, kind: OptionKind) -> ApprovalOption {
    ApprovalOption { option_id: id.into(), name: id.into(), kind }
}

fn asks_leave(request: u32, policy: ApprovalPolicy) -> Input {
    let options = vec![option("no", OptionKind::RejectOnce), option("yes", OptionKind::AllowOnce)];
    let request = ApprovalRequest {
        attempt: attempt_id(),
        request,
        title: "Write a file".into(),
        tool: None,
        options,
        details: serde_json::json!({}),
    };
    Input::ApprovalRequested { request, policy }
}

fn selected(id: &str) -> Answer {
    Answer::Selected { option_id: id.into() }
}

fn answers(request: u32) -> Input {
    Input::ApprovalAnswered { attempt: attempt_id(), request, answer: selected("yes"), by: "user".into() }
}

fn told(decision: &Decision) -> Vec<(u32, Answer)> {
    let answer = |effect: &Effect| match effect {
        Effect::Answer { request, answer, worker, .. } if *worker == worker_id() => {
            Some((*request, answer.clone()))
        }
        _ => None,
    };
    decision.effects.iter().filter_map(answer).collect()
}

#[test]
fn a_person_is_asked_and_the_run_waits() {
    let decision = Story::at(Status::Running).then(&asks_leave(1, ApprovalPolicy::Ask));
    assert_eq!(rows(&decision), ["attempt running > waiting_approval", "run running > waiting_approval"]);
    assert_eq!(events(&decision), ["approval.requested", "run.waiting_approval"]);
    assert!(decision.effects.is_empty());
}

#[test]
fn where_nobody_can_be_asked_it_is_refused_with_the_reason() {
    let decision = Story::at(Status::Running).then(&asks_leave(1, ApprovalPolicy::Refuse));
    assert_eq!(events(&decision), ["approval.requested", "approval.resolved"]);
    assert_eq!(told(&decision), [(1, selected("no"))]);
    let resolved = payload(&decision, "approval.resolved");
    assert_eq!((&resolved["by"], &resolved["automatic"]), (&"nobody_to_ask".into(), &true.into()));
    assert!(resolved.get("policy").is_none());
    assert!(decision.writes.is_empty(), "the run does not wait");
}

#[test]
fn the_legacy_policy_labels_what_it_decides() {
    let decision = Story::at(Status::Running).then(&asks_leave(1, ApprovalPolicy::Legacy));
    assert_eq!(told(&decision), [(1, selected("yes"))]);
    let resolved = payload(&decision, "approval.resolved");
    assert_eq!((&resolved["policy"], &resolved["automatic"]), (&"legacy_high_trust".into(), &true.into()));
}

#[test]
fn an_answer_goes_to_the_adapter_and_the_run_goes_on() {
    let decision = Story::at(Status::WaitingApproval).asked(&[1]).then(&answers(1));
    assert_eq!(rows(&decision), ["attempt waiting_approval > running", "run waiting_approval > running"]);
    assert_eq!(events(&decision), ["approval.resolved", "run.running"]);
    assert_eq!(told(&decision), [(1, selected("yes"))]);
    assert_eq!(payload(&decision, "approval.resolved")["automatic"], false);
}

#[test]
fn the_run_waits_for_the_last_answer() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    assert_eq!(
        events(&story.then(&asks_leave(2, ApprovalPolicy::Ask))),
        ["approval.requested", "run.waiting_approval"]
    );
    let decision = story.asked(&[1, 2]).then(&answers(2));
    assert_eq!(events(&decision), ["approval.resolved"]);
    assert!(decision.writes.is_empty());
}

#[test]
fn a_question_that_is_open_is_not_asked_twice() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let decision = story.then(&asks_leave(1, ApprovalPolicy::Ask));
    assert_late(&decision);
    assert!(decision.effects.is_empty());
}

#[test]
fn what_nobody_asked_cannot_be_answered() {
    let refused = |request| Err(Refusal::NoOpenApproval { attempt: attempt_id(), request });
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    assert_eq!(story.decide(&answers(2)), refused(2));
    let answered = Story::at(Status::Running);
    assert_eq!(answered.decide(&answers(1)), refused(1), "an answer counts once");
    assert_eq!(Story::at(Status::Cancelled).asked(&[1]).decide(&answers(1)), refused(1));
}

#[test]
fn a_cancel_closes_what_is_open_and_tells_the_adapter() {
    let decision = Story::at(Status::WaitingApproval).asked(&[1, 2]).then(&cancel());
    assert_eq!(
        events(&decision),
        ["run.cancellation_requested", "run.cancelling", "approval.resolved", "approval.resolved"]
    );
    assert_eq!(told(&decision), [(1, Answer::Cancelled), (2, Answer::Cancelled)]);
    assert_eq!(effects(&decision), ["answer", "answer", "tell to cancel"]);
}

#[test]
fn a_question_after_the_cancel_is_answered_cancelled() {
    for policy in [ApprovalPolicy::Ask, ApprovalPolicy::Refuse, ApprovalPolicy::Legacy] {
        let decision = Story::at(Status::Cancelling).then(&asks_leave(3, policy));
        assert_eq!(events(&decision), ["approval.requested", "approval.resolved"]);
        assert_eq!(told(&decision), [(3, Answer::Cancelled)]);
        assert!(decision.writes.is_empty());
    }
}

#[test]
fn an_attempt_that_ends_closes_what_it_asked() {
    let story = Story::at(Status::WaitingApproval).asked(&[4]);
    let done = story.then(&finished(well(), "done"));
    assert_eq!(events(&done), ["approval.resolved", "usage.updated", "run.succeeded"]);
    let lost = Input::WorkerLost { attempt: attempt_id(), failure: trouble("trapped"), text: String::new() };
    let lost = story.then(&lost);
    assert_eq!(events(&lost), ["approval.resolved", "attempt.failed", "run.failed"]);
    for decision in [done, lost] {
        let resolved = payload(&decision, "approval.resolved");
        assert_eq!((&resolved["outcome"], &resolved["automatic"]), (&"cancelled".into(), &true.into()));
        assert!(told(&decision).is_empty(), "there is nobody left to tell");
    }
}

#[test]
fn a_question_of_an_attempt_that_is_over_is_late() {
    assert_late(&Story::at(Status::Failed).then(&asks_leave(1, ApprovalPolicy::Legacy)));
}
