//! What is above and below a run, as decisions see it.

use omi_kernel::command::InputAnswer;
use omi_kernel::delegation::{DelegationMode, RESULT_ARTIFACTS_MAX};
use omi_kernel::effect::Effect;
use omi_kernel::id::{Ids, RunId, SessionId};
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use omi_kernel::request::{Delegate, WorkerLimits};
use omi_store::{ArtifactFilter, Outcome, Rejected};
use serde_json::json;

use crate::bench::*;

fn delegates(delegate: Delegate) -> Input {
    Input::Delegate(Box::new(delegate))
}

fn refusal(came: Outcome) -> Refusal {
    match came {
        Err(Rejected::Refused(refusal)) => refusal,
        Ok(_) | Err(Rejected::Conflict(_)) => panic!("{came:?}"),
    }
}

#[test]
fn a_call_is_told_what_came_of_it() {
    let mut bench = Bench::new();
    let (parent, begun) = bench.running("r1");
    let child = bench.delegate(Delegate { budget_usd: Some(2.0), ..calls(&parent.run, "c1") });
    let status = "SELECT status FROM delegations";
    assert_eq!(bench.column(status), ["pending"]);
    let working = bench.executed(&child.run, "native-c");
    assert_eq!(bench.column(status), ["running"]);
    assert_eq!(bench.column("SELECT completed_at_ms FROM delegations"), ["null"]);
    bench.take(makes(&working.attempt, "result", "file:///a"));
    bench.take(uses(&working.attempt, 0.25));
    bench.take(asks_for(&working.attempt, 1, "Told?"));
    bench.take(provides(&working.attempt, 1, InputAnswer::Provided { value: json!("yes") }));
    bench.take(asks_for(&working.attempt, 1, "Not told?"));
    bench.take(provides(&working.attempt, 1, InputAnswer::Declined));
    bench.take(asks_for(&working.attempt, 2, "Nobody says?"));
    bench.take(finished(&working.attempt, well(), "It's done", None));

    let all = bench.reader().delegations(Some(&"ann".into()), &parent.run).unwrap();
    let [delegation] = &all[..] else { panic!("{all:?}") };
    assert_eq!((delegation.mode.as_str(), delegation.status.as_str()), ("call", "succeeded"));
    assert_eq!((delegation.child_run_id.as_str(), delegation.budget_usd), (child.run.as_str(), 2.0));
    assert!(delegation.completed_at_ms.is_some());
    let result = delegation.result.as_ref().unwrap();
    assert_eq!(result["summary"], "It's done");
    assert_eq!(result["openQuestions"], json!(["Not told?", "Nobody says?"]));
    assert_eq!(result["artifacts"][0]["uri"], "file:///a");
    assert_eq!(result["usage"]["costUsd"], 0.25);
    assert_eq!(bench.reader().delegations(None, &child.run).unwrap(), all, "seen from below as from above");
    assert_eq!(bench.reader().delegations(Some(&"bob".into()), &parent.run).unwrap(), []);
    assert_eq!(bench.statuses(&parent.run), ["running", "running"]);
    bench.take(finished(&begun.attempt, well(), "", None));
}

#[test]
fn the_same_request_is_the_same_delegation_also_when_it_is_over() {
    let mut bench = Bench::new();
    let (parent, _) = bench.running("r1");
    let child = bench.delegate(calls(&parent.run, "c1"));
    let working = bench.executed(&child.run, "native-c");
    bench.take(finished(&working.attempt, well(), "", None));
    let before = bench.dump();
    assert_eq!(bench.delegate(calls(&parent.run, "c1")).run, child.run);
    assert_eq!(bench.dump(), before);
    let other = Delegate { objective: "something else".into(), ..calls(&parent.run, "c1") };
    assert_eq!(refusal(bench.send(delegates(other))), Refusal::RequestConflict("c1".into()));
    let of_a_prompt = refusal(bench.send(delegates(calls(&parent.run, "r1"))));
    assert_eq!(of_a_prompt, Refusal::RequestConflict("r1".into()));
}

