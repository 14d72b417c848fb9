//! A worker is leased for a run.

use super::reading::*;
use super::story::*;
use crate::command::PromptBlock;
use crate::decision::Decision;
use crate::descriptor::Fidelity;
use crate::effect::Effect;
use crate::history::PastRun;
use crate::id::{BindingId, NativeSessionId};
use crate::input::{Begin, Input};
use crate::refusal::Refusal;
use crate::report::Lease;
use crate::row::{Binding, BindingStatus};
use crate::status::Status;
use crate::write::Write;

fn bind(decision: &Decision) -> (BindingId, Option<NativeSessionId>, String) {
    let [Effect::Bind { binding, resume, settings, .. }] = &decision.effects[..] else {
        panic!("{:?}", decision.effects)
    };
    (binding.clone(), resume.clone(), settings.cwd.clone())
}

fn cannot_begin() -> Input {
    Input::CannotBegin { run: run_id(), failure: trouble("worker_failed") }
}

#[test]
fn the_first_run_of_a_session_opens_a_native_session() {
    let decision = Story::at(Status::Queued).then(&leased(&[], Fidelity::Native));
    assert_eq!(rows(&decision), ["run queued > starting", "attempt 1"]);
    assert_eq!(events(&decision), ["run.starting", "attempt.created"]);
    let (_, resume, cwd) = bind(&decision);
    assert_eq!((resume, cwd.as_str()), (None, "/home/ann"));
}

#[test]
fn a_worker_that_holds_the_binding_executes_at_once() {
    let decision = Story::at(Status::Queued).bound(binding()).then(&leased(&[binding_id()], Fidelity::None));
    assert_eq!(
        rows(&decision),
        ["run queued > starting", "attempt 1", "attempt starting > running", "run starting > running"]
    );
    assert_eq!(events(&decision), ["run.starting", "attempt.created", "attempt.started", "run.running"]);
    let [Effect::Execute { worker, execute, .. }] = &decision.effects[..] else { panic!() };
    assert_eq!((worker, &execute.binding, execute.number), (&worker_id(), &binding_id(), 1));
}

#[test]
fn another_worker_resumes_what_the_runtime_can_restore() {
    let decision = Story::at(Status::Queued).bound(binding()).then(&leased(&[], Fidelity::Native));
    assert_eq!(events(&decision), ["run.starting", "attempt.created"]);
    assert_eq!(bind(&decision), (binding_id(), Some("native-1".into()), "/home/ann".into()));
}

/// What was said in the session before.
fn past() -> PastRun {
    PastRun {
        run: run_id(),
        prompt: vec![PromptBlock::Text { text: "my name is Ann".into() }],
        answer: "hello Ann".into(),
        status: Status::Succeeded,
    }
}

#[test]
fn what_a_worker_holds_and_has_missed_something_is_told_again() {
    let rebuilt = Binding { fidelity: Fidelity::Reconstructed, ..binding() };
    let held = |last: &str, resume| {
        let mut story = Story::at(Status::Queued).bound(rebuilt.clone());
        story.facts.history.add_older(past());
        story.facts.last_adapter = Some(last.into());
        story.facts.told = Some("be kind".into());
        story.then(&leased(&[binding_id()], resume))
    };
    for (last, resume) in [("echo", Fidelity::Reconstructed), ("other", Fidelity::Native)] {
        assert!(matches!(&held(last, resume).effects[..], [Effect::Execute { .. }]), "{last}");
    }
    let decision = held("other", Fidelity::Reconstructed);
    assert_eq!(events(&decision), ["run.starting", "attempt.created"], "it is the same binding");
    let [Effect::CloseBinding { binding, .. }, Effect::Bind { resume: Some(_), settings, .. }] =
        &decision.effects[..]
    else {
        panic!("{:?}", decision.effects)
    };
    assert_eq!((binding, settings.history.runs.len()), (&binding_id(), 1));
    assert_eq!(settings.system_prompt.as_deref(), Some("be kind"));
}

