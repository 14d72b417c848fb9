//! A transition with its events happens whole or not at all, whatever fails on the way.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::input::{Accept, Input};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::Usage;
use omi_store::{Rejected, StoreError};

use crate::bench::*;

/// What is done to a row, and to which table, in the course of [`story`].
const WRITES: [(&str, &str); 10] = [
    ("INSERT", "sessions"),
    ("UPDATE", "sessions"),
    ("INSERT", "runs"),
    ("UPDATE", "runs"),
    ("INSERT", "run_attempts"),
    ("UPDATE", "run_attempts"),
    ("INSERT", "adapter_bindings"),
    ("INSERT", "grants"),
    ("INSERT", "events"),
    ("DELETE", "events"),
];

/// The events of [`story`], each recorded by one of its steps.
const EVENTS: [&str; 16] = [
    "session.created",
    "run.queued",
    "session.updated",
    "run.starting",
    "attempt.created",
    "binding.created",
    "attempt.started",
    "run.running",
    "message.delta",
    "approval.requested",
    "run.waiting_approval",
    "approval.resolved",
    "message.completed",
    "usage.updated",
    "run.succeeded",
    "run.cancelling",
];

/// A step of a run, made when the ones before it have told their identifiers.
type Step = fn(&mut Known) -> Input;

/// What the steps of a story know of each other.
#[derive(Default)]
struct Known {
    accepted: Option<Accepted>,
    begun: Option<Begun>,
}

impl Known {
    fn attempt(&self) -> &omi_kernel::id::AttemptId {
        &self.begun.as_ref().unwrap().attempt
    }

    fn run(&self) -> &omi_kernel::id::RunId {
        &self.accepted.as_ref().unwrap().run
    }

    fn learn(&mut self, committed: &omi_store::Committed) {
        use omi_kernel::decision::{Effect, Reply};
        if let Reply::Accepted { session, run, .. } = &committed.reply {
            self.accepted = Some(Accepted { session: session.clone(), run: run.clone() });
        }
        for effect in &committed.effects {
            if let Effect::Bind { attempt, binding, .. } = effect {
                self.begun = Some(Begun { attempt: attempt.clone(), binding: binding.clone() });
            }
        }
    }
}

/// A run from its prompt to its end, and another one that is cancelled.
fn story() -> Vec<Step> {
    vec![
        |_| accepts(Accept { legacy_grant: true, ..asks("r1") }),
        |known| leased(known.run()),
        |known| opened(known.begun.as_ref().unwrap(), "native-1", Fidelity::Native),
        |known| chunk(known.attempt(), "m1", 0, "Hel"),
        |known| asks_leave(known.attempt(), 1, ApprovalPolicy::Ask),
        |known| allows(known.attempt(), 1),
        |known| message_completed(known.attempt(), "m1", "Hello"),
        |known| finished(known.attempt(), well(), "Hello", Some(Usage::default())),
        |_| accepts(asks("r2")),
        |known| cancel(known.run()),
    ]
}

/// Lets the story run with a trigger in its way. Each step that it stops must change nothing, and be possible once
/// the trigger is gone. Answers how many it stopped.
fn obstruct(trigger: &str, stopped: impl Fn(&Result<Vec<omi_store::Outcome>, StoreError>) -> bool) -> u32 {
    let mut bench = Bench::new();
    let mut known = Known::default();
    let mut count = 0;
    for step in story() {
        let input = step(&mut known);
        let before = bench.dump();
        bench.beside().execute_batch(&format!("CREATE TRIGGER injected {trigger}")).unwrap();
        let came = bench.batch(std::slice::from_ref(&input));
        bench.beside().execute_batch("DROP TRIGGER injected").unwrap();
        if stopped(&came) {
            count += 1;
            assert_eq!(bench.dump(), before, "{trigger}\n{input:?}");
            known.learn(&bench.take(input));
        } else {
            known.learn(came.unwrap()[0].as_ref().unwrap());
        }
    }
    assert_eq!(bench.statuses(known.run()), ["cancelled"]);
    assert_eq!(bench.column("SELECT status FROM runs ORDER BY rowid"), ["succeeded", "cancelled"]);
    count
}

fn is_conflict(came: &Result<Vec<omi_store::Outcome>, StoreError>) -> bool {
    matches!(came, Ok(outcomes) if matches!(&outcomes[..], [Err(Rejected::Conflict(_))]))
}

#[test]
fn a_row_that_cannot_be_written_stops_its_whole_transition() {
    for (what, table) in WRITES {
        let trigger = format!("BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'injected'); END");
        assert!(obstruct(&trigger, is_conflict) > 0, "the story never does {what} to {table}");
    }
}

