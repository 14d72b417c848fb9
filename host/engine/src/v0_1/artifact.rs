//! Reads artifacts: their bytes are passed on with them, so that they can be kept in a file.

use omi_kernel::report::Artifact;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::activity::INLINE;
use super::description::short;
use super::wit::activity as wit;
use crate::blobs::Blobs;
use crate::load::hex;

/// Said of an artifact whose bytes are nowhere.
const NO_BLOB: &str = "an artifact names a blob that the worker does not have";
/// Said of an artifact that brings more bytes than may travel inline.
const TOO_LARGE: &str =
    "the content of an artifact is larger than what may travel inline; it belongs into a blob";
/// Said of an artifact whose `extra` cannot be used.
const NO_OBJECT: &str = "the `extra` of an artifact is not a JSON object, or too large";

/// An artifact, and what of it is not as the contract says.
pub(crate) fn artifact(artifact: wit::Artifact, blobs: &Blobs) -> (Artifact, Option<&'static str>) {
    let (content, no_content) =
        artifact.content.map_or((Content::default(), None), |payload| read_content(payload, blobs));
    let (metadata, no_metadata) = read_metadata(&artifact.extra);
    let read = Artifact {
        kind: short(artifact.kind),
        role: short(artifact.role),
        uri: short(artifact.uri),
        name: artifact.name.map(short),
        mime_type: artifact.mime_type.map(short),
        content: content.bytes,
        content_hash: content.hash,
        size_bytes: content.size,
        metadata: Value::Object(metadata),
    };
    (read, no_content.or(no_metadata))
}

/// What is known of the bytes of an artifact.
#[derive(Default)]
struct Content {
    bytes: Option<Vec<u8>>,
    hash: Option<String>,
    size: Option<u64>,
}

impl Content {
    fn known(bytes: &[u8]) -> Self {
        Self { bytes: None, hash: Some(hex(&Sha256::digest(bytes))), size: Some(bytes.len() as u64) }
    }

    fn whole(bytes: Vec<u8>) -> Self {
        let known = Self::known(&bytes);
        Self { bytes: Some(bytes), ..known }
    }
}

fn read_content(payload: wit::Payload, blobs: &Blobs) -> (Content, Option<&'static str>) {
    match payload {
        wit::Payload::Text(text) | wit::Payload::Json(text) if text.len() <= INLINE => {
            (Content::whole(text.into_bytes()), None)
        }
        wit::Payload::Text(text) | wit::Payload::Json(text) => {
            (Content::known(text.as_bytes()), Some(TOO_LARGE))
        }
        wit::Payload::Blob(blob) => match blobs.get(blob) {
            Some(bytes) => (Content::whole(bytes.to_vec()), None),
            None => (Content::default(), Some(NO_BLOB)),
        },
    }
}

fn read_metadata(extra: &str) -> (Map<String, Value>, Option<&'static str>) {
    if extra.is_empty() {
        return (Map::new(), None);
    }
    let object = if extra.len() <= INLINE { serde_json::from_str(extra).ok() } else { None };
    object.map_or((Map::new(), Some(NO_OBJECT)), |object| (object, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Scope;

    /// The hash of `hi`, as `sha256sum` says it.
    const HASH_OF_HI: &str = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

    fn read(content: Option<wit::Payload>, extra: &str, blobs: &Blobs) -> (Artifact, Option<&'static str>) {
        let (kind, role, uri) = ("file".to_owned(), "result".to_owned(), "out.txt".to_owned());
        let extra = extra.to_owned();
        artifact(wit::Artifact { kind, role, uri, name: None, mime_type: None, content, extra }, blobs)
    }

    #[test]
    fn the_bytes_come_along_with_their_size_and_hash() {
        let mut blobs = Blobs::new(1 << 20);
        let blob = blobs.keep(Scope::Worker, b"hi".to_vec()).unwrap();
        for payload in
            [wit::Payload::Text("hi".into()), wit::Payload::Json("hi".into()), wit::Payload::Blob(blob)]
        {
            let (artifact, broken) = read(Some(payload), "", &blobs);
            assert_eq!(artifact.content.as_deref(), Some(&b"hi"[..]));
            assert_eq!(artifact.content_hash.as_deref(), Some(HASH_OF_HI));
            assert_eq!((artifact.size_bytes, broken), (Some(2), None));
        }
        let (artifact, broken) = read(None, "", &blobs);
        assert_eq!((artifact.content, artifact.content_hash, artifact.size_bytes), (None, None, None));
        assert_eq!(broken, None);
    }

    #[test]
    fn too_large_a_text_is_known_by_its_hash_and_a_large_blob_is_whole() {
        let mut blobs = Blobs::new(1 << 20);
        let blob = blobs.keep(Scope::Worker, vec![0xff; INLINE + 1]).unwrap();
        let (artifact, broken) = read(Some(wit::Payload::Text("x".repeat(INLINE + 1))), "", &blobs);
        assert_eq!((artifact.content, artifact.size_bytes), (None, Some(INLINE as u64 + 1)));
        assert!(artifact.content_hash.is_some());
        assert_eq!(broken, Some(TOO_LARGE));
        let (artifact, broken) = read(Some(wit::Payload::Blob(blob)), "", &blobs);
        assert_eq!((artifact.content.map(|bytes| bytes.len()), broken), (Some(INLINE + 1), None));
        let (artifact, broken) = read(Some(wit::Payload::Blob(blob + 1)), "", &blobs);
        assert_eq!((artifact.content, artifact.content_hash, broken), (None, None, Some(NO_BLOB)));
    }

    #[test]
    fn what_is_no_object_is_no_metadata() {
        let blobs = Blobs::new(0);
        let metadata = |extra: &str| {
            let (artifact, broken) = read(None, extra, &blobs);
            (artifact.metadata, broken)
        };
        assert_eq!(metadata(""), (serde_json::json!({}), None));
        assert_eq!(metadata("{\"pages\":2}"), (serde_json::json!({"pages": 2}), None));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(INLINE));
        for bad in ["[1]", "\"text\"", "{", "null", &large] {
            assert_eq!(
                metadata(bad),
                (serde_json::json!({}), Some(NO_OBJECT)),
                "{}",
                &bad[..3.min(bad.len())]
            );
        }
    }
}
