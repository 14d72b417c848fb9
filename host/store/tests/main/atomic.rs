//! A transition with its events happens whole or not at all, whatever fails on the way.

use std::fmt::Write as _;

use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::grant::Policy;
use omi_kernel::id::{ArtifactId, AttemptId, BindingId, GrantId, RunId, SessionId, Timestamp};
use omi_kernel::input::{Begin, Input};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{Outcome, Usage};
use omi_kernel::request::Accept;
use omi_kernel::row::HOST_REQUESTS;
use omi_kernel::session::SessionChange;
use omi_kernel::write::Write;
use omi_store::{Rejected, StoreError};

use crate::bench::*;

/// Names each kind of write with what it alone does to the tables in the course of [`story`].
macro_rules! writes {
    ($($kind:ident: $what:literal,)+) => {
        const WRITES: &[(&str, &str)] = &[$((stringify!($kind), $what)),+];

        /// Every kind is in the list: a new one has no name before it is.
        #[allow(dead_code, reason = "the compiler reads it")]
        fn name(write: &Write) -> &'static str {
            match write { $(Write::$kind { .. } => stringify!($kind),)+ }
        }
    };
}

writes! {
    InsertSession: "INSERT ON sessions",
    TouchSession: "UPDATE OF last_activity_at_ms ON sessions",
    UpdateSession: "UPDATE OF metadata_json ON sessions",
    InsertRun: "INSERT ON runs",
    MoveRun: "UPDATE OF status ON runs",
    InsertAttempt: "INSERT ON run_attempts",
    MoveAttempt: "UPDATE OF status ON run_attempts",
    RecordCancelDispatch: "UPDATE OF cancellation_dispatched_at_ms ON run_attempts",
    RecordUsage: "UPDATE OF cost_usd ON run_attempts WHEN NEW.status = 'running'",
    RecordLease: "UPDATE OF lease_json ON run_attempts",
    CountLate: "UPDATE OF late_reports ON run_attempts",
    InsertBinding: "INSERT ON adapter_bindings",
    ResumeBinding: "UPDATE OF resume_fidelity ON adapter_bindings",
    BackfillBinding: "UPDATE OF mcp_hash ON adapter_bindings",
    ReleaseBindings: "UPDATE OF adapter_instance_id ON adapter_bindings \
        WHEN NEW.adapter_instance_id IS NULL AND NEW.status = 'active' \
        AND NEW.updated_at_ms != OLD.updated_at_ms",
    MoveBinding: "UPDATE OF invalidated_at_ms ON adapter_bindings",
    InsertGrant: "INSERT ON grants",
    InsertComponentGrant: "INSERT ON component_grants",
    RevokeGrant: "UPDATE OF revoked_at_ms ON grants",
    RecordGateDecision: "INSERT ON gate_decisions",
    PutComponent: "INSERT ON components",
    RemoveComponent: "DELETE ON components",
    CompactMessage: "DELETE ON events WHEN OLD.type = 'message.delta'",
    InsertArtifact: "INSERT ON artifacts",
    MoveArtifact: "UPDATE OF lifecycle_state ON artifacts",
    InsertDelegation: "INSERT ON delegations",
    MoveDelegation: "UPDATE OF status ON delegations",
    PruneEvents: "UPDATE OF pruned_through ON sessions",
    ForgetWorkers: "UPDATE OF adapter_instance_id ON run_attempts",
}

/// A step of a story, made when the ones before it have told their identifiers.
type Step = fn(&mut Known) -> Input;

/// What the steps of a story know of each other: the newest of each.
#[derive(Default)]
struct Known {
    session: Option<SessionId>,
    run: Option<RunId>,
    attempt: Option<AttemptId>,
    binding: Option<BindingId>,
    artifact: Option<ArtifactId>,
    grant: Option<GrantId>,
    /// The first run with its session and attempt: it delegates.
    parent: Option<(SessionId, RunId, AttemptId)>,
}

impl Known {
    fn run(&self) -> &RunId {
        self.run.as_ref().unwrap()
    }

