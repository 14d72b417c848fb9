//! An adapter asks for permission.

use super::reading::*;
use super::story::*;
use crate::command::Answer;
use crate::decision::Decision;
use crate::effect::Effect;
use crate::input::{By, Input};
use crate::permission::ApprovalPolicy;
use crate::refusal::Refusal;
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
    answered(request, selected("yes"), By::Person("ann".into()))
}

fn answered(request: u32, answer: Answer, by: By) -> Input {
    Input::ApprovalAnswered { attempt: attempt_id(), request, answer, by }
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
    assert_eq!(effects(&decision), ["park for a person"], "it gives its permit back");
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
    assert_eq!((&resolved["adapterId"], &resolved["optionKind"]), (&"echo".into(), &"allow_once".into()));
}

#[test]
fn an_answer_goes_to_the_adapter_and_the_run_goes_on() {
    let decision = Story::at(Status::WaitingApproval).asked(&[1]).then(&answers(1));
    assert_eq!(rows(&decision), ["attempt waiting_approval > running", "run waiting_approval > running"]);
    assert_eq!(events(&decision), ["approval.resolved", "run.running"]);
    assert_eq!(told(&decision), [(1, selected("yes"))]);
    assert_eq!(effects(&decision), ["unpark from a person", "answer"], "the permit comes before the answer");
    let resolved = payload(&decision, "approval.resolved");
    assert_eq!((&resolved["by"], &resolved["automatic"]), (&"user".into(), &false.into()));
}

#[test]
fn the_run_waits_for_the_last_answer() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let second = story.then(&asks_leave(2, ApprovalPolicy::Ask));
    assert_eq!(events(&second), ["approval.requested", "run.waiting_approval"]);
    assert!(second.effects.is_empty(), "it is parked already");
    let decision = story.asked(&[2]).then(&answers(2));
    assert_eq!(events(&decision), ["approval.resolved"]);
    assert_eq!(effects(&decision), ["answer"], "it stays parked");
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
    let refused = |request| Err(Refusal::NoOpenRequest { attempt: attempt_id(), request });
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    assert_eq!(story.decide(&answers(2)), refused(2));
    let answered = Story::at(Status::Running);
    assert_eq!(answered.decide(&answers(1)), refused(1), "an answer counts once");
    let input = Story::at(Status::WaitingInput).asked_for_input(&[1]);
    assert_eq!(input.decide(&answers(1)), refused(1), "information is no permission");
    assert_eq!(Story::logging_in().decide(&answers(crate::row::LOG_IN)), refused(crate::row::LOG_IN));
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
    let lost = story.then(&lost(""));
    assert_eq!(events(&lost), ["approval.resolved", "attempt.failed", "run.failed"]);
    for decision in [done, lost] {
        let resolved = payload(&decision, "approval.resolved");
        assert_eq!((&resolved["outcome"], &resolved["automatic"]), (&"cancelled".into(), &true.into()));
        assert!(told(&decision).is_empty(), "there is nobody left to tell");
    }
}

#[test]
fn a_question_of_an_attempt_that_is_over_is_late() {
    for status in terminal() {
        assert_counted(&Story::at(status).then(&asks_leave(1, ApprovalPolicy::Legacy)));
    }
}

#[test]
fn only_what_was_offered_can_be_chosen() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let refusal = story.refuses(&answered(1, selected("always"), By::Person("ann".into())));
    let expected =
        Refusal::NoSuchOption { option: "always".into(), request: 1, offered: "`no`, `yes`".into() };
    assert_eq!(refusal, expected);
    for answer in
        [selected("no"), Answer::Rejected { reason: "no".into() }, Answer::Cancelled, Answer::Expired]
    {
        let decision = story.then(&answered(1, answer.clone(), By::Person("ann".into())));
        assert_eq!(told(&decision), [(1, answer)]);
    }
}

#[test]
fn only_its_owner_answers_for_a_person() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let missing = Refusal::NotFound { what: "attempt", id: attempt_id().to_string() };
    for request in [1, 2] {
        for by in [By::Person("bob".into()), By::Nobody("bob".into())] {
            let bob = answered(request, selected("yes"), by);
            assert_eq!(story.refuses(&bob), missing);
            assert_eq!(
                Story::nothing().refuses(&bob),
                missing,
                "it cannot be told from one that is not there"
            );
        }
    }
}

#[test]
fn a_request_ends_without_a_person_when_it_is_taken_back_or_too_late() {
    let nobody = By::Nobody("ann".into());
    for (by, label) in [(By::Runtime, "runtime"), (By::Deadline, "deadline"), (nobody, "nobody_to_ask")] {
        let story = Story::at(Status::WaitingApproval).asked(&[1]);
        let decision = story.then(&answered(1, Answer::Expired, by));
        assert_eq!(events(&decision), ["approval.resolved", "run.running"]);
        let resolved = payload(&decision, "approval.resolved");
        assert_eq!((&resolved["by"], &resolved["automatic"]), (&label.into(), &true.into()));
        assert_eq!(told(&decision), [(1, Answer::Expired)]);
    }
}
