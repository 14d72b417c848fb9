//! A run that is tried again: what is kept of it, what is taken away, and what its next attempt is told.

use omi_kernel::id::{ArtifactId, RunId};
use omi_kernel::input::{Begin, Input};
use omi_kernel::model::ModelProfile;
use omi_kernel::refusal::Refusal;
use omi_kernel::report::{Failure, FailureDetail, Outcome};
use omi_kernel::request::Retry;
use omi_store::Rejected;

use crate::bench::*;

/// A run that failed, and a checkpoint that it made.
fn failed(bench: &mut Bench) -> (RunId, ArtifactId) {
    let (accepted, begun) = bench.running("r1");
    let made = bench.take(makes(&begun.attempt, "checkpoint", "file:///c"));
    let checkpoint = made.events[0].payload["artifactId"].as_str().unwrap();
    let broken = Outcome::Failed(Failure::Fatal(FailureDetail::new("broken", "it broke")));
    bench.take(finished(&begun.attempt, broken, "half", None));
    (accepted.run, ArtifactId::parse(checkpoint).unwrap())
}

#[test]
fn a_retry_is_noted_until_its_attempt_begins() {
    let mut bench = Bench::new();
    let (run, checkpoint) = failed(&mut bench);
    let started = bench.reader().run(None, &run).unwrap().unwrap().started_at_ms;
    bench.take(Input::Retry(Retry { checkpoint: Some(checkpoint.clone()), ..retries(&run) }));
    let queued = bench.reader().run(None, &run).unwrap().unwrap();
    assert_eq!((queued.status.as_str(), queued.completed_at_ms, queued.error_code), ("queued", None, None));
    assert_eq!(queued.retry_reason.as_deref(), Some("retry"));
    assert_eq!(queued.retry_checkpoint_id.as_deref(), Some(checkpoint.as_str()));
    assert_eq!(queued.final_text.as_deref(), Some("half"), "what there was is kept");

    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    let begun = bench.begin(&run);
    let view = bench.reader().run(None, &run).unwrap().unwrap();
    assert_eq!((view.retry_reason, view.retry_checkpoint_id), (None, None));
    let [first, second] = &view.attempts[..] else { panic!("{:?}", view.attempts) };
    assert_eq!((first.status.as_str(), first.retryable), ("failed", false));
    assert_eq!(second.attempt_id, begun.attempt.as_str());
    assert_eq!(second.retry_reason.as_deref(), Some("retry"));
    assert_eq!(second.checkpoint_artifact_id.as_deref(), Some(checkpoint.as_str()));
    assert_eq!(second.resume_from_attempt_id.as_deref(), Some(first.attempt_id.as_str()));
    assert_eq!(second.worker_id.as_deref(), Some(worker().as_str()));
    assert_eq!(first.worker_id, None, "it was forgotten at the restart");

    bench.take(opened(&begun, "native-r1", omi_kernel::descriptor::Fidelity::Native));
    bench.take(finished(&begun.attempt, well(), "whole", None));
    let view = bench.reader().run(None, &run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.final_text.as_deref()), ("succeeded", Some("whole")));
    assert_eq!(view.started_at_ms, started, "when it first began");
}

#[test]
fn a_failover_has_another_registration_and_its_model() {
    let mut bench = Bench::new();
    let (run, _) = failed(&mut bench);
    bench.beside().execute("UPDATE runs SET requested_model_id = 'old'", []).unwrap();
    bench.take(Input::Retry(Retry { adapter: Some("another".into()), ..retries(&run) }));
    let asked = "SELECT adapter_id || ' ' || COALESCE(requested_model_id, '-') FROM runs";
    assert_eq!(bench.column(asked), ["another -"]);
    let models = [(ModelProfile::MainReasoner, "large".to_owned())].into();
    bench.take(Input::Begin(Begin { models, ..begin(&run) }));
    assert_eq!(bench.column(asked), ["another large"]);
    let reasons = "SELECT retry_reason || ' ' || adapter_id FROM run_attempts WHERE attempt_no = 2";
    assert_eq!(bench.column(reasons), ["failover another"]);
}

#[test]
fn a_named_model_is_asked_for() {
    let mut bench = Bench::new();
    let (run, _) = failed(&mut bench);
    bench.take(Input::Retry(Retry { model: Some("huge".into()), ..retries(&run) }));
    let models = [(ModelProfile::MainReasoner, "large".to_owned())].into();
    bench.take(Input::Begin(Begin { models, ..begin(&run) }));
    assert_eq!(bench.column("SELECT requested_model_id FROM runs"), ["huge"]);
}

#[test]
fn only_a_checkpoint_of_the_session_is_one() {
    let mut bench = Bench::new();
    let (run, _) = failed(&mut bench);
    let (_, begun) = bench.running("r2");
    let mut made = |role| {
        let made = bench.take(makes(&begun.attempt, role, "file:///d"));
        ArtifactId::parse(made.events[0].payload["artifactId"].as_str().unwrap()).unwrap()
    };
    let ids = [made("checkpoint"), made("result")];
    for id in ids {
        let came = bench.send(Input::Retry(Retry { checkpoint: Some(id), ..retries(&run) }));
        assert!(matches!(came, Err(Rejected::Refused(Refusal::NotFound { .. }))), "{came:?}");
    }
}