#[test]
fn a_session_that_is_told_anew_keeps_its_system_prompt() {
    let resumed = |named: Option<&str>, fidelity| {
        let mut story = Story::at(Status::Queued).bound(Binding { fidelity, ..binding() });
        story.facts.told = Some("be kind".into());
        story.facts.run.as_mut().unwrap().input.system_prompt = named.map(str::to_owned);
        let decision = story.then(&leased(&[], fidelity));
        let [Effect::Bind { settings, .. }] = &decision.effects[..] else { panic!("{:?}", decision.effects) };
        settings.system_prompt.clone()
    };
    assert_eq!(resumed(None, Fidelity::Reconstructed).as_deref(), Some("be kind"));
    assert_eq!(resumed(Some("be short"), Fidelity::Reconstructed).as_deref(), Some("be short"));
    assert_eq!(resumed(None, Fidelity::Native), None, "the runtime has it");
}

#[test]
fn another_worker_is_told_what_was_said_where_the_runtime_keeps_nothing() {
    let mut story =
        Story::at(Status::Queued).bound(Binding { fidelity: Fidelity::Reconstructed, ..binding() });
    story.facts.history.add_older(past());
    let decision = story.then(&leased(&[], Fidelity::Reconstructed));
    assert_eq!(events(&decision), ["run.starting", "attempt.created"]);
    assert_eq!(bind(&decision), (binding_id(), Some("native-1".into()), "/home/ann".into()));
    let [Effect::Bind { settings, .. }] = &decision.effects[..] else { panic!("{:?}", decision.effects) };
    assert_eq!(settings.history, story.facts.history);
}

#[test]
fn what_cannot_be_resumed_is_stale() {
    let lost = Binding { fidelity: Fidelity::None, ..binding() };
    let rebuilt = Binding { fidelity: Fidelity::Reconstructed, ..binding() };
    let nameless = Binding { native_id: None, ..binding() };
    let cases = [
        (lost, Fidelity::Native),
        (rebuilt.clone(), Fidelity::Native),
        (rebuilt, Fidelity::None),
        (binding(), Fidelity::Reconstructed),
        (nameless, Fidelity::Native),
        (binding(), Fidelity::None),
    ];
    for (bound, component) in cases {
        let decision = Story::at(Status::Queued).bound(bound).then(&leased(&[], component));
        assert_eq!(rows(&decision), ["run queued > starting", "attempt 1", "binding active > stale"]);
        assert_eq!(payload(&decision, "binding.stale")["reason"], "not_resumable");
        let (new, resume, _) = bind(&decision);
        assert!(new != binding_id() && resume.is_none());
    }
}

#[test]
fn a_binding_of_another_folder_or_system_prompt_is_stale_even_when_held() {
    let mut elsewhere = Story::at(Status::Queued).bound(Binding { cwd: Some("/a".into()), ..binding() });
    elsewhere.facts.run.as_mut().unwrap().cwd = Some("/b".into());
    let mut instructed =
        Story::at(Status::Queued).bound(Binding { system_prompt_hash: Some("h1".into()), ..binding() });
    instructed.facts.run.as_mut().unwrap().system_prompt_hash = Some("h2".into());
    for story in [elsewhere, instructed] {
        let decision = story.then(&leased(&[binding_id()], Fidelity::Native));
        assert_eq!(events(&decision), ["run.starting", "attempt.created", "binding.stale"]);
        assert_eq!(payload(&decision, "binding.stale")["reason"], "binding_context_changed");
        assert_eq!(effects(&decision), ["close binding", "open"], "its worker lets the old one go first");
    }
}

#[test]
fn a_run_that_names_no_folder_stays_where_the_session_is() {
    let mut story = Story::at(Status::Queued).bound(Binding { cwd: Some("/a".into()), ..binding() });
    let (_, resume, cwd) = bind(&story.then(&leased(&[], Fidelity::Native)));
    assert_eq!((resume, cwd.as_str()), (Some("native-1".into()), "/a"));

    story.facts.session.as_mut().unwrap().default_cwd = Some("/a".into());
    assert_eq!(effects(&story.then(&leased(&[binding_id()], Fidelity::Native))), ["execute"]);
}