#[test]
fn depth_is_counted_from_the_top() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let spawn =
        |parent: &RunId, request: &str| Delegate { mode: DelegationMode::Spawn, ..calls(parent, request) };
    let mut run = top.run;
    for (depth, request) in ["c1", "c2", "c3"].into_iter().enumerate() {
        let limited = Delegate { depth_max: Some(u32::try_from(depth + 1).unwrap()), ..spawn(&run, request) };
        run = bench.delegate(limited).run;
        bench.executed(&run, request);
    }
    assert_eq!(refusal(bench.send(delegates(spawn(&run, "c4")))), Refusal::TooDeep { depth: 4, max: 3 });
}

#[test]
fn every_budget_above_counts_what_is_spent_below_it() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let child = bench.delegate(Delegate { budget_usd: Some(4.0), ..calls(&top.run, "c1") });
    let working = bench.executed(&child.run, "native-c");
    bench.take(uses(&working.attempt, 1.0));
    bench.take(uses(&working.attempt, 1.5));
    let grandchild = bench.delegate(calls(&child.run, "g1"));
    let below = bench.executed(&grandchild.run, "native-g");
    bench.take(uses(&below.attempt, 0.5));
    bench.take(finished(&below.attempt, well(), "", None));
    let another = bench.delegate(calls(&child.run, "g2"));
    let budgets = "SELECT budget_usd FROM delegations ORDER BY rowid";
    assert_eq!(bench.column(budgets), ["4", "2.5", "2"], "no more than is left above");

    let below = bench.executed(&another.run, "native-g2");
    bench.take(uses(&below.attempt, 2.25));
    assert_eq!(bench.statuses(&another.run), ["failed", "failed"]);
    assert_eq!(bench.column("SELECT error_code FROM runs WHERE error_code NOT NULL"), ["budget_exceeded"]);
    let spent = Refusal::BudgetSpent { limit_usd: 4.0, spent_usd: 4.25 };
    assert_eq!(refusal(bench.send(delegates(calls(&child.run, "g3")))), spent);
}

#[test]
fn a_result_counts_every_attempt() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let child = bench.delegate(calls(&top.run, "c1"));
    let first = bench.executed(&child.run, "native-1");
    bench.take(uses(&first.attempt, 0.5));
    bench.take(finished(&first.attempt, stale(), "", None));
    let second = bench.executed(&child.run, "native-2");
    bench.take(uses(&second.attempt, 0.25));
    bench.take(finished(&second.attempt, well(), "", None));
    assert_eq!(bench.column("SELECT result_json ->> '$.usage.costUsd' FROM delegations"), ["0.75"]);
}

#[test]
fn a_result_lists_the_newest_artifacts_in_their_order() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let child = bench.delegate(calls(&top.run, "c1"));
    let working = bench.executed(&child.run, "native-1");
    for number in 0..RESULT_ARTIFACTS_MAX + 2 {
        bench.take(makes(&working.attempt, "result", &number.to_string()));
    }
    bench.take(finished(&working.attempt, well(), "", None));
    let uris = bench.column("SELECT value ->> 'uri' FROM delegations, json_each(result_json, '$.artifacts')");
    let newest: Vec<String> = (2..RESULT_ARTIFACTS_MAX + 2).map(|number| number.to_string()).collect();
    assert_eq!(uris, newest);
    let of_run = ArtifactFilter { run: Some(child.run.clone()), limit: 1, ..ArtifactFilter::default() };
    let last = bench.reader().artifacts(&of_run).unwrap().remove(0);
    assert_eq!((last.uri.as_str(), last.role.as_str()), ("51", "result"));
    assert_eq!(last.size_bytes, Some(i64::MAX), "as large as can be told");
    assert_eq!((last.metadata["pages"].as_i64(), last.lifecycle_state.as_str()), (Some(3), "retained"));
    let nobody = ArtifactFilter { owner: Some("bob".into()), limit: 9, ..ArtifactFilter::default() };
    assert_eq!(bench.reader().artifacts(&nobody).unwrap(), []);
}

