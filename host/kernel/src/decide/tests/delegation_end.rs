//! A delegated run ends: what its parent is told, and whether it waited.

use super::reading::*;
use super::story::*;
use crate::artifact::{ArtifactRole, ArtifactSummary};
use crate::decision::Decision;
use crate::delegation::{DelegationMode, DelegationStatus};
use crate::effect::{Effect, Wait};
use crate::id::{ArtifactId, Ids};
use crate::input::Input;
use crate::report::{Failure, Outcome, Usage};
use crate::status::Status;
use crate::write::Write;
use serde_json::json;

fn made(id: u128, content_hash: Option<&str>) -> ArtifactSummary {
    ArtifactSummary {
        artifact_id: ArtifactId::new(&mut Ids::new(&mut || id)),
        kind: "file".into(),
        role: ArtifactRole::Result,
        uri: "file:///a".into(),
        display_name: None,
        content_hash: content_hash.map(str::to_owned),
    }
}

fn working(mode: DelegationMode) -> Story {
    Story::at(Status::Running).for_parent(mode, DelegationStatus::Running)
}

fn result(decision: &Decision) -> &serde_json::Value {
    let result = decision.writes.iter().find_map(|write| match write {
        Write::MoveDelegation { result, .. } => result.as_ref(),
        _ => None,
    });
    let result = result.unwrap();
    assert_eq!(result, payload(decision, "delegation.completed"), "the record and the event say the same");
    result
}

#[test]
fn a_delegation_runs_from_the_moment_its_run_does() {
    let pending = |story: Story| story.for_parent(DelegationMode::Call, DelegationStatus::Pending);
    let held = leased(&[binding_id()], crate::descriptor::Fidelity::Native);
    let decisions = [
        pending(Story::at(Status::Queued)).bound(binding()).then(&held),
        pending(Story::at(Status::Starting)).then(&opened(new_binding_id(), "native-9")),
    ];
    for decision in decisions {
        assert_eq!(rows(&decision).last().unwrap(), "delegation pending > running");
    }
    let waiting = pending(Story::at(Status::Queued)).then(&Input::Begin(begin()));
    assert!(!rows(&waiting).iter().any(|row| row.starts_with("delegation")), "it has no native session yet");
    let second = Story::at(Status::Starting)
        .for_parent(DelegationMode::Call, DelegationStatus::Running)
        .then(&opened(new_binding_id(), "native-9"));
    assert!(
        !rows(&second).iter().any(|row| row.starts_with("delegation")),
        "a second attempt changes nothing"
    );
}

#[test]
fn the_result_is_a_summary_and_never_the_transcript() {
    let mut story = working(DelegationMode::Call);
    story.facts.artifacts = vec![made(1, None), made(2, Some("abc"))];
    story.facts.open_questions = vec!["Which branch?".into()];
    story.facts.usage.before = Usage { input_tokens: Some(3), cost_usd: Some(0.5), ..Usage::default() };
    story.facts.usage.attempt = Usage { input_tokens: Some(1), ..Usage::default() };
    let decision = story.then(&finished(well(), "It has 7 words."));
    let result = result(&decision);
    assert_eq!(result["delegationId"], json!(delegation_id()));
    assert_eq!((&result["childSessionId"], &result["childRunId"]), (&json!(session_id()), &json!(run_id())));
    assert_eq!((&result["status"], &result["summary"]), (&json!("succeeded"), &json!("It has 7 words.")));
    assert_eq!(result["artifacts"].as_array().unwrap().len(), 2);
    assert_eq!(result["verifiedEffects"], json!([made(2, Some("abc"))]), "those whose bytes were seen");
    assert_eq!(result["openQuestions"], json!(["Which branch?"]));
    assert_eq!(
        result["usage"]["inputTokens"], 10,
        "all attempts together, the last one as it says at its end"
    );
    assert_eq!(result["usage"]["costUsd"], 0.5);
    assert_eq!(result["error"], json!(null));
}

#[test]
fn without_a_last_word_what_is_recorded_counts() {
    let mut story = working(DelegationMode::Call);
    story.facts.usage.before.input_tokens = Some(3);
    story.facts.usage.attempt.input_tokens = Some(1);
    let decision = story.then(&lost("so far"));
    let result = result(&decision);
    assert_eq!((&result["usage"]["inputTokens"], &result["summary"]), (&json!(4), &json!("so far")));
    assert_eq!((&result["status"], &result["error"]["code"]), (&json!("failed"), &json!("worker_trapped")));
}

#[test]
fn a_parent_that_waits_goes_on_whatever_the_end() {
    let fatal = Outcome::Failed(Failure::Fatal(trouble("broken")));
    for mode in [DelegationMode::Call, DelegationMode::Spawn, DelegationMode::Continue] {
        let ends = [
            (working(mode).then(&finished(well(), "done")), "succeeded"),
            (working(mode).then(&finished(fatal.clone(), "")), "failed"),
            (working(mode).then(&lost("")), "failed"),
            (
                Story::at(Status::Cancelling)
                    .for_parent(mode, DelegationStatus::Running)
                    .then(&finished(Outcome::Cancelled, "")),
                "cancelled",
            ),
            (
                Story::at(Status::Queued).for_parent(mode, DelegationStatus::Pending).then(&cancel()),
                "cancelled",
            ),
            (
                Story::at(Status::Queued)
                    .for_parent(mode, DelegationStatus::Pending)
                    .then(&Input::CannotBegin { run: run_id(), failure: trouble("worker_failed") }),
                "failed",
            ),
        ];
        for (decision, status) in ends {
            assert_eq!(result(&decision)["status"], status);
            let told = decision.events.last().unwrap();
            assert_eq!(told.about.run, Some(parent_run_id()), "it is told to the parent");
            assert_eq!(told.about.session, parent_session_id());
            let unparked = Effect::Unpark { run: parent_run_id(), why: Wait::Child };
            assert_eq!(decision.effects.contains(&unparked), mode.waits(), "{mode:?} {status}");
        }
    }
}

#[test]
fn a_delegation_does_not_end_while_its_run_is_tried_again() {
    let again = [
        working(DelegationMode::Call).then(&finished(Outcome::Failed(stale()), "")),
        Story::at(Status::Starting)
            .for_parent(DelegationMode::Call, DelegationStatus::Pending)
            .then(&lost("")),
    ];
    for decision in again {
        assert!(!events(&decision).contains(&"delegation.completed"));
        assert!(!rows(&decision).iter().any(|row| row.starts_with("delegation")));
    }
}