    fn attempt(&self) -> &AttemptId {
        self.attempt.as_ref().unwrap()
    }

    fn begun(&self) -> Begun {
        Begun { attempt: self.attempt().clone(), binding: self.binding.clone().unwrap() }
    }

    fn parent(&self) -> &(SessionId, RunId, AttemptId) {
        self.parent.as_ref().unwrap()
    }

    fn learn(&mut self, committed: &omi_store::Committed) {
        use omi_kernel::decision::Reply;
        if let Reply::Accepted { session, run, .. } | Reply::Delegated { session, run, .. } = &committed.reply
        {
            self.session = Some(session.clone());
            self.run = Some(run.clone());
        }
        for effect in &committed.effects {
            if let Effect::Bind { attempt, binding, .. } = effect {
                self.attempt = Some(attempt.clone());
                self.binding = Some(binding.clone());
            }
        }
        for event in &committed.events {
            if let Some(id) = event.payload["artifactId"].as_str() {
                self.artifact = Some(ArtifactId::parse(id).unwrap());
            }
            if let Some(id) = event.payload["grantId"].as_str() {
                self.grant = Some(GrantId::parse(id).unwrap());
            }
        }
    }
}

/// A run that does everything a run can do, also what a person has to allow, and one it delegates to; one that goes on with its native session and is
/// cancelled; one that a restart interrupts, and that is tried again. Then old events go.
fn story() -> Vec<Step> {
    vec![
        |_| accepts(Accept { legacy: vec!["echo".into()], ..asks("r1") }),
        |known| leased(known.run()),
        |known| opened(&known.begun(), "native-1", Fidelity::Native),
        |known| Input::Leased { attempt: known.attempt().clone(), lease: lease(1) },
        |known| chunk(known.attempt(), "m1", 0, "Hel"),
        |known| asks_leave(known.attempt(), 1, ApprovalPolicy::Ask),
        |known| allows(known.attempt(), 1),
        |known| message_completed(known.attempt(), "m1", "Hello"),
        |known| uses(known.attempt(), 0.5),
        |known| makes(known.attempt(), "result", "file:///a"),
        |known| opens(known.artifact.as_ref().unwrap()),
        |known| {
            let (session, run) = (known.session.clone().unwrap(), known.run().clone());
            known.parent = Some((session, run.clone(), known.attempt().clone()));
            Input::Delegate(Box::new(calls(&run, "child")))
        },
        |known| leased(known.run()),
        |known| opened(&known.begun(), "native-child", Fidelity::Native),
        |_| installs("/opt/echo.wasm", "d1"),
        |known| wants(known.session.as_ref(), known.attempt(), reads(1, "a.txt", Policy::Ask)),
        |known| chooses(known.attempt(), HOST_REQUESTS + 1, "always"),
        |known| revokes(known.grant.as_ref().unwrap()),
        |_| Input::RemoveComponent { path: "/opt/echo.wasm".into() },
        |known| asks_for(known.attempt(), 1, "Which one?"),
        |known| finished(known.attempt(), well(), "did it", Some(Usage::default())),
        |known| finished(&known.parent().2, well(), "Hello", Some(Usage::default())),
        |known| Input::CameLate { attempt: known.parent().2.clone(), count: 2 },
        |known| {
            changes(&known.parent().0, SessionChange { title: Some("t".into()), ..SessionChange::default() })
        },
        |known| accepts(asks_in(&known.parent().0, "r2")),
        |known| Input::Begin(Begin { mcp_hash: Some("h".into()), ..begin(known.run()) }),
        |known| opened(&known.begun(), "native-1", Fidelity::Native),
        |known| cancel(known.run()),
        |known| cancel_dispatched(known.attempt()),
        |known| finished(known.attempt(), Outcome::Cancelled, "", None),
        |_| Input::WorkerOver { worker: worker(), stop: None },
        |_| accepts(asks("r3")),
        |known| leased(known.run()),
        |known| opened(&known.begun(), "native-3", Fidelity::None),
        |_| Input::Reconcile,
        |known| Input::Retry(retries(known.run())),
        |_| Input::Retain { ended_before: Timestamp(i64::MAX), events_max: 0 },
    ]
}

