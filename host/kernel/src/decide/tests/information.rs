//! An adapter asks a person for information.

use super::reading::*;
use super::story::*;
use crate::command::{Answer, InputAnswer};
use crate::decision::Decision;
use crate::effect::Effect;
use crate::input::{By, Input};
use crate::permission::ApprovalPolicy;
use crate::refusal::Refusal;
use crate::report::{ApprovalRequest, InputRequest};
use crate::row::LOG_IN;
use crate::status::Status;
use serde_json::json;

fn asks_for(request: u32, person: bool) -> Input {
    let request = InputRequest {
        attempt: attempt_id(),
        request,
        prompt: "Which branch?".into(),
        schema: Some(json!({ "type": "string" })),
        url: None,
    };
    Input::InputRequested { request, person }
}

fn asks_leave(request: u32, policy: ApprovalPolicy) -> Input {
    let (attempt, title) = (attempt_id(), "Write a file".to_owned());
    let request =
        ApprovalRequest { attempt, request, title, tool: None, options: Vec::new(), details: json!({}) };
    Input::ApprovalRequested { request, policy }
}

fn main_branch() -> InputAnswer {
    InputAnswer::Provided { value: "main".into() }
}

fn provides(request: u32, answer: InputAnswer, by: By) -> Input {
    Input::InputProvided { attempt: attempt_id(), request, answer, by }
}

fn ann_provides(request: u32) -> Input {
    provides(request, main_branch(), By::Person("ann".into()))
}

fn ann_allows(request: u32) -> Input {
    let answer = Answer::Selected { option_id: "yes".into() };
    Input::ApprovalAnswered { attempt: attempt_id(), request, answer, by: By::Person("ann".into()) }
}

fn told(decision: &Decision) -> Vec<(u32, InputAnswer)> {
    let answer = |effect: &Effect| match effect {
        Effect::ProvideInput { request, answer, worker, .. } if *worker == worker_id() => {
            Some((*request, answer.clone()))
        }
        _ => None,
    };
    decision.effects.iter().filter_map(answer).collect()
}

#[test]
fn a_person_is_asked_and_the_run_waits() {
    let decision = Story::at(Status::Running).then(&asks_for(1, true));
    assert_eq!(rows(&decision), ["attempt running > waiting_input", "run running > waiting_input"]);
    assert_eq!(events(&decision), ["input.requested", "run.waiting_input"]);
    let asked = payload(&decision, "input.requested");
    assert_eq!(
        (&asked["request"], &asked["kind"], &asked["prompt"]),
        (&1.into(), &"input".into(), &"Which branch?".into())
    );
    assert_eq!(asked["schema"], json!({ "type": "string" }));
    assert_eq!(effects(&decision), ["park for a person"]);
}

#[test]
fn where_nobody_can_be_asked_it_is_declined() {
    let decision = Story::at(Status::Running).then(&asks_for(1, false));
    assert_eq!(events(&decision), ["input.requested", "input.provided"]);
    let given = payload(&decision, "input.provided");
    assert_eq!((&given["outcome"], &given["by"]), (&"declined".into(), &"nobody_to_ask".into()));
    assert_eq!(told(&decision), [(1, InputAnswer::Declined)]);
    assert!(decision.writes.is_empty(), "the run does not wait");
}

#[test]
fn an_answer_goes_to_the_adapter_and_the_run_goes_on() {
    let decision = Story::at(Status::WaitingInput).asked_for_input(&[1]).then(&ann_provides(1));
    assert_eq!(rows(&decision), ["attempt waiting_input > running", "run waiting_input > running"]);
    assert_eq!(events(&decision), ["input.provided", "run.running"]);
    let given = payload(&decision, "input.provided");
    assert_eq!(
        (&given["request"], &given["by"], &given["value"]),
        (&1.into(), &"user".into(), &"main".into())
    );
    assert_eq!(effects(&decision), ["unpark from a person", "provide"], "the permit comes before the answer");
    assert_eq!(told(&decision), [(1, main_branch())]);
}

#[test]
fn the_run_waits_until_everything_is_answered() {
    let one = Story::at(Status::WaitingInput).asked_for_input(&[1]);
    let second = one.then(&asks_for(2, true));
    assert_eq!(events(&second), ["input.requested", "run.waiting_input"]);
    assert!(second.effects.is_empty(), "it is parked already");

    let both = one.asked_for_input(&[2]);
    let decision = both.then(&ann_provides(1));
    assert_eq!(
        (rows(&decision).len(), events(&decision), effects(&decision)),
        (0, vec!["input.provided"], vec!["provide"])
    );
}

#[test]
fn the_status_tells_what_is_still_waited_for() {
    let story = Story::at(Status::WaitingApproval).asked(&[1]);
    let asked = story.then(&asks_for(2, true));
    assert_eq!(rows(&asked)[1], "run waiting_approval > waiting_input");
    assert!(asked.effects.is_empty(), "it is parked already");
    let leave =
        Story::at(Status::WaitingInput).asked_for_input(&[2]).then(&asks_leave(1, ApprovalPolicy::Ask));
    assert_eq!(rows(&leave)[1], "run waiting_input > waiting_approval");
    assert!(leave.effects.is_empty());

    let informed = Story::at(Status::WaitingInput).asked(&[1]).asked_for_input(&[2]).then(&ann_provides(2));
    assert_eq!(
        rows(&informed),
        ["attempt waiting_input > waiting_approval", "run waiting_input > waiting_approval"]
    );
    assert_eq!(events(&informed), ["input.provided", "run.waiting_approval"]);
    assert_eq!(effects(&informed), ["provide"]);

    let allowed = Story::at(Status::WaitingApproval).asked(&[1]).asked_for_input(&[2]).then(&ann_allows(1));
    assert_eq!(events(&allowed), ["approval.resolved", "run.waiting_input"]);
    assert_eq!(effects(&allowed), ["answer"]);
}

