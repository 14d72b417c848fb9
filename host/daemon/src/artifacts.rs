//! The files of artifacts: what adapters send along is kept in the state folder under the name of its content.
//!
//! `artifacts/ab/abcd…` holds the bytes whose SHA-256 is `abcd…`: the same content is kept once, and a file that is
//! there is whole.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use omi_kernel::report::Artifact;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Characters of a SHA-256 in hexadecimal.
const HASH_CHARS: usize = 64;

/// The files of artifacts.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// The files below a folder, which is made when the first one is kept.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Takes the bytes out of an artifact and keeps them in a file, which the artifact names from then on. If they
    /// cannot be kept, the artifact says so.
    pub(crate) fn keep(&self, artifact: &mut Artifact) {
        let Some(content) = artifact.content.take() else { return };
        let hash = hex(&Sha256::digest(&content));
        let kept = self.write(&hash, &content);
        artifact.content_hash = Some(hash);
        artifact.size_bytes = u64::try_from(content.len()).ok();
        match kept {
            Ok(path) => artifact.uri = file_uri(&path),
            Err(error) => {
                tracing::warn!(%error, uri = artifact.uri, "the content of an artifact is lost");
                if !artifact.metadata.is_object() {
                    artifact.metadata = json!({});
                }
                artifact.metadata["contentLost"] = json!(error.to_string());
            }
        }
    }

    /// The file that keeps the content of an artifact; none if it names another one.
    pub(crate) fn kept(&self, hash: &str, uri: &str) -> Option<PathBuf> {
        let is_hash = hash.len() == HASH_CHARS && hash.bytes().all(|letter| letter.is_ascii_hexdigit());
        let path = self.folder.join(hash.get(..2)?).join(hash);
        (is_hash && file_uri(&path) == uri).then_some(path)
    }

    /// A piece of what is kept: so many bytes at most, from somewhere on, and how many there are in all. None: it is not
    /// kept here.
    pub(crate) fn read(
        &self,
        artifact_uri: &str,
        hash: &str,
        from: u64,
        bytes_max: u64,
    ) -> io::Result<Option<(Vec<u8>, u64)>> {
        let Some(path) = self.kept(hash, artifact_uri) else { return Ok(None) };
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        file.seek(io::SeekFrom::Start(from))?;
        let mut piece = Vec::new();
        file.take(bytes_max).read_to_end(&mut piece)?;
        Ok(Some((piece, bytes)))
    }

    fn write(&self, hash: &str, content: &[u8]) -> io::Result<PathBuf> {
        let folder = self.folder.join(hash.get(..2).unwrap_or_default());
        let path = folder.join(hash);
        if path.is_file() {
            return Ok(path);
        }
        private_folder(&folder)?;
        // Two workers may keep the same content at the same time: each has a file of its own until it is whole.
        let partial = folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let renamed = write_whole(&partial, content).and_then(|()| fs::rename(&partial, &path));
        if let Err(error) = renamed {
            // What is not there cannot be removed, and need not be.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        // The name is safe only with its folder.
        File::open(&folder)?.sync_all()?;
        Ok(path)
    }
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A text takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A path as a URI: whatever is not plain in a URI is written as its bytes.
fn file_uri(path: &Path) -> String {
    format!("file://{}", uri_path(path))
}

/// A path as it stands in a URI.
pub(crate) fn uri_path(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte));
            }
            // A text takes everything.
            byte => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of `hello`.
    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn artifact(content: &str) -> Artifact {
        Artifact {
            kind: "file".to_owned(),
            role: "result".to_owned(),
            uri: "agent:out.txt".to_owned(),
            name: None,
            mime_type: None,
            content: Some(content.into()),
            content_hash: Some("what the adapter says".to_owned()),
            size_bytes: None,
            metadata: serde_json::Value::Null,
        }
    }

    #[test]
    fn content_is_kept_once_under_its_hash_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::new(folder.path().join("my artifacts"));
        let mut kept = artifact("hello");
        artifacts.keep(&mut kept);
        assert_eq!(
            (kept.content_hash.as_deref(), kept.size_bytes, &kept.content),
            (Some(HELLO), Some(5), &None)
        );
        assert!(kept.uri.ends_with(&format!("my%20artifacts/2c/{HELLO}")), "{}", kept.uri);

        let read = |from, max| artifacts.read(&kept.uri, HELLO, from, max).unwrap();
        assert_eq!(read(1, 3), Some((b"ell".to_vec(), 5)));
        assert_eq!(read(9, 3), Some((vec![], 5)));
        assert_eq!(artifacts.read("file:///etc/passwd", HELLO, 0, 9).unwrap(), None);
        assert_eq!(artifacts.read(&kept.uri, "../../secret", 0, 9).unwrap(), None);

        artifacts.keep(&mut artifact("hello"));
        let place = folder.path().join("my artifacts/2c");
        let names: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [HELLO], "one file, and nothing half written");
        assert_eq!(fs::read_to_string(place.join(HELLO)).unwrap(), "hello");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&place), mode(&place.join(HELLO))), (0o700, 0o600));
        }
    }

    #[test]
    fn what_cannot_be_kept_is_said_to_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        fs::write(&file, "").unwrap();
        let mut lost = artifact("hello");
        Artifacts::new(file).keep(&mut lost);
        assert_eq!((lost.uri.as_str(), lost.content_hash.as_deref()), ("agent:out.txt", Some(HELLO)));
        assert!(lost.metadata["contentLost"].is_string(), "{:?}", lost.metadata);
        assert_eq!(lost.content, None);
    }

    #[test]
    fn an_artifact_without_content_stays_as_it_is() {
        let mut without = Artifact { content: None, ..artifact("") };
        let before = without.clone();
        Artifacts::new(PathBuf::from("/nonexistent")).keep(&mut without);
        assert_eq!(without, before);
    }
}