#[test]
fn only_a_session_that_was_delegated_to_is_continued() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let (stranger, _) = bench.running("r2");
    let go_on = |session: &SessionId, request| Delegate {
        mode: DelegationMode::Continue,
        session: Some(session.clone()),
        ..calls(&top.run, request)
    };
    let unknown = SessionId::new(&mut Ids::new(&mut || 0xdead));
    for session in [&stranger.session, &unknown] {
        let refused = refusal(bench.send(delegates(go_on(session, "c1"))));
        assert_eq!(refused, Refusal::NotDelegated(session.clone()));
    }
    let child = bench.delegate(calls(&top.run, "c1"));
    let working = bench.executed(&child.run, "native-c");
    bench.take(finished(&working.attempt, well(), "", None));
    assert_eq!(bench.delegate(go_on(&child.session, "c2")).session, child.session);
}

#[test]
fn a_call_for_which_no_worker_is_left_is_refused() {
    let mut bench = Bench::new();
    let limits = WorkerLimits { parked_max: 2, ..WorkerLimits::default() };
    let call = |parent, request| Delegate { limits: limits.clone(), ..calls(parent, request) };
    let (one, _) = bench.running("r1");
    let (two, _) = bench.running("r2");
    let (three, _) = bench.running("r3");
    let child = bench.delegate(call(&one.run, "c1"));
    bench.delegate(call(&one.run, "c2"));
    bench.delegate(Delegate { mode: DelegationMode::Spawn, ..call(&three.run, "s") });
    bench.delegate(call(&two.run, "c3"));
    let refused = refusal(bench.send(delegates(call(&three.run, "c4"))));
    assert_eq!(refused, Refusal::NoWorkerForCall("echo".into()), "two runs wait already");
    let working = bench.executed(&child.run, "native-c");
    bench.take(finished(&working.attempt, well(), "", None));
    assert!(bench.send(delegates(call(&three.run, "c5"))).is_err(), "the first one still waits for another");
    bench.take(cancel(&two.run));
    assert_eq!(bench.column("SELECT status FROM delegations ORDER BY rowid")[3], "cancelled");
    bench.delegate(call(&three.run, "c6"));
}

#[test]
fn what_is_below_a_cancelled_run_stops_with_it() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let child = bench.delegate(calls(&top.run, "c1"));
    let working = bench.executed(&child.run, "native-c");
    bench.take(asks_for(&working.attempt, 1, "Which one?"));
    let over = bench.delegate(calls(&child.run, "g1"));
    let ended = bench.executed(&over.run, "native-g");
    let below_over = bench.delegate(Delegate { mode: DelegationMode::Spawn, ..calls(&over.run, "gg1") });
    bench.take(finished(&ended.attempt, well(), "", None));
    let committed = bench.take(cancel(&top.run));
    assert_eq!(bench.statuses(&child.run), ["cancelling", "cancelling"]);
    assert_eq!(bench.statuses(&over.run), ["succeeded", "succeeded"]);
    assert_eq!(bench.statuses(&below_over.run), ["cancelled"], "also below one that is over");
    let answered = committed.effects.iter().any(|effect| matches!(effect, Effect::ProvideInput { .. }));
    assert!(answered, "its adapter is told: {:?}", committed.effects);
    let order = "SELECT run_id FROM events WHERE type = 'run.cancellation_requested' ORDER BY event_seq";
    let runs = [&top.run, &child.run, &below_over.run].map(ToString::to_string);
    assert_eq!(bench.column(order), runs, "the nearest first");
}

#[test]
fn a_restart_ends_the_delegations_of_what_it_orphans() {
    let mut bench = Bench::new();
    let (top, _) = bench.running("r1");
    let child = bench.delegate(Delegate { mode: DelegationMode::Spawn, ..calls(&top.run, "c1") });
    bench.executed(&child.run, "native-c");
    let queued = bench.delegate(Delegate { mode: DelegationMode::Spawn, ..calls(&top.run, "c2") });
    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    assert_eq!(bench.column("SELECT status FROM delegations ORDER BY rowid"), ["failed", "pending"]);
    assert_eq!(bench.statuses(&queued.run), ["queued"]);
    let after = bench.dump();
    bench.take(Input::Reconcile);
    assert_eq!(bench.dump(), after);
}