/// What the runs of [`story`] have come to.
const END: [&str; 4] = ["succeeded", "succeeded", "cancelled", "queued"];

#[test]
fn the_story_has_every_kind_of_write() {
    let mut bench = Bench::new();
    let mut sql = "CREATE TABLE seen (kind TEXT);".to_owned();
    for (kind, what) in WRITES {
        write!(sql, "CREATE TRIGGER {kind} AFTER {what} BEGIN INSERT INTO seen VALUES ('{kind}'); END;")
            .unwrap();
    }
    bench.beside().execute_batch(&sql).unwrap();
    let mut known = Known::default();
    for step in story() {
        let committed = bench.take(step(&mut known));
        known.learn(&committed);
    }
    assert_eq!(bench.column("SELECT status FROM runs ORDER BY rowid"), END);
    let mut kinds: Vec<_> = WRITES.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    assert_eq!(bench.column("SELECT DISTINCT kind FROM seen ORDER BY kind"), kinds);
}

/// Makes the table of [`fail_each_row`], and a trigger on every other table that counts it down.
fn count_rows(bench: &Bench, how: &str) {
    let mut sql = "CREATE TABLE injected (rows INTEGER); INSERT INTO injected VALUES (NULL);".to_owned();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for table in bench.column(tables) {
        for what in ["INSERT", "UPDATE", "DELETE"] {
            write!(
                sql,
                "CREATE TRIGGER injected_{what}_{table} BEFORE {what} ON {table} BEGIN \
                 UPDATE injected SET rows = rows - 1; \
                 SELECT RAISE({how}, 'injected') FROM injected WHERE rows < 0; END;"
            )
            .unwrap();
        }
    }
    bench.beside().execute_batch(&sql).unwrap();
}

/// Rows that a step writes, at most: the last step takes all events of the others.
const ROWS_MAX: u32 = 500;

/// Lets the story run, with a failure at the first row that each step writes, then at the second, and so on until it
/// has no more. Answers how many failed.
fn fail_each_row(
    how: &str,
    is_failure: impl Fn(&Result<Vec<omi_store::Outcome>, StoreError>) -> bool,
) -> u32 {
    let mut bench = Bench::new();
    count_rows(&bench, how);
    let beside = bench.beside();
    beside.pragma_update(None, "synchronous", "OFF").unwrap();
    let mut known = Known::default();
    let mut count = 0;
    for step in story() {
        let input = step(&mut known);
        for rows in 0.. {
            assert!(rows < ROWS_MAX, "{input:?} fails without an obstacle");
            beside.execute("UPDATE injected SET rows = ?1", [rows]).unwrap();
            let before = bench.dump();
            let came = bench.batch(std::slice::from_ref(&input));
            if !is_failure(&came) {
                known.learn(came.unwrap()[0].as_ref().unwrap());
                break;
            }
            count += 1;
            assert_eq!(bench.dump(), before, "row {rows} of {input:?}");
        }
    }
    assert_eq!(bench.column("SELECT status FROM runs ORDER BY rowid"), END);
    count
}

#[test]
fn a_row_that_cannot_be_written_stops_its_whole_transition() {
    let failures = fail_each_row(
        "ABORT",
        |came| matches!(came, Ok(outcomes) if matches!(&outcomes[..], [Err(Rejected::Conflict(_))])),
    );
    assert!(failures > 150, "{failures}");
}

#[test]
fn a_transaction_that_is_rolled_back_under_the_store_is_an_error() {
    let failures = fail_each_row("ROLLBACK", |came| matches!(came, Err(StoreError::Sqlite { .. })));
    assert!(failures > 150, "{failures}");
}

#[test]
fn a_refused_input_leaves_the_others_of_its_batch_alone() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let unknown = RunId::new(&mut omi_kernel::id::Ids::new(&mut || 0xdead));
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
