//! Reading and writing files below a granted folder. What is read comes inline while it is small, else as a blob.

use omi_kernel::descriptor::Capability;

use super::accesses::Want;
use super::{Actor, Step};
use crate::access::Deferred;
use crate::file_jobs::{Done, Job, Outcome, Work};
use crate::files::{self, FileError};
use crate::input::{Content, FileOutcome, Input, Op, Why};
use crate::limits;
use crate::output::{Part, ReadFile, Scope, WriteFile};
use crate::registration::Bound;

/// What an adapter wants to do with a file.
struct Asked {
    op: Op,
    scope: Scope,
    grant: String,
    path: String,
    operation: &'static str,
    work: Work,
}

/// Why it is not even asked for.
enum Not {
    Refused(Why),
    Failed(FileError),
}

impl Actor {
    pub(super) fn read_file(&mut self, read: ReadFile) -> Step {
        let ReadFile { op, scope, grant, path, offset, max } = read;
        let work = self.check(op, scope).map(|()| Work::Read { offset, max }).map_err(Not::Refused);
        self.file(op, work, |work| Asked { op, scope, grant, path, operation: "read", work })
    }

    pub(super) fn write_file(&mut self, write: WriteFile, parts: &[Part]) -> Step {
        let WriteFile { op, scope, grant, path, mode } = write;
        let content = self.check(op, scope).and_then(|()| self.joined(parts)).map_err(Not::Refused);
        let work = content.and_then(|content| {
            let (bytes, max) = (content.len() as u64, limits::FILE_BYTES);
            let too_large = Not::Failed(FileError::TooLarge { bytes, max });
            if bytes > max { Err(too_large) } else { Ok(Work::Write { content, mode }) }
        });
        self.file(op, work, |work| Asked { op, scope, grant, path, operation: "write", work })
    }

    fn file(&mut self, op: Op, work: Result<Work, Not>, asked: impl FnOnce(Work) -> Asked) -> Step {
        match work.and_then(|work| self.want_file(asked(work))) {
            Ok((want, deferred)) => return self.ask(want, deferred),
            Err(Not::Refused(why)) => self.refuse(op, why),
            Err(Not::Failed(error)) => self.tell(Input::File { op, outcome: FileOutcome::Failed(error) }),
        }
        Ok(())
    }

    fn want_file(&self, asked: Asked) -> Result<(Want, Deferred), Not> {
        let Asked { op, scope, grant, path, operation, work } = asked;
        let denied = |why| match why {
            Why::Denied(reason) => Not::Refused(self.denied(operation, &path, &grant, &reason)),
            other => Not::Refused(other),
        };
        let pattern = self.gate.declared(&grant).map(|declared| declared.pattern.clone());
        let (resource, deferred) = match self.gate.bound(&grant, &Capability::Files) {
            Some(Bound::Files(bound)) => {
                self.goes_on().map_err(Not::Refused)?;
                let root = self.granted_folder(&bound.folder, scope, &grant).map_err(denied)?;
                let path = files::relative(&root, &path).map_err(Not::Failed)?;
                let private = self.runtime.supervisor.private.clone();
                let job = Job { op, scope, root, path: path.clone(), work, private, narrowed: true };
                (path, Deferred::File(job))
            }
            Some(Bound::Process(_) | Bound::Terminal(_) | Bound::Http(_)) | None => {
                let resource = self.gate.unbound(&grant, &Capability::Files, short_resource(path));
                (resource, Deferred::Nothing)
            }
        };
        let covers = pattern.unwrap_or_else(|| resource.clone());
        let capability = Capability::Files;
        Ok((Want { op, scope, grant, capability, operation, resource, covers }, deferred))
    }

    /// What the adapter is told of what became of a file.
    pub(super) fn file_done(&mut self, done: Done) -> Input {
        let Done { op, scope, wanted, result } = done;
        let inline = wanted.filter(|max| *max <= limits::READ_BYTES).unwrap_or(limits::INLINE_BYTES.into());
        self.accesses.closed(op);
        self.files.next(&self.common.inbox, &self.runtime.tokio);
        let outcome = match result {
            Ok(Outcome::Written(bytes)) => FileOutcome::Written(bytes),
            Err(error) => FileOutcome::Failed(error),
            Ok(Outcome::Read(files::ReadFile { bytes, size })) => {
                if bytes.len() as u64 <= inline {
                    FileOutcome::Read { content: Content::Bytes(bytes), size }
                } else if !self.holdings.holds(scope) {
                    // Nothing would ever free a blob for it.
                    return Input::Refused { op, why: Why::Cancelled };
                } else {
                    match self.blobs.keep(scope, bytes) {
                        Ok(blob) => FileOutcome::Read { content: Content::Blob(blob), size },
                        Err(full) => return Input::Refused { op, why: Why::Limit(full.to_string()) },
                    }
                }
            }
        };
        Input::File { op, outcome }
    }
}

/// A resource that is only recorded.
pub(super) fn short_resource(resource: String) -> String {
    crate::text::cut(resource, limits::SHORT_TEXT_BYTES)
}