#[test]
fn an_answer_counts_once_and_only_for_its_question() {
    let refused = |request| Refusal::NoOpenRequest { attempt: attempt_id(), request };
    let story = Story::at(Status::WaitingInput).asked_for_input(&[1]);
    assert_eq!(story.refuses(&ann_provides(2)), refused(2));
    assert_eq!(Story::at(Status::Running).refuses(&ann_provides(1)), refused(1));
    for status in terminal() {
        assert_eq!(Story::at(status).refuses(&ann_provides(1)), refused(1));
    }
    let leave = Story::at(Status::WaitingApproval).asked(&[1]);
    assert_eq!(leave.refuses(&ann_provides(1)), refused(1), "a permission is no information");
}

#[test]
fn a_question_that_is_open_is_not_asked_twice() {
    let decision = Story::at(Status::WaitingInput).asked_for_input(&[1]).then(&asks_for(1, true));
    assert_late(&decision);
    assert!(decision.effects.is_empty());
}

#[test]
fn only_its_owner_answers_for_a_person() {
    let story = Story::at(Status::WaitingInput).asked_for_input(&[1]);
    let missing = Refusal::NotFound { what: "attempt", id: attempt_id().to_string() };
    for request in [1, 2] {
        let bob = provides(request, main_branch(), By::Person("bob".into()));
        assert_eq!(story.refuses(&bob), missing);
        assert_eq!(Story::nothing().refuses(&bob), missing, "it cannot be told from one that is not there");
    }
}

#[test]
fn a_question_ends_without_a_person_when_it_is_taken_back_or_too_late() {
    for (by, label, answer) in [
        (By::Runtime, "runtime", InputAnswer::Cancelled),
        (By::Deadline, "deadline", InputAnswer::Expired),
        (By::Nobody("ann".into()), "nobody_to_ask", InputAnswer::Declined),
    ] {
        let story = Story::at(Status::WaitingInput).asked_for_input(&[1]);
        let decision = story.then(&provides(1, answer.clone(), by));
        assert_eq!(events(&decision), ["input.provided", "run.running"]);
        assert_eq!(payload(&decision, "input.provided")["by"], label);
        assert_eq!(told(&decision), [(1, answer)]);
    }
}

#[test]
fn a_cancel_closes_what_is_open_and_tells_the_adapter() {
    let decision = Story::at(Status::WaitingInput).asked(&[1]).asked_for_input(&[2]).then(&cancel());
    assert_eq!(
        events(&decision),
        ["run.cancellation_requested", "run.cancelling", "approval.resolved", "input.provided"]
    );
    assert_eq!(told(&decision), [(2, InputAnswer::Cancelled)]);
    assert_eq!(effects(&decision), ["answer", "provide", "tell to cancel"]);
}

#[test]
fn a_question_after_the_cancel_is_answered_cancelled() {
    for person in [true, false] {
        let decision = Story::at(Status::Cancelling).then(&asks_for(3, person));
        assert_eq!(events(&decision), ["input.requested", "input.provided"]);
        assert_eq!(told(&decision), [(3, InputAnswer::Cancelled)]);
        assert!(decision.writes.is_empty());
    }
}

#[test]
fn an_attempt_that_ends_closes_what_it_asked() {
    let story = Story::at(Status::WaitingInput).asked_for_input(&[4]);
    for decision in [story.then(&finished(well(), "done")), story.then(&lost(""))] {
        let closed = payload(&decision, "input.provided");
        assert_eq!((&closed["outcome"], &closed["by"]), (&"cancelled".into(), &"kernel".into()));
        assert!(told(&decision).is_empty(), "there is nobody left to tell");
    }
}

#[test]
fn a_question_of_an_attempt_that_is_over_is_counted() {
    for story in terminal().map(Story::at).chain([Story::logging_in()]) {
        assert_counted(&story.then(&asks_for(1, true)));
        assert_counted(&story.then(&asks_leave(1, ApprovalPolicy::Ask)));
    }
}

#[test]
fn no_adapter_has_the_number_of_the_log_in() {
    let decision = Story::at(Status::Running).then(&asks_for(LOG_IN, true));
    assert!(decision.writes.is_empty(), "the run does not wait");
    assert_eq!(told(&decision), [(LOG_IN, InputAnswer::Declined)]);

    let decision = Story::at(Status::Running).then(&asks_leave(LOG_IN, ApprovalPolicy::Ask));
    assert!(decision.writes.is_empty(), "the run does not wait");
    assert_eq!(effects(&decision), ["answer"]);
    assert_eq!(payload(&decision, "approval.resolved")["outcome"], "rejected");
}
