//! An attempt made something; a person did something with it (seed §6.6, §18.2).

use serde_json::{Value, json};

use crate::artifact::{ArtifactRole, ArtifactState, MEMORY_CANDIDATE};
use crate::decision::Decision;
use crate::draft::{Draft, about};
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{ArtifactId, Ids, OwnerId};
use crate::new::NewArtifact;
use crate::refusal::Refusal;
use crate::report::Artifact;
use crate::row::{Attempt, Run};
use crate::session::METADATA_BYTES_MAX;
use crate::write::Write;

/// Records an artifact of an attempt.
pub(super) fn record(run: &Run, attempt: &Attempt, artifact: &Artifact, draft: &mut Draft<'_, '_>) {
    let id = ArtifactId::new(draft.ids);
    let role = ArtifactRole::parse(&artifact.role).unwrap_or(ArtifactRole::Other);
    let new = NewArtifact {
        id: id.clone(),
        session: run.session.clone(),
        run: run.id.clone(),
        attempt: attempt.id.clone(),
        kind: artifact.kind.clone(),
        role,
        uri: artifact.uri.clone(),
        name: artifact.name.clone(),
        mime_type: artifact.mime_type.clone(),
        content_hash: artifact.content_hash.clone(),
        size_bytes: artifact.size_bytes,
        metadata: metadata(run, attempt, artifact),
    };
    draft.write(Write::InsertArtifact(Box::new(new)));
    let payload = json!({ "artifactId": id, "kind": artifact.kind, "role": role, "uri": artifact.uri,
        "displayName": artifact.name, "mimeType": artifact.mime_type, "contentHash": artifact.content_hash,
        "sizeBytes": artifact.size_bytes });
    draft.event(&about(run, Some(attempt)), EventKind::ArtifactCreated, payload);
}

/// What an agent takes for worth remembering is never more than a candidate: it says whose it is and how sure.
fn metadata(run: &Run, attempt: &Attempt, artifact: &Artifact) -> Value {
    let fits = artifact.metadata.is_object() && artifact.metadata.to_string().len() <= METADATA_BYTES_MAX;
    let mut metadata = if fits { artifact.metadata.clone() } else { json!({}) };
    if artifact.kind == MEMORY_CANDIDATE {
        metadata["provenance"] = json!({ "sessionId": run.session, "runId": run.id, "attemptId": attempt.id,
            "adapterId": attempt.adapter, "model": run.model });
        let uncertainty = metadata["uncertainty"].take();
        metadata["uncertainty"] = if uncertainty.is_null() { json!("unknown") } else { uncertainty };
    }
    metadata
}

pub(super) fn update(
    owner: &OwnerId,
    id: &ArtifactId,
    state: ArtifactState,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "artifact", id: id.to_string() };
    let artifact = facts.artifact.as_ref().ok_or_else(missing)?;
    facts.session.as_ref().filter(|session| session.owner == *owner).ok_or_else(missing)?;
    let mut draft = Draft::new(ids);
    if artifact.state != state {
        draft.write(Write::MoveArtifact { id: id.clone(), from: artifact.state, to: state });
        let payload = json!({ "artifactId": id, "lifecycleState": state });
        draft.event(&super::session::only(&artifact.session), EventKind::SessionUpdated, payload);
    }
    Ok(draft.done())
}
