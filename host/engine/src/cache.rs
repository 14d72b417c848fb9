//! Where compiled components are kept: a folder that only this user can read or write.
//!
//! A file is named after the SHA-256 of the component and after everything of the engine that its code depends on, so
//! it can never be taken for another. Only what this cache wrote is ever loaded: it is mapped and run, so whoever could
//! write here could run anything as this user.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Read, write and enter: for the owner alone, because compiled code in it is run.
const PRIVATE: u32 = 0o700;
/// Read and write, for the same reason.
const PRIVATE_FILE: u32 = 0o600;
/// How a compiled component's file ends.
const EXTENSION: &str = "compiled";
/// Compiled components that are kept: those of a person's adapters in a few versions. The oldest go.
const FILES_MAX: usize = 128;

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
        let prepared = prepare(folder).inspect_err(|error| {
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
        if !file.is_file() {
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "compiled code is run as it is; that it is ours is what this cache is for"
        )]
        // SAFETY: the file was written by `keep`, whole and synced before it got this name, in a folder that only this
        // user can write to; wasmtime refuses one of another version or with other settings.
        let found = unsafe { Component::deserialize_file(engine, &file) };
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

    /// Another process may write the same at the same time: each writes a file of its own, and the last one stays.
    fn write(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        let file = self.file(digest);
        let partial = file.with_extension(format!("{}.partial", std::process::id()));
        let mut options = OpenOptions::new();
        let mut writes: File =
            options.write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(&partial)?;
        let written = writes.write_all(code).and_then(|()| writes.sync_all());
        written.and_then(|()| fs::rename(&partial, &file)).inspect_err(|_| {
            // What is left of it would never be used.
            let _ = fs::remove_file(&partial);
        })
    }

    /// Removes the oldest where there are too many.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == EXTENSION))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        for (_, path) in files.iter().take(files.len().saturating_sub(FILES_MAX)) {
            // Somebody else removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

fn prepare(folder: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(PRIVATE))?;
    folder.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::default()
    }

    fn component(engine: &Engine) -> Component {
        Component::new(engine, wat::parse_str("(component)").unwrap()).unwrap()
    }

    #[test]
    fn what_was_kept_is_found_by_its_digest_and_its_engine() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = Cache::open(&folder.path().join("compiled"), &engine).unwrap();
        assert!(cache.find(&engine, "abc").is_none());
        cache.keep("abc", &component(&engine));
        assert!(cache.find(&engine, "abc").is_some() && cache.find(&engine, "abd").is_none());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache.folder), mode(&cache.file("abc"))), (PRIVATE, PRIVATE_FILE));
        let metering = Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap();
        let other = Cache::open(&cache.folder, &metering).unwrap();
        assert!(other.find(&metering, "abc").is_none(), "another engine has files of its own");
    }

    #[test]
    fn a_file_that_is_no_compiled_component_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = Cache::open(folder.path(), &engine).unwrap();
        for content in ["", "not even code"] {
            fs::write(cache.file("abc"), content).unwrap();
            assert!(cache.find(&engine, "abc").is_none());
        }
        cache.keep("abc", &component(&engine));
        assert!(cache.find(&engine, "abc").is_some());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn the_oldest_go_where_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), &engine()).unwrap();
        for number in 0..FILES_MAX + 2 {
            let path = cache.file(&format!("{number:03}"));
            fs::write(&path, "").unwrap();
            let age = std::time::Duration::from_secs(u64::try_from(number).unwrap());
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH + age)
                .unwrap();
        }
        fs::write(folder.path().join("another"), "").unwrap();
        cache.prune();
        assert!(!cache.file("000").exists() && !cache.file("001").exists() && cache.file("002").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FILES_MAX + 1);
    }
}
