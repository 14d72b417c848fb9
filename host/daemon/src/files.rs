//! The files that clients send along: kept in the state folder under the name of their content, for their owner.
//!
//! ```text
//!  files/content/ab/abcd…          the bytes whose SHA-256 is `abcd…`, once for everybody
//!  files/owners/<owner>/abcd….json that this owner sent them: name, media type, when they were last used
//! ```
//!
//! They are no part of the record: a prompt carries the bytes themselves, and nothing else refers to them. So a file
//! beside the content is all that has to be kept, and what nobody used for a while can go.

mod upload;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use omi_kernel::id::OwnerId;
use serde::{Deserialize, Serialize};

use crate::prompt::sha256;
use crate::state::create_private;
pub(crate) use upload::Upload;

/// Bytes of one file: larger than any document or picture that a model reads.
pub(crate) const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;
/// Files of one owner.
const FILES_MAX: usize = 10_000;
/// Bytes of all files of one owner: the disk is not only theirs.
const OWNER_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How long a file is kept that nobody uses.
const KEEP: Duration = Duration::from_hours(30 * 24);
/// How often what nobody uses is looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// Bytes of what is kept beside a file.
const SIDECAR_BYTES_MAX: u64 = 64 * 1024;
/// What the id of a file begins with; its SHA-256 follows.
const PREFIX: &str = "file_";

/// The files that clients send along. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
    /// Held while what is there is counted or goes, so that no content goes that is just being kept.
    swept: Arc<Mutex<Option<SystemTime>>>,
}

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Known {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub(crate) sha256: String,
    /// How many bytes.
    pub(crate) size_bytes: u64,
    /// Its media type, as it was said.
    pub(crate) media_type: String,
    /// Its name, as it was said.
    pub(crate) name: Option<String>,
    /// When it was sent first, in milliseconds since 1970.
    pub(crate) created_at_ms: i64,
}

impl Known {
    /// Its id.
    pub(crate) fn id(&self) -> String {
        format!("{PREFIX}{}", self.sha256)
    }
}

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// It is too large.
    #[error("the file is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// Its owner has too much already.
    #[error("there is no room for more files; hint: what is not used for {} days goes", KEEP.as_secs() / 86400)]
    Full,
    /// It cannot be written.
    #[error("the file cannot be kept: {0}")]
    Unusable(#[from] io::Error),
}

