//! The files that conversations with runtimes are written to: one for each worker, readable by their owner alone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use omi_conformance::{Call, Header};
use omi_engine::{Adapter, CallSink, RecordedCall};
use serde::Serialize;

/// Read and write: for the owner alone, because a conversation is private.
const PRIVATE: u32 = 0o600;

/// Where conversations are written to.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    path: PathBuf,
    /// The file of the first worker, until it is taken.
    first: Arc<Mutex<Option<File>>>,
    workers: Arc<AtomicUsize>,
}

impl Recordings {
    /// The first worker writes to this file, which must not be there yet; others to files of their own beside it.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = create(path).with_context(|| {
            format!("cannot make the recording `{}`; hint: name a file that is not there yet", path.display())
        })?;
        let first = Arc::new(Mutex::new(Some(file)));
        Ok(Self { path: path.to_owned(), first, workers: Arc::default() })
    }

    /// Where the calls of a worker go.
    pub(crate) fn of_worker(&self, adapter: &Adapter, seed: u32) -> std::io::Result<CallSink> {
        let number = self.workers.fetch_add(1, Ordering::Relaxed) + 1;
        let first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let mut file = match first {
            Some(file) => file,
            None => create(&self.numbered(number))?,
        };
        let descriptor = adapter.descriptor();
        let header = Header::new(&descriptor.adapter_id, &descriptor.version, adapter.digest(), seed);
        write_line(&mut file, &header)?;
        let file = Mutex::new(Some(file));
        Ok(CallSink::new(move |RecordedCall { now_ms, inputs, outputs }| {
            let mut open = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(writes) = open.as_mut() else { return };
            if let Err(error) = write_line(writes, &Call { now_ms, inputs, outputs }) {
                tracing::error!(%error, "the recording ends here: it cannot be written");
                *open = None;
            }
        }))
    }

    /// The files that were written.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        (1..=self.workers.load(Ordering::Relaxed)).map(|number| self.numbered(number)).collect()
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

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)
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
        assert!(recordings.files().is_empty());
    }
}
