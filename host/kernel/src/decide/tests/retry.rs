//! Somebody wants a run tried again: the one way out of what is over and did not succeed.

use super::reading::*;
use super::story::*;
use crate::artifact::{ArtifactRole, ArtifactRow, ArtifactState};
use crate::decision::Reply;
use crate::effect::Effect;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::request::Retry;
use crate::row::RetryNote;
use crate::session::SessionStatus;
use crate::status::Status;
use crate::write::Write;

const AGAIN: [Status; 4] = [Status::Failed, Status::TimedOut, Status::Orphaned, Status::Cancelled];

fn wish() -> Retry {
    Retry {
        owner: "ann".into(),
        run: run_id(),
        adapter: None,
        model: None,
        checkpoint: None,
        legacy: vec![],
        anyway: false,
    }
}

fn again() -> Input {
    Input::Retry(wish())
}

fn failover() -> Input {
    Input::Retry(Retry { adapter: Some("pi".into()), ..wish() })
}

fn from_checkpoint() -> Input {
    Input::Retry(Retry { checkpoint: Some(artifact_id()), ..wish() })
}

fn checkpoint() -> ArtifactRow {
    ArtifactRow {
        id: artifact_id(),
        session: session_id(),
        run: Some(run_id()),
        attempt: Some(attempt_id()),
        role: ArtifactRole::Checkpoint,
        state: ArtifactState::Retained,
    }
}

#[test]
fn what_did_not_succeed_is_queued_again() {
    for status in AGAIN {
        let decision = Story::at(status).then(&again());
        assert_eq!(rows(&decision), [format!("run {status} > queued"), "session used".into()]);
        assert_eq!(events(&decision), ["run.queued"]);
        let queued = payload(&decision, "run.queued");
        assert_eq!((&queued["retryReason"], &queued["was"]), (&"retry".into(), &status.as_str().into()));
        let schedule = Effect::Schedule { run: run_id(), session: session_id(), adapter: "echo".into() };
        assert_eq!(decision.effects, [schedule]);
        assert_eq!(decision.reply, Reply::Accepted { session: session_id(), run: run_id(), repeated: false });
        let note = RetryNote { reason: "retry".into(), checkpoint: None };
        assert_eq!(run_change(&decision).retry, Some(note));
        assert_eq!(run_change(&decision).adapter, None);
    }
}

#[test]
fn nothing_else_can_be_tried_again() {
    for status in Status::ALL.into_iter().filter(|status| !AGAIN.contains(status)) {
        assert_eq!(Story::at(status).refuses(&again()), Refusal::CannotRetry(status));
    }
}

#[test]
fn a_failover_goes_to_another_registration_under_the_same_run() {
    let decision = Story::at(Status::Failed).then(&failover());
    assert_eq!(payload(&decision, "run.queued")["retryReason"], "failover");
    assert_eq!(payload(&decision, "run.queued")["adapterId"], "pi");
    let change = run_change(&decision);
    assert_eq!((change.adapter, change.retry.unwrap().reason), (Some("pi".into()), "failover".into()));
    let schedule = Effect::Schedule { run: run_id(), session: session_id(), adapter: "pi".into() };
    assert_eq!(decision.effects, [schedule]);

    let same = Input::Retry(Retry { adapter: Some("echo".into()), ..wish() });
    let decision = Story::at(Status::Failed).then(&same);
    assert_eq!(payload(&decision, "run.queued")["retryReason"], "retry", "it is the one that it had");
    assert_eq!(run_change(&decision).adapter, None);
}

#[test]
fn the_next_attempt_says_what_somebody_wished() {
    for reason in ["retry", "failover"] {
        let mut story = Story::at(Status::Queued);
        let note = RetryNote { reason: reason.to_owned(), checkpoint: Some(artifact_id()) };
        story.facts.run.as_mut().unwrap().retry = Some(note);
        let mut before = attempt(Status::Failed);
        before.number = 3;
        before.retry_reason = Some("transient".into());
        story.facts.attempt = Some(before);
        let decision = story.then(&Input::Begin(begin()));
        let next = new_attempt(&decision);
        assert_eq!(
            (next.number, next.retry_reason.as_deref()),
            (4, Some(reason)),
            "not why the last one failed"
        );
        assert_eq!(next.resume_from, Some(attempt_id()));
        assert_eq!(next.checkpoint, Some(artifact_id()));
        assert_eq!(run_change(&decision).retry, None, "the wish is fulfilled");
    }
}

