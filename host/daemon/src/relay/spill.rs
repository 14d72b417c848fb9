//! Long results of tools: an agent is shown the beginning, and the whole is an artifact (SPEC §11.1 row 17).

use omi_kernel::artifact::ArtifactRole;
use omi_kernel::report::Artifact;
use omi_store::{ArtifactFilter, ExecutingAttempt};
use serde_json::json;

use crate::surface::Surface;
use crate::tool::cut;

/// Bytes of a result that an agent is shown (SPEC §12).
pub(super) const RESULT_BYTES_MAX: usize = 8 * 1024;
/// Artifacts that are looked through for the one that was just recorded.
const NEWEST: u32 = 50;

/// What an agent is shown of a result. The whole of a long one is kept first.
pub(crate) async fn shown(
    surface: &Surface,
    attempt: &ExecutingAttempt,
    name: &str,
    result: String,
) -> String {
    if result.len() <= RESULT_BYTES_MAX {
        return result;
    }
    let begins = cut(&result, RESULT_BYTES_MAX).to_owned();
    let bytes = result.len();
    let whole = match kept(surface, attempt, name, result).await {
        Ok(id) => format!(
            "the whole is the artifact `{id}`: read on with inspect_agent_artifacts, `artifactId` and `fromByte`"
        ),
        Err(why) => format!("the whole could not be kept: {why}"),
    };
    format!("{begins}\n\n[cut: the first {} of {bytes} bytes; {whole}]", begins.len())
}

/// Records a result as an artifact of its attempt, and answers the id.
async fn kept(
    surface: &Surface,
    attempt: &ExecutingAttempt,
    name: &str,
    result: String,
) -> Result<String, String> {
    let mut artifact = Artifact {
        kind: "tool_output".to_owned(),
        role: ArtifactRole::ToolOutput.as_str().to_owned(),
        uri: format!("tool:{name}"),
        name: Some(format!("{name}.txt")),
        mime_type: Some("text/plain; charset=utf-8".to_owned()),
        content: Some(result.into_bytes()),
        content_hash: None,
        size_bytes: None,
        metadata: json!({ "tool": name }),
    };
    let artifacts = surface.artifacts.clone();
    let written = tokio::task::spawn_blocking(move || {
        artifacts.keep(&mut artifact);
        artifact
    });
    let artifact = written.await.map_err(|error| error.to_string())?;
    let hash = artifact.content_hash.clone();
    surface
        .client
        .record_artifact(attempt.attempt_id.clone(), artifact)
        .await
        .map_err(|error| error.to_string())?;
    let filter = ArtifactFilter {
        attempt: Some(attempt.attempt_id.clone()),
        role: Some(ArtifactRole::ToolOutput),
        limit: NEWEST,
        ..ArtifactFilter::default()
    };
    let found = surface.ask(|reader| reader.artifacts(&filter)).map_err(|error| error.to_string())?;
    let own = found.into_iter().find(|found| found.content_hash == hash);
    // What is over takes no artifacts any more.
    own.map(|found| found.artifact_id).ok_or_else(|| "its run is over".to_owned())
}
