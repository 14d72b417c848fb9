//! What a delegated run may cost: what was asked, within what is left above, and no more.

use super::delegate::{delegates, wants};
use super::reading::*;
use super::story::*;
use crate::delegation::{BUDGET_USD_DEFAULT, BUDGET_USD_MAX, Budget, DelegationMode, DelegationStatus};
use crate::effect::Effect;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::report::{Activity, Usage};
use crate::request::Delegate;
use crate::status::Status;
use crate::write::Write;

fn budget(limit_usd: f64, spent_usd: f64) -> Budget {
    Budget { delegation: delegation_id(), limit_usd, spent_usd }
}

/// What a run may cost that asks for so much, below these budgets.
fn granted(budget_usd: Option<f64>, budgets: Vec<Budget>) -> Result<f64, Refusal> {
    let mut story = Story::at(Status::Running);
    story.facts.budgets = budgets;
    let decision = story.decide(&delegates(Delegate { budget_usd, ..wants(DelegationMode::Call) }))?;
    let new = decision.writes.iter().find_map(|write| match write {
        Write::InsertDelegation(new) => Some(new),
        _ => None,
    });
    let new = new.unwrap();
    assert_eq!(new.request["budgetUsd"], new.budget_usd, "the record says the same");
    assert_eq!(payload(&decision, "delegation.created")["budgetUsd"], new.budget_usd);
    Ok(new.budget_usd)
}

/// What the run of the story has used by now.
fn uses(cost_usd: Option<f64>) -> Input {
    let usage = Usage { cost_usd, input_tokens: Some(9), ..Usage::default() };
    Input::Activity { attempt: attempt_id(), activity: Activity::Usage(usage) }
}

/// A delegated run with these budgets, whose attempt has recorded a cost of 1 already.
fn working(status: Status, budgets: Vec<Budget>) -> Story {
    let mut story = Story::at(status).for_parent(DelegationMode::Call, DelegationStatus::Running);
    story.facts.budgets = budgets;
    story.facts.usage.attempt.cost_usd = Some(1.0);
    story
}

#[test]
fn it_is_what_was_asked_or_what_is_usual() {
    assert_eq!(granted(None, vec![]), Ok(BUDGET_USD_DEFAULT));
    assert_eq!(granted(Some(0.25), vec![]), Ok(0.25));
    assert_eq!(granted(Some(BUDGET_USD_MAX), vec![]), Ok(BUDGET_USD_MAX));
}

#[test]
fn it_is_never_more_than_is_left_of_any_budget_above() {
    assert_eq!(granted(Some(4.0), vec![budget(5.0, 2.0)]), Ok(3.0));
    assert_eq!(granted(Some(4.0), vec![budget(5.0, 0.5), budget(8.0, 7.5)]), Ok(0.5));
    assert_eq!(granted(Some(0.25), vec![budget(5.0, 2.0)]), Ok(0.25));
}

#[test]
fn a_budget_that_is_spent_delegates_nothing() {
    for spent_usd in [5.0, 6.0] {
        let expected = Refusal::BudgetSpent { limit_usd: 5.0, spent_usd };
        assert_eq!(granted(Some(1.0), vec![budget(9.0, 1.0), budget(5.0, spent_usd)]), Err(expected));
    }
}

#[test]
fn a_budget_is_a_sum_of_money() {
    for asked in [0.0, -1.0, BUDGET_USD_MAX + 0.01, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(granted(Some(asked), vec![]), Err(Refusal::InvalidBudget(asked)));
    }
    assert!(matches!(granted(Some(f64::NAN), vec![]), Err(Refusal::InvalidBudget(_))));
}

#[test]
fn a_run_within_its_budget_goes_on() {
    for story in [working(Status::Running, vec![]), working(Status::Running, vec![budget(5.0, 1.0)])] {
        let decision = story.then(&uses(Some(5.0)));
        assert_eq!(rows(&decision), ["usage"]);
        assert_eq!(events(&decision), ["usage.updated"]);
        let updated = payload(&decision, "usage.updated");
        assert_eq!((&updated["usage"]["inputTokens"], &updated["final"]), (&9.into(), &false.into()));
        assert!(decision.effects.is_empty());
    }
    assert_eq!(rows(&working(Status::Running, vec![budget(5.0, 4.0)]).then(&uses(None))), ["usage"]);
}

#[test]
fn a_run_that_cost_more_than_it_may_is_ended() {
    // 1 of the 4.5 that are spent is its own: with 2 in all 5.5 are.
    let own = vec![budget(5.0, 4.5)];
    let above = vec![budget(9.0, 1.0), budget(5.0, 4.5)];
    for budgets in [own, above] {
        let decision = working(Status::Running, budgets).then(&uses(Some(2.0)));
        assert_eq!(
            rows(&decision),
            ["usage", "attempt running > failed", "run running > failed", "delegation running > failed"]
        );
        assert_eq!(
            events(&decision),
            ["usage.updated", "attempt.failed", "run.failed", "delegation.completed"]
        );
        assert_eq!(payload(&decision, "run.failed")["errorCode"], "budget_exceeded");
        assert_eq!(payload(&decision, "run.failed")["errorMessage"], "the budget of $5.00 is spent ($5.50)");
        assert_eq!(effects(&decision), ["kill", "unpark from a child", "release"]);
        let kill = Effect::KillWorker { worker: worker_id(), cancel: Some(attempt_id()) };
        assert_eq!(decision.effects[0], kill);
        assert_eq!(payload(&decision, "delegation.completed")["usage"]["costUsd"], 2.0);
    }
}

#[test]
fn what_it_asked_is_closed_before_it_is_ended() {
    let story = working(Status::WaitingApproval, vec![budget(5.0, 4.5)]).asked(&[1]);
    let decision = story.then(&uses(Some(2.0)));
    assert_eq!(events(&decision)[..3], ["usage.updated", "approval.resolved", "attempt.failed"]);
}

#[test]
fn what_is_to_stop_anyway_is_not_ended_for_its_cost() {
    let decision = working(Status::Cancelling, vec![budget(5.0, 4.5)]).then(&uses(Some(9.0)));
    assert_eq!((rows(&decision), effects(&decision)), (vec!["usage".to_owned()], vec![]));
}

#[test]
fn the_use_of_an_attempt_that_is_over_is_late() {
    for status in terminal() {
        assert_counted(&working(status, vec![budget(5.0, 4.5)]).then(&uses(Some(9.0))));
    }
}