impl Files {
    /// The files below a folder, which is made when the first one is kept.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, swept: Arc::default() }
    }

    /// Begins to take a file.
    pub(crate) fn upload(&self) -> Result<Upload, KeepError> {
        let folder = self.folder.join("content");
        create_private(&folder)?;
        Ok(Upload::new(tempfile::NamedTempFile::new_in(folder)?))
    }

    /// Keeps what was taken, for an owner. The same content again is the file that it was.
    pub(crate) fn keep(&self, owner: &OwnerId, upload: Upload, new: &Known) -> Result<Known, KeepError> {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        let due = |at: SystemTime| now.duration_since(at).is_ok_and(|since| since > SWEEP_EVERY);
        if swept.is_none_or(due) {
            self.sweep(now)?;
            *swept = Some(now);
        }
        if let Some(known) = self.find(owner, &new.id())? {
            return Ok(known);
        }
        let (count, bytes) = self.used(owner)?;
        if count >= FILES_MAX || bytes + new.size_bytes > OWNER_BYTES_MAX {
            return Err(KeepError::Full);
        }
        upload.persist(&self.content(&new.sha256))?;
        let beside = self.beside(owner, &new.sha256);
        let folder = beside.parent().unwrap_or(&self.folder);
        create_private(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(new).map_err(io::Error::other)?)?;
        file.as_file().sync_all()?;
        file.persist(&beside).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        Ok(new.clone())
    }

    /// A file of an owner. To find it is to use it.
    pub(crate) fn find(&self, owner: &OwnerId, id: &str) -> io::Result<Option<Known>> {
        let is_hash =
            |text: &&str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let Some(hash) = id.strip_prefix(PREFIX).filter(is_hash) else { return Ok(None) };
        let path = self.beside(owner, hash);
        let file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.set_modified(SystemTime::now())?;
        known(&file).map(Some)
    }

    /// Opens the bytes of a file of an owner.
    pub(crate) fn open(&self, known: &Known) -> io::Result<File> {
        File::open(self.content(&known.sha256))
    }

    /// The bytes of a file.
    pub(crate) fn read(&self, known: &Known) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(known)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes away what nobody used for a while: what is known about it, and then content that nobody has any more.
    fn sweep(&self, now: SystemTime) -> io::Result<()> {
        let old = |path: &Path| {
            let used = path.metadata().and_then(|about| about.modified());
            used.is_ok_and(|used| now.duration_since(used).is_ok_and(|since| since > KEEP))
        };
        let mut kept = std::collections::BTreeSet::new();
        for owner in entries(&self.folder.join("owners"))? {
            for path in entries(&owner)? {
                if old(&path) {
                    fs::remove_file(&path)?;
                } else if let Some(hash) = path.file_stem() {
                    kept.insert(hash.to_owned());
                }
            }
        }
        for folder in entries(&self.folder.join("content"))? {
            // What is not whole is in the folder itself, and goes as old as the rest.
            if folder.is_file() && old(&folder) {
                fs::remove_file(&folder)?;
                continue;
            }
            for path in if folder.is_dir() { entries(&folder)? } else { Vec::new() } {
                if path.file_name().is_some_and(|hash| !kept.contains(hash)) {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    /// How many files an owner has, and how many bytes.
    fn used(&self, owner: &OwnerId) -> io::Result<(usize, u64)> {
        let beside = self.beside(owner, "");
        let all = entries(beside.parent().unwrap_or(&self.folder))?;
        let size = |path: &PathBuf| Ok(known(&File::open(path)?)?.size_bytes);
        let sizes: io::Result<Vec<u64>> = all.iter().map(size).collect();
        Ok((all.len(), sizes?.into_iter().sum()))
    }

    fn content(&self, hash: &str) -> PathBuf {
        self.folder.join("content").join(hash.get(..2).unwrap_or_default()).join(hash)
    }

    /// The digest of the owner is a name that is safe for a folder.
    fn beside(&self, owner: &OwnerId, hash: &str) -> PathBuf {
        self.folder.join("owners").join(sha256(owner.as_str())).join(format!("{hash}.json"))
    }
}

fn known(file: &File) -> io::Result<Known> {
    let mut bytes = Vec::new();
    file.take(SIDECAR_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// What is in a folder, in no order; nothing if there is no folder.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(files: &Files, owner: &str, text: &str, name: &str) -> Result<Known, KeepError> {
        let mut upload = files.upload()?;
        upload.take(text.as_bytes())?;
        let (size_bytes, sha256) = upload.digest();
        let known = Known {
            sha256,
            size_bytes,
            media_type: "text/plain".to_owned(),
            name: Some(name.to_owned()),
            created_at_ms: 1,
        };
        files.keep(&owner.into(), upload, &known)
    }

    fn below(folder: &Path) -> usize {
        entries(folder).unwrap().iter().map(|path| if path.is_dir() { below(path) } else { 1 }).sum()
    }

    #[test]
    fn the_same_content_is_kept_once_and_each_owner_has_what_they_sent() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().join("files"));
        let first = keep(&files, "ann", "hello", "a.txt").unwrap();
        assert_eq!(keep(&files, "ann", "hello", "b.txt").unwrap(), first, "the same file");
        let find = |owner: &str| files.find(&owner.into(), &first.id()).unwrap();
        assert_eq!((find("ann"), find("bob")), (Some(first.clone()), None));
        assert_eq!(files.read(&first).unwrap(), b"hello");
        let of_bob = keep(&files, "bob", "hello", "c.txt").unwrap();
        assert_eq!((of_bob.id(), of_bob.name.as_deref()), (first.id(), Some("c.txt")));
        assert_eq!(below(&folder.path().join("files/content")), 1);
        for id in ["", "file_", "../../x", &format!("file_{}", "../".repeat(21) + "x"), &first.sha256] {
            assert_eq!(files.find(&"ann".into(), id).unwrap(), None, "{id}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            let content = files.content(&first.sha256);
            assert_eq!((mode(&content), mode(content.parent().unwrap())), (0o600, 0o700));
            assert_eq!(mode(&files.beside(&"ann".into(), &first.sha256)), 0o600);
        }
    }

    #[test]
    fn what_nobody_uses_for_a_while_goes_and_its_content_with_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let shared = keep(&files, "ann", "shared", "a").unwrap();
        keep(&files, "bob", "shared", "b").unwrap();
        let alone = keep(&files, "ann", "alone", "a").unwrap();
        let long_ago = SystemTime::now() - KEEP - Duration::from_secs(1);
        for hash in [&shared.sha256, &alone.sha256] {
            let beside = File::options().write(true).open(files.beside(&"ann".into(), hash)).unwrap();
            beside.set_modified(long_ago).unwrap();
        }
        files.sweep(SystemTime::now()).unwrap();
        assert_eq!(files.find(&"ann".into(), &shared.id()).unwrap(), None);
        assert!(files.find(&"bob".into(), &shared.id()).unwrap().is_some());
        assert_eq!(files.read(&shared).unwrap(), b"shared");
        assert!(files.read(&alone).is_err());
        let later = SystemTime::now() + KEEP + Duration::from_hours(1);
        files.sweep(later).unwrap();
        assert_eq!(below(folder.path()), 0);
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let mut upload = files.upload().unwrap();
        let chunk = vec![0; 1024 * 1024];
        for _ in 0..FILE_BYTES_MAX / 1024 / 1024 {
            upload.take(&chunk).unwrap();
        }
        assert!(matches!(upload.take(&[0]), Err(KeepError::TooLarge)));
        drop(upload);
        assert_eq!(below(folder.path()), 0, "nothing is left");
    }
}