#[test]
fn an_event_that_cannot_be_recorded_stops_its_whole_transition() {
    for kind in EVENTS {
        let trigger = format!(
            "AFTER INSERT ON events WHEN NEW.type = '{kind}' BEGIN SELECT RAISE(ABORT, 'injected'); END"
        );
        assert!(obstruct(&trigger, is_conflict) > 0, "the story never records {kind}");
    }
}

#[test]
fn a_transaction_that_is_rolled_back_under_the_store_is_an_error() {
    for kind in EVENTS {
        let trigger = format!(
            "AFTER INSERT ON events WHEN NEW.type = '{kind}' BEGIN SELECT RAISE(ROLLBACK, 'injected'); END"
        );
        let is_error = |came: &Result<_, StoreError>| matches!(came, Err(StoreError::Sqlite { .. }));
        assert!(obstruct(&trigger, is_error) > 0, "the story never records {kind}");
    }
}

#[test]
fn a_refused_input_leaves_the_others_of_its_batch_alone() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let unknown = omi_kernel::id::RunId::new(&mut omi_kernel::id::Ids::new(&mut || 0xdead));
    let outcomes = bench
        .batch(&[
            chunk(&begun.attempt, "m1", 0, "one"),
            allows(&begun.attempt, 9),
            accepts(asks(" ")),
            cancel(&unknown),
            chunk(&begun.attempt, "m1", 3, "two"),
            finished(&begun.attempt, well(), "onetwo", None),
        ])
        .unwrap();
    let taken: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true, false, true, true]);
    assert_eq!(
        bench.events()[8..],
        [
            "message.delta",
            "session.created",
            "run.queued",
            "session.updated",
            "message.delta",
            "usage.updated",
            "run.succeeded"
        ]
    );
}

#[test]
fn an_input_that_cannot_be_written_leaves_the_others_of_its_batch_alone() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let trigger = "CREATE TRIGGER injected AFTER INSERT ON events WHEN NEW.type = 'run.queued' \
                   BEGIN SELECT RAISE(ABORT, 'injected'); END";
    bench.beside().execute_batch(trigger).unwrap();
    let outcomes = bench
        .batch(&[
            chunk(&begun.attempt, "m1", 0, "one"),
            accepts(asks("r2")),
            finished(&begun.attempt, well(), "one", None),
        ])
        .unwrap();
    assert!(matches!(&outcomes[1], Err(Rejected::Conflict(what)) if what.contains("injected")));
    assert_eq!(bench.events()[8..], ["message.delta", "usage.updated", "run.succeeded"]);
    assert_eq!(bench.statuses(&accepted.run), ["succeeded", "succeeded"]);
    assert_eq!(bench.column("SELECT COUNT(*) FROM sessions"), ["1"]);
}

#[test]
fn what_was_decided_together_is_there_together() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let outcomes = bench
        .batch(&[
            chunk(&begun.attempt, "m1", 0, "Hel"),
            message_completed(&begun.attempt, "m1", "Hello"),
            finished(&begun.attempt, well(), "Hello", None),
            chunk(&begun.attempt, "m1", 5, "late"),
        ])
        .unwrap();
    assert_eq!(outcomes[3].as_ref().unwrap().reply, omi_kernel::decision::Reply::Late);
    assert_eq!(bench.statuses(&accepted.run), ["succeeded", "succeeded"]);
    assert_eq!(bench.events()[8..], ["message.completed", "usage.updated", "run.succeeded"]);
}

#[test]
fn nothing_of_a_batch_is_left_when_its_transaction_is_rolled_back_under_the_store() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let batch = [
        chunk(&begun.attempt, "m1", 0, "before"),
        accepts(asks("r2")),
        chunk(&begun.attempt, "m1", 6, "after"),
    ];
    let before = bench.dump();
    let trigger =
        "CREATE TRIGGER injected AFTER INSERT ON runs BEGIN SELECT RAISE(ROLLBACK, 'injected'); END";
    bench.beside().execute_batch(trigger).unwrap();
    assert!(matches!(bench.batch(&batch), Err(StoreError::Sqlite { .. })));
    assert_eq!(bench.dump(), before);
    bench.beside().execute_batch("DROP TRIGGER injected").unwrap();
    assert!(bench.batch(&batch).unwrap().iter().all(Result::is_ok));
}

#[test]
fn a_row_that_moves_under_a_decision_is_a_conflict() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let before = bench.dump();
    let trigger = "CREATE TRIGGER injected AFTER UPDATE OF status ON run_attempts \
                   BEGIN UPDATE runs SET status = 'cancelling' WHERE run_id = NEW.run_id; END";
    bench.beside().execute_batch(trigger).unwrap();
    let came = bench.send(finished(&begun.attempt, well(), "done", None));
    assert!(matches!(came, Err(Rejected::Conflict(_))), "{came:?}");
    assert_eq!(bench.dump(), before);
}