#[test]
fn a_checkpoint_is_one_of_the_session() {
    let mut story = Story::at(Status::Failed);
    let missing = Refusal::NotFound { what: "checkpoint", id: artifact_id().to_string() };
    assert_eq!(story.refuses(&from_checkpoint()), missing);
    story.facts.artifact = Some(ArtifactRow { session: other_session_id(), ..checkpoint() });
    assert_eq!(story.refuses(&from_checkpoint()), missing, "of another session");
    for role in ArtifactRole::ALL.into_iter().filter(|role| *role != ArtifactRole::Checkpoint) {
        story.facts.artifact = Some(ArtifactRow { role, ..checkpoint() });
        assert_eq!(story.refuses(&from_checkpoint()), missing, "{role:?}");
    }
    story.facts.artifact = Some(ArtifactRow { run: Some(child_run_id()), ..checkpoint() });
    let decision = story.then(&from_checkpoint());
    assert_eq!(run_change(&decision).retry.unwrap().checkpoint, Some(artifact_id()));
}

#[test]
fn nobody_tries_again_what_belongs_to_somebody_else() {
    let missing = Refusal::NotFound { what: "run", id: run_id().to_string() };
    let bob = Input::Retry(Retry { owner: "bob".into(), checkpoint: Some(artifact_id()), ..wish() });
    for status in Status::ALL {
        assert_eq!(Story::at(status).refuses(&bob), missing, "{status}");
    }
    assert_eq!(Story::nothing().refuses(&bob), missing, "it cannot be told from one that is not there");
}

#[test]
fn a_session_that_was_put_away_is_opened_and_a_closed_one_stays_closed() {
    let mut story = Story::at(Status::Failed);
    story.facts.session.as_mut().unwrap().status = SessionStatus::Archived;
    assert_eq!(
        rows(&story.then(&again())),
        ["session archived > open", "run failed > queued", "session used"]
    );
    story.facts.session.as_mut().unwrap().status = SessionStatus::Closed;
    assert_eq!(story.refuses(&again()), Refusal::SessionClosed(session_id()));
}

#[test]
fn a_run_under_the_legacy_policy_has_one_grant_for_that() {
    let grants = |adapter: Option<&str>, legacy: &[&str], legacy_granted| {
        let legacy = legacy.iter().map(|&name| name.into()).collect();
        let retry = Retry { adapter: adapter.map(Into::into), legacy, ..wish() };
        let mut story = Story::at(Status::Failed);
        story.facts.legacy_granted = legacy_granted;
        let decision = story.then(&Input::Retry(retry));
        decision.writes.iter().filter(|write| matches!(write, Write::InsertGrant(_))).count()
    };
    assert_eq!((grants(Some("pi"), &["pi"], false), grants(Some("pi"), &["echo"], false)), (1, 0));
    assert_eq!(grants(None, &["echo"], true), 0, "it has one already");
    assert_eq!(grants(Some("pi"), &["echo", "pi"], true), 0, "from another registration, too");
    assert_eq!(grants(None, &["echo"], false), 1, "the registration opted in since");
}

#[test]
fn what_the_runtime_takes_up_by_itself_is_not_done_twice() {
    let mut story = Story::at(Status::Orphaned);
    story.facts.left_to = Some("claws".into());
    for wish in [again(), failover()] {
        let refusal = story.refuses(&wish);
        assert_eq!(refusal, Refusal::RuntimeRecovers("claws".into()));
        assert!(refusal.to_string().contains("hint: look at the session there"), "{refusal}");
    }
    let anyway = Input::Retry(Retry { anyway: true, ..wish() });
    assert_eq!(events(&story.then(&anyway)), ["run.queued"]);
}