#[test]
fn a_binding_that_names_no_folder_is_in_the_default_one() {
    let mut story = Story::at(Status::Queued).bound(binding());
    story.facts.run.as_mut().unwrap().cwd = Some("/home/ann".into());
    assert_eq!(effects(&story.then(&leased(&[binding_id()], Fidelity::Native))), ["execute"]);
    story.facts.run.as_mut().unwrap().cwd = Some("/elsewhere".into());
    let decision = story.then(&leased(&[binding_id()], Fidelity::Native));
    assert_eq!(payload(&decision, "binding.stale")["reason"], "binding_context_changed");
    let Some(Effect::Bind { settings, .. }) = decision.effects.last() else { panic!() };
    assert_eq!(settings.cwd, "/elsewhere");
}

#[test]
fn a_binding_out_of_use_says_which_state_it_was_in() {
    let decision = Story::at(Status::Queued).bound(binding()).then(&leased(&[], Fidelity::None));
    let moved =
        Write::MoveBinding { id: binding_id(), from: BindingStatus::Active, to: BindingStatus::Stale };
    assert!(decision.writes.contains(&moved));
}

#[test]
fn a_second_attempt_takes_over_from_the_first() {
    let mut story = Story::at(Status::Starting);
    let first = story.facts.attempt.as_mut().unwrap();
    first.status = Status::Failed;
    first.retry_reason = Some("transient".into());
    let decision = story.then(&leased(&[], Fidelity::Native));
    let second = new_attempt(&decision);
    assert_eq!((second.number, second.resume_from.clone()), (2, Some(attempt_id())));
    assert_eq!(second.retry_reason.as_deref(), Some("transient"));
    assert_eq!(payload(&decision, "attempt.created")["retryReason"], "transient");
}

#[test]
fn an_attempt_records_the_process_of_its_worker() {
    let lease = Lease { pid: 42, start_ticks: 7, boot_id: "b1".into() };
    let begun = Input::Begin(Begin { lease: Some(lease.clone()), ..begin() });
    assert_eq!(new_attempt(&Story::at(Status::Queued).then(&begun)).lease, Some(lease));
}

#[test]
fn the_time_that_a_client_gives_a_run_goes_with_it() {
    let mut story = Story::at(Status::Queued);
    story.facts.run.as_mut().unwrap().input.timeout_ms = Some(900);
    let decision = story.then(&leased(&[], Fidelity::Native));
    assert!(matches!(decision.effects[..], [Effect::Bind { timeout_ms: Some(900), .. }]));
    let decision = story.bound(binding()).then(&leased(&[binding_id()], Fidelity::Native));
    assert!(matches!(decision.effects[..], [Effect::Execute { timeout_ms: Some(900), .. }]));
}

#[test]
fn a_run_has_one_attempt_at_a_time() {
    let active = [Status::Starting, Status::Running, Status::WaitingApproval, Status::Cancelling];
    for status in active {
        for input in [leased(&[], Fidelity::Native), cannot_begin()] {
            let refusal = Story::at(status).decide(&input).unwrap_err();
            assert!(matches!(refusal, Refusal::Illegal(_)), "{status} {refusal:?}");
        }
    }
}

#[test]
fn a_run_that_is_over_gives_its_worker_back() {
    for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        for input in [leased(&[], Fidelity::Native), cannot_begin()] {
            let decision = Story::at(status).then(&input);
            assert_late(&decision);
            assert_eq!(effects(&decision), ["release"]);
        }
    }
}

#[test]
fn a_run_without_a_worker_fails_without_an_attempt() {
    let decision = Story::at(Status::Queued).then(&cannot_begin());
    assert_eq!(rows(&decision), ["run queued > failed"]);
    assert_eq!(events(&decision), ["run.failed"]);
    assert_eq!(payload(&decision, "run.failed")["errorCode"], "worker_failed");
    assert_eq!(effects(&decision), ["release"]);
}
