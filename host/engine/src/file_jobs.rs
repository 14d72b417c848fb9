//! Reading and writing files for one worker: one after the other, in the order in which it was allowed, and never on the
//! worker's thread, because a disk may be slow.

use std::collections::VecDeque;
use std::path::PathBuf;
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
    match job.work {
        Work::Read { offset, max } => folder.read(&job.path, offset, max).map(Outcome::Read),
        Work::Write { content, mode } => folder.write(&job.path, &[&content], mode).map(Outcome::Written),
    }
}
