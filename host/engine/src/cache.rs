//! Where compiled components are kept: a folder that only this user can read or write.
//!
//! A file is named after the SHA-256 of the component and after everything of the engine that its code depends on, so
//! it can never be taken for another. Only what this cache wrote is ever loaded: it is mapped and run, so whoever could
//! write here could run anything as this user.

mod folder;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Read and write for the owner alone, because compiled code is run.
const PRIVATE_FILE: u32 = 0o600;
/// How a compiled component's file ends.
const EXTENSION: &str = "compiled";
/// How a file ends that is not whole yet.
const PARTIAL: &str = "partial";
/// Compiled components that are kept: those of a person's adapters in a few versions. What was not used longest goes.
const FILES_MAX: usize = 128;
/// Bytes of all of them: a Python adapter has 60 MB, and a cache that only saves seconds takes no more of a disk.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How long a file may take to become whole: what is older was left behind by a process that was killed.
const PARTIAL_AGE_MAX: Duration = Duration::from_hours(1);

/// The compiled components of one engine.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// What compiled code depends on besides the component, as text.
    engine: String,
}

impl Cache {
    /// The cache in `folder`, which is created if it is not there. Without a usable folder there is none: it only saves
    /// time.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Option<Self> {
        let prepared = folder::prepare(folder).inspect_err(|error| {
            tracing::warn!(
                folder = %folder.display(),
                %error,
                "components are compiled anew each time: the cache folder cannot be used"
            );
        });
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine = format!("{:016x}", hasher.finish());
        prepared.ok().map(|folder| Self { folder, engine })
    }

    /// The component with this digest, if it was compiled here before.
    pub(crate) fn find(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.file(digest);
        match folder::check_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "a compiled component is not used");
                return None;
            }
        }
        #[expect(
            unsafe_code,
            reason = "compiled code is run as it is; that it is ours is what this cache is for"
        )]
        // SAFETY: `folder::prepare` saw that the folder belongs to this user and that nobody else can or could write to
        // it (a link may have led to it, but the path without links is what is used), and `check_file` that the file
        // is no link and belongs to this user, too. So `keep` wrote it, whole and synced before it got this name, and
        // nobody changes it while it is mapped; wasmtime refuses one of another version or with other settings.
        let found = unsafe { Component::deserialize_file(engine, &file) };
        if found.is_ok() {
            // What was used last is removed last. Without it the file is only removed earlier.
            let _ = File::open(&file).and_then(|file| file.set_modified(SystemTime::now()));
        }
        found
            .inspect_err(|error| {
                tracing::warn!(file = %file.display(), %error, "a compiled component is compiled anew");
            })
            .ok()
    }

    /// Keeps a component that was just compiled. That it cannot be kept only costs time.
    pub(crate) fn keep(&self, digest: &str, component: &Component) {
        let kept = component.serialize().map_err(io::Error::other).and_then(|code| self.write(digest, &code));
        match kept {
            Ok(()) => self.prune(),
            Err(error) => {
                tracing::warn!(folder = %self.folder.display(), %error, "a compiled component is not kept");
            }
        }
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.{EXTENSION}", self.engine))
    }

    /// Another thread or process may write the same at the same time: each writes a file of its own, and the last one
    /// stays.
    fn write(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        let file = self.file(digest);
        // By chance, as two containers that share a folder have processes of the same number.
        let unique = RandomState::new().build_hasher().finish();
        let partial = file.with_extension(format!("{}-{unique:016x}.{PARTIAL}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut writes: File = options.write(true).create_new(true).mode(PRIVATE_FILE).open(&partial)?;
        let written = writes.write_all(code).and_then(|()| writes.sync_all());
        written.and_then(|()| fs::rename(&partial, &file)).inspect_err(|_| {
            // What is left of it would never be used.
            let _ = fs::remove_file(&partial);
        })
    }

    /// Removes what was not used longest where there is too much, and what never became whole.
    fn prune(&self) {
        let mut files = self.files(EXTENSION);
        files.sort_by_key(|file| Reverse(file.used));
        let mut bytes = 0;
        let excess = files.into_iter().enumerate().filter(|(number, file)| {
            bytes += file.bytes;
            *number >= FILES_MAX || bytes > BYTES_MAX
        });
        let is_old = |file: &Kept| file.used.elapsed().is_ok_and(|age| age > PARTIAL_AGE_MAX);
        let left = self.files(PARTIAL).into_iter().filter(is_old);
        for file in excess.map(|(_, file)| file).chain(left) {
            // Somebody else removed it already.
            let _ = fs::remove_file(file.path);
        }
    }

    fn files(&self, extension: &str) -> Vec<Kept> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let kept = entries.flatten().filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some(Kept { used: metadata.modified().ok()?, bytes: metadata.len(), path: entry.path() })
        });
        kept.filter(|file| file.path.extension().is_some_and(|found| found == extension)).collect()
    }
}

/// A file of the cache.
struct Kept {
    /// When it was used last.
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}
