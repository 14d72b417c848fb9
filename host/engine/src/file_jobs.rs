//! Reading and writing files for one worker: one after the other, in the order in which it was allowed, and never on the
//! worker's thread, because a disk may be slow.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::{FileError, Folder, ReadFile, WriteMode};
use crate::inbox::{Inbox, Item};
use crate::input::Op;
use crate::output::Scope;

/// Something to do with a file.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    /// The granted folder.
    pub(crate) root: PathBuf,
    /// Below it.
    pub(crate) path: String,
    pub(crate) work: Work,
    /// What is the daemon's own, and never read or written for an adapter.
    pub(crate) private: Vec<PathBuf>,
    /// It is allowed for some paths only: then a link must not lead to another one.
    pub(crate) narrowed: bool,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Work {
    Read { offset: u64, max: Option<u64> },
    Write { content: Vec<u8>, mode: WriteMode },
}

impl Work {
    fn wanted(&self) -> Option<u64> {
        match self {
            Self::Read { max, .. } => *max,
            Self::Write { .. } => None,
        }
    }

    /// Bytes that are kept for it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Read { .. } => 0,
            Self::Write { content, .. } => content.len(),
        }
    }
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) op: Op,
    pub(crate) scope: Scope,
    /// The adapter said how much it wants to read, at most.
    pub(crate) wanted: Option<u64>,
    pub(crate) result: Result<Outcome, FileError>,
}

/// What it came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Read(ReadFile),
    Written(u64),
}

/// The jobs of one worker. The next one starts when the worker has taken the result of the last, so that no more than
/// one file is held in memory for it.
#[derive(Debug, Default)]
pub(crate) struct FileJobs {
    waiting: VecDeque<Job>,
    running: bool,
}

impl FileJobs {
    /// Adds one, and starts it if none runs.
    pub(crate) fn add(&mut self, job: Job, inbox: &Arc<Inbox>, tokio: &tokio::runtime::Handle) {
        self.waiting.push_back(job);
        if !self.running {
            self.next(inbox, tokio);
        }
    }

    /// Starts the next one, after the last is done.
    pub(crate) fn next(&mut self, inbox: &Arc<Inbox>, tokio: &tokio::runtime::Handle) {
        let job = self.waiting.pop_front();
        self.running = job.is_some();
        if let Some(job) = job {
            let inbox = Arc::clone(inbox);
            tokio.spawn_blocking(move || {
                let (op, scope, wanted) = (job.op, job.scope, job.work.wanted());
                inbox.tell(Item::File(Done { op, scope, wanted, result: run(job) }));
            });
        }
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes that are kept for those that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.iter().map(|job| job.work.bytes()).sum()
    }

    /// Takes one back; false if it does not wait any more.
    pub(crate) fn take(&mut self, op: Op) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|job| job.op != op);
        self.waiting.len() < before
    }

    /// The numbers of those that wait on behalf of a scope.
    pub(crate) fn of_scope(&self, scope: Scope) -> Vec<Op> {
        self.waiting.iter().filter(|job| job.scope == scope).map(|job| job.op).collect()
    }
}

fn run(job: Job) -> Result<Outcome, FileError> {
    let folder = Folder::open(&job.root)?;
    check(&job)?;
    match job.work {
        Work::Read { offset, max } => folder.read(&job.path, offset, max).map(Outcome::Read),
        Work::Write { content, mode } => folder.write(&job.path, &[&content], mode).map(Outcome::Written),
    }
}

/// What a text could not say: whether a link leads to what is the daemon's own, or where the grant does not reach.
fn check(job: &Job) -> Result<(), FileError> {
    let real = real(&job.root.join(&job.path));
    let is_private = job.private.iter().any(|private| real.starts_with(self::real(private)));
    let is_elsewhere = job.narrowed && real != self::real(&job.root).join(&job.path);
    if is_private || is_elsewhere { Err(FileError::Outside) } else { Ok(()) }
}

/// A path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let real = |ancestor: &Path| {
        let rest = path.strip_prefix(ancestor).ok()?;
        ancestor
            .canonicalize()
            .ok()
            .map(|real| if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    };
    path.ancestors().find_map(real).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Reads or writes below a folder in which `state` and `settings` are the daemon's own.
    fn done(root: &Path, path: &str, narrowed: bool, writes: bool) -> Result<(), FileError> {
        let work = if writes {
            Work::Write { content: b"new".to_vec(), mode: WriteMode::Replace }
        } else {
            Work::Read { offset: 0, max: None }
        };
        let (root, path) = (root.to_owned(), path.to_owned());
        let private = vec![root.join("state"), root.join("settings")];
        run(Job { op: 1, scope: Scope::Worker, root, path, work, private, narrowed }).map(drop)
    }

    #[test]
    fn what_is_the_daemons_own_is_not_for_adapters() {
        let top = tempfile::TempDir::new().unwrap();
        let root = top.path();
        fs::create_dir(root.join("state")).unwrap();
        fs::write(root.join("state/record"), "record").unwrap();
        fs::write(root.join("plain"), "plain").unwrap();
        symlink("state", root.join("link")).unwrap();
        for path in ["state/record", "state/new/file", "link/record", "link/new", "settings", "state"] {
            assert_eq!(done(root, path, false, false), Err(FileError::Outside), "{path}");
            assert_eq!(done(root, path, false, true), Err(FileError::Outside), "{path}");
        }
        assert_eq!(fs::read_to_string(root.join("state/record")).unwrap(), "record");
        assert!(!root.join("settings").exists() && !root.join("state/new").exists());
        assert_eq!(done(root, "plain", false, true), Ok(()));
        assert_eq!(done(root, "stately", false, true), Ok(()));
    }

    #[test]
    fn a_link_does_not_lead_to_a_path_that_is_not_granted() {
        let top = tempfile::TempDir::new().unwrap();
        let root = top.path().join("root");
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(root.join("main.rs"), "code").unwrap();
        fs::write(root.join("docs/plain"), "plain").unwrap();
        symlink("../main.rs", root.join("docs/link")).unwrap();
        symlink("..", root.join("docs/up")).unwrap();
        // The granted folder itself may be one.
        symlink(&root, top.path().join("alias")).unwrap();
        for path in ["docs/link", "docs/up/main.rs", "docs/up/new"] {
            for writes in [false, true] {
                assert_eq!(done(&root, path, true, writes), Err(FileError::Outside), "{path}");
            }
        }
        assert_eq!(fs::read_to_string(root.join("main.rs")).unwrap(), "code");
        assert_eq!(done(&root, "docs/link", false, false), Ok(()));
        assert_eq!(done(&top.path().join("alias"), "docs/plain", true, false), Ok(()));
        assert_eq!(done(&root, "docs/new/file", true, true), Ok(()));
    }
}
