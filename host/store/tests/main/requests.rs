//! What attempts ask of people: who can answer it, and what is listed when nobody has.

use omi_kernel::command::InputAnswer;
use omi_kernel::input::Input;
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::refusal::Refusal;
use omi_kernel::report::Outcome;
use omi_kernel::row::LOG_IN;
use omi_store::{Rejected, RequestState};
use serde_json::json;

use crate::bench::*;

fn provided(value: serde_json::Value) -> InputAnswer {
    InputAnswer::Provided { value }
}

#[test]
fn a_run_waits_until_all_its_questions_are_answered() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    bench.take(asks_for(&begun.attempt, 1, "Which one?"));
    bench.take(asks_leave(&begun.attempt, 2, ApprovalPolicy::Ask));
    bench.take(asks_for(&begun.attempt, 3, "And why?"));
    bench.take(provides(&begun.attempt, 1, provided(json!("this"))));
    bench.take(allows(&begun.attempt, 2));
    assert_eq!(bench.statuses(&accepted.run), ["waiting_input", "waiting_input"]);
    bench.take(asks_for(&begun.attempt, 1, "Really?"));
    bench.take(provides(&begun.attempt, 3, InputAnswer::Declined));
    let reader = bench.reader();
    let open = reader.requests(None, Some(RequestState::Open)).unwrap();
    let told: Vec<_> = open.iter().map(|open| (open.request, open.title.as_deref().unwrap())).collect();
    assert_eq!(told, [(1, "Really?")], "a number that was answered may be used again");
    bench.take(provides(&begun.attempt, 1, provided(json!("yes"))));
    assert_eq!(bench.statuses(&accepted.run), ["running", "running"]);
    assert_eq!(reader.requests(None, None).unwrap(), []);
}

#[test]
fn each_kind_is_listed_with_its_possible_answers() {
    let mut bench = Bench::new();
    let (one, first) = bench.running("r1");
    bench.take(asks_leave(&first.attempt, 7, ApprovalPolicy::Ask));
    let (_, second) = bench.running("r2");
    bench.take(asks_for(&second.attempt, 1, "Which one?"));
    let (_, third) = bench.running("r3");
    bench.take(wants_log_in(&third.attempt, &["browser", "key"]));
    let open = bench.reader().requests(Some(&"ann".into()), Some(RequestState::Open)).unwrap();
    let told: Vec<_> =
        open.iter().map(|open| (open.kind.as_str(), open.request, open.options.clone())).collect();
    assert_eq!(
        told,
        [
            ("approval", 7, vec!["yes".to_owned()]),
            ("input", 1, vec![]),
            ("authentication", LOG_IN, vec!["browser".to_owned(), "key".to_owned()]),
        ]
    );
    assert_eq!(
        (open[0].run_id.as_str(), open[0].session_id.as_str()),
        (one.run.as_str(), one.session.as_str())
    );
    assert_eq!(
        (open[0].attempt_id.as_str(), open[0].title.as_deref()),
        (first.attempt.as_str(), Some("Write a file"))
    );
    assert_eq!(open[0].details["details"]["path"], "a.txt");
    assert!(open[2].title.as_deref().unwrap().contains("browser, key"));
    assert!(open.is_sorted_by_key(|open| open.asked_at_ms));
    assert_eq!(bench.reader().requests(Some(&"bob".into()), None).unwrap(), [], "nobody else's");
}

#[test]
fn a_log_in_offers_what_the_runtime_named() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    bench.take(wants_log_in(&begun.attempt, &["browser", "key"]));
    assert_eq!(bench.statuses(&accepted.run), ["waiting_input", "waiting_input"]);
    let came = bench.send(provides(&begun.attempt, LOG_IN, provided(json!("magic"))));
    assert!(matches!(came, Err(Rejected::Refused(Refusal::NoSuchOption { .. }))), "{came:?}");
    bench.take(provides(&begun.attempt, LOG_IN, provided(json!("key"))));
    assert_eq!(bench.statuses(&accepted.run), ["starting", "failed"]);
    let again = bench.begin(&accepted.run);
    assert_ne!(again.attempt, begun.attempt);
    let reasons = bench.column("SELECT retry_reason FROM run_attempts ORDER BY attempt_no");
    assert_eq!(reasons, ["auth_recovery", "auth_recovery"]);
}

#[test]
fn a_question_of_a_daemon_that_died_is_listed_as_orphaned() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    bench.take(asks_for(&begun.attempt, 1, "Which one?"));
    bench.take(asks_for(&begun.attempt, 2, "And this?"));
    bench.take(provides(&begun.attempt, 2, provided(json!("no"))));
    let (over, closed) = bench.running("r2");
    bench.take(asks_for(&closed.attempt, 1, "Never mind?"));
    bench.take(cancel(&over.run));
    bench.take(finished(&closed.attempt, Outcome::Cancelled, "", None));

    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    let reader = bench.reader();
    assert_eq!(reader.requests(None, Some(RequestState::Open)).unwrap(), []);
    let orphaned = reader.requests(None, Some(RequestState::Orphaned)).unwrap();
    assert_eq!(orphaned, reader.requests(None, None).unwrap());
    let told: Vec<_> = orphaned.iter().map(|one| (one.state, one.title.as_deref().unwrap())).collect();
    assert_eq!(told, [(RequestState::Orphaned, "Which one?")]);
    let came = bench.send(provides(&begun.attempt, 1, provided(json!("late"))));
    assert!(matches!(came, Err(Rejected::Refused(Refusal::NoOpenRequest { .. }))), "{came:?}");
}
