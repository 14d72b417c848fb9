//! The files that conversations with runtimes are written to: one for each worker, readable by their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, anyhow};
use omi_conformance::{Call, Header};
use omi_engine::{Adapter, CallSink, RecordedCall};
use serde::Serialize;

use crate::component::Bundled;
use crate::terminal::quoted;

/// Read and write: for the owner alone, because a conversation is private.
const PRIVATE: u32 = 0o600;

/// Where conversations are written to.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    path: PathBuf,
    taken: Arc<Mutex<Taken>>,
}

/// The file of the first worker until it is taken, and what was recorded so far: one after the other, so that each
/// worker has the file of its number.
#[derive(Debug)]
struct Taken {
    first: Option<File>,
    recorded: Vec<Recorded>,
}

/// A file that a conversation is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Who talks: the name of a bundled component, or the path of an installed one.
    pub(crate) component: String,
}

impl Recordings {
    /// The first worker writes to this file, which must not be there yet; others to files of their own beside it.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let first = Some(create(path)?);
        let taken = Arc::new(Mutex::new(Taken { first, recorded: Vec::new() }));
        Ok(Self { path: path.to_owned(), taken })
    }

    /// Where the calls of a worker go.
    pub(crate) fn of_worker(
        &self,
        adapter: &Adapter,
        component: &str,
        seed: u32,
    ) -> anyhow::Result<CallSink> {
        let descriptor = adapter.descriptor();
        let header = Header::new(&descriptor.adapter_id, &descriptor.version, adapter.digest(), seed);
        let file = Mutex::new(Some(self.begin(component, &header)?));
        Ok(CallSink::new(move |RecordedCall { now_ms, inputs, outputs }| {
            let mut open = file.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(writes) = open.as_mut() else { return };
            if let Err(error) = write_line(writes, &Call { now_ms, inputs, outputs }) {
                tracing::error!(%error, "the recording ends here: it cannot be written");
                *open = None;
            }
        }))
    }

    /// The file of the next worker, with its header.
    fn begin(&self, component: &str, header: &Header) -> anyhow::Result<File> {
        let mut taken = self.taken();
        let path = self.numbered(taken.recorded.len() + 1);
        let mut file = match taken.first.take() {
            Some(file) => file,
            None => create(&path)?,
        };
        if let Err(error) = write_line(&mut file, header) {
            // The next worker makes it anew.
            let _ = std::fs::remove_file(&path);
            return Err(error).with_context(|| {
                format!("cannot write the recording `{}`; hint: see that there is room", path.display())
            });
        }
        taken.recorded.push(Recorded { path, component: component.to_owned() });
        Ok(file)
    }

    /// What was recorded. The file of the first worker goes if no worker came to take it.
    pub(crate) fn end(&self) -> Vec<Recorded> {
        let mut taken = self.taken();
        if taken.first.take().is_some() {
            // It is empty: whoever finds it learns nothing from it.
            let _ = std::fs::remove_file(&self.path);
        }
        taken.recorded.clone()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `name.jsonl`, then `name-2.jsonl`.
    fn numbered(&self, number: usize) -> PathBuf {
        if number == 1 {
            return self.path.clone();
        }
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = match self.path.extension() {
            Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
            None => format!("{stem}-{number}"),
        };
        self.path.with_file_name(name)
    }
}

impl Recorded {
    /// The command that replays it.
    pub(crate) fn replay(&self) -> String {
        let path = quoted(&self.path.display().to_string());
        match Bundled::named(&self.component) {
            Some(_) => format!("omi-agentd replay {path}"),
            None => format!("omi-agentd replay {path} --component {}", quoted(&self.component)),
        }
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AlreadyExists => "name a file that is not there yet",
            ErrorKind::NotFound => "make the folder first",
            _ => "name a file where you may write",
        };
        anyhow!("cannot make the recording `{}`: {error}; hint: {hint}", path.display())
    })
}

/// Written at once, so that a recording is whole up to the call that ended everything.
fn write_line(file: &mut File, value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_takes_no_file_that_is_there_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.jsonl");
        let recordings = Recordings::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        let refused = Recordings::create(&path).unwrap_err().to_string();
        assert!(refused.contains("talk.jsonl") && refused.contains("hint: "), "{refused}");
        assert_eq!(recordings.numbered(3), folder.path().join("talk-3.jsonl"));
        let nowhere = Recordings::create(&folder.path().join("a/talk.jsonl")).unwrap_err().to_string();
        assert!(nowhere.contains("hint: make the folder first"), "{nowhere}");
        assert_eq!(recordings.end(), []);
        assert!(!path.exists(), "nobody wrote to it");
    }

    #[test]
    fn each_worker_has_a_file_of_its_own_and_only_what_was_made_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let recordings = Recordings::create(&folder.path().join("talk.jsonl")).unwrap();
        let begin = |seed| recordings.begin("echo", &Header::new("echo", "1.0.0", "", seed)).map(drop);
        std::thread::scope(|scope| {
            for seed in 0..8 {
                scope.spawn(move || begin(seed).unwrap());
            }
        });
        let taken = folder.path().join("talk-9.jsonl");
        std::fs::write(&taken, "mine").unwrap();
        let refused = begin(8).unwrap_err().to_string();
        assert!(refused.contains("talk-9.jsonl") && refused.contains("hint: "), "{refused}");
        let recorded = recordings.end();
        assert_eq!(recorded.len(), 8);
        for (number, recorded) in (1..).zip(&recorded) {
            assert_eq!(recorded.path, recordings.numbered(number));
            assert_eq!(std::fs::read_to_string(&recorded.path).unwrap().lines().count(), 1);
        }
    }

    #[test]
    fn what_replays_a_recording_names_the_component_that_is_not_bundled() {
        let recorded = |component: &str| {
            Recorded { path: PathBuf::from("/a b/t.jsonl"), component: component.to_owned() }.replay()
        };
        assert_eq!(recorded("echo"), "omi-agentd replay '/a b/t.jsonl'");
        assert_eq!(recorded("/x/mine.wasm"), "omi-agentd replay '/a b/t.jsonl' --component /x/mine.wasm");
    }
}
