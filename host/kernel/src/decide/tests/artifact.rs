//! An attempt made something; a person did something with it.

use super::reading::*;
use super::story::*;
use crate::artifact::{ArtifactRole, ArtifactRow, ArtifactState, MEMORY_CANDIDATE};
use crate::decision::Decision;
use crate::id::OwnerId;
use crate::input::Input;
use crate::new::NewArtifact;
use crate::refusal::Refusal;
use crate::report::{Activity, Artifact};
use crate::session::METADATA_BYTES_MAX;
use crate::status::Status;
use crate::write::Write;
use serde_json::{Value, json};

fn file() -> Artifact {
    Artifact {
        kind: "file".into(),
        role: "result".into(),
        uri: "file:///a".into(),
        name: Some("a".into()),
        mime_type: Some("text/plain".into()),
        content: None,
        content_hash: Some("abc".into()),
        size_bytes: Some(3),
        metadata: json!({ "lines": 1 }),
    }
}

fn makes(artifact: Artifact) -> Input {
    Input::Activity { attempt: attempt_id(), activity: Activity::Artifact(artifact) }
}

fn recorded(decision: &Decision) -> &NewArtifact {
    let [Write::InsertArtifact(new)] = &decision.writes[..] else { panic!("{:?}", rows(decision)) };
    new
}

/// What is kept of what an adapter says about an artifact.
fn metadata(kind: &str, metadata: Value) -> Value {
    let mut story = Story::at(Status::Running);
    story.facts.run.as_mut().unwrap().model = Some("big".into());
    recorded(&story.then(&makes(Artifact { kind: kind.into(), metadata, ..file() }))).metadata.clone()
}

fn does(owner: &str, state: ArtifactState) -> Input {
    Input::UpdateArtifact { owner: OwnerId::from(owner), artifact: artifact_id(), state }
}

fn standing(state: ArtifactState) -> Story {
    let mut story = Story::nothing();
    story.facts.session = Some(session());
    story.facts.artifact = Some(ArtifactRow {
        id: artifact_id(),
        session: session_id(),
        run: Some(run_id()),
        attempt: Some(attempt_id()),
        role: ArtifactRole::Result,
        state,
    });
    story
}

#[test]
fn it_is_recorded_with_who_made_it_and_what_its_bytes_are() {
    let decision = Story::at(Status::Running).then(&makes(file()));
    let new = recorded(&decision);
    assert_eq!((&new.session, &new.run, &new.attempt), (&session_id(), &run_id(), &attempt_id()));
    assert_eq!((new.role, new.uri.as_str()), (ArtifactRole::Result, "file:///a"));
    assert_eq!((new.content_hash.as_deref(), new.size_bytes), (Some("abc"), Some(3)));
    assert_eq!(new.metadata, json!({ "lines": 1 }));
    let told = payload(&decision, "artifact.created");
    assert_eq!(told["artifactId"], json!(new.id));
    assert_eq!(
        (&told["role"], &told["contentHash"], &told["sizeBytes"]),
        (&json!("result"), &json!("abc"), &json!(3))
    );
    assert!(decision.effects.is_empty());
}

#[test]
fn every_role_is_read_and_any_other_is_other() {
    for role in ArtifactRole::ALL {
        let decision =
            Story::at(Status::Running).then(&makes(Artifact { role: role.as_str().into(), ..file() }));
        assert_eq!(recorded(&decision).role, role);
    }
    let decision = Story::at(Status::Running).then(&makes(Artifact { role: "trophy".into(), ..file() }));
    assert_eq!(recorded(&decision).role, ArtifactRole::Other);
}

#[test]
fn metadata_that_is_no_object_or_too_large_is_not_kept() {
    for value in [json!(null), json!([1]), json!("text"), json!({ "a": "m".repeat(METADATA_BYTES_MAX) })] {
        assert_eq!(metadata("file", value), json!({}));
    }
}

#[test]
fn a_memory_candidate_says_whose_it_is_and_how_sure() {
    let provenance = json!({ "sessionId": session_id(), "runId": run_id(), "attemptId": attempt_id(),
        "adapterId": "echo", "model": "big" });
    let said = metadata(MEMORY_CANDIDATE, json!({ "text": "likes tea", "uncertainty": 0.4 }));
    assert_eq!(said, json!({ "text": "likes tea", "uncertainty": 0.4, "provenance": provenance }));
    let unsaid = metadata(MEMORY_CANDIDATE, json!({ "text": "likes tea" }));
    assert_eq!(unsaid["uncertainty"], "unknown");
    let forged = metadata(MEMORY_CANDIDATE, json!({ "provenance": { "runId": "run_of_somebody_else" } }));
    assert_eq!(forged["provenance"], provenance, "an adapter cannot say that it was somebody else");
    let shapeless = metadata(MEMORY_CANDIDATE, json!("likes tea"));
    assert_eq!(shapeless, json!({ "uncertainty": "unknown", "provenance": provenance }));
}

#[test]
fn what_an_attempt_makes_after_its_end_is_late() {
    for status in terminal() {
        assert_counted(&Story::at(status).then(&makes(file())));
    }
}

#[test]
fn a_person_looks_at_it_or_puts_it_away() {
    for from in ArtifactState::ALL {
        for to in ArtifactState::ALL {
            let decision = standing(from).then(&does("ann", to));
            if from == to {
                assert_nothing(&decision);
                continue;
            }
            assert_eq!(decision.writes, [Write::MoveArtifact { id: artifact_id(), from, to }]);
            let told = payload(&decision, "session.updated");
            assert_eq!(*told, json!({ "artifactId": artifact_id(), "lifecycleState": to }));
            assert_eq!(decision.events[0].about.session, session_id());
        }
    }
}

#[test]
fn nobody_touches_what_belongs_to_somebody_else() {
    let missing = Refusal::NotFound { what: "artifact", id: artifact_id().to_string() };
    let bob = does("bob", ArtifactState::Dismissed);
    assert_eq!(standing(ArtifactState::Retained).refuses(&bob), missing);
    assert_eq!(Story::nothing().refuses(&bob), missing, "it cannot be told from one that is not there");
}
