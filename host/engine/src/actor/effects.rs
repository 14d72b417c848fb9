//! What an adapter asks of the host and nobody has to decide about: using what is open, timers, blobs. Each effect is
//! checked (its number, its scope) and then performed, or refused with the reason.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Actor;
use crate::input::{Input, Op, Why};
use crate::output::{Part, Scope};
use crate::stdin::{NotQueued, Piece, Stdin};

/// Milliseconds of a step of ending a process at most: an adapter cannot keep one alive longer.
const GRACE_MS_MAX: u32 = 60_000;

impl Actor {
    pub(super) fn write_stdin(&mut self, process: Op, parts: &[Part]) {
        let why = match self.stdin(process) {
            None => Some(no_process(process)),
            Some(stdin) => match self.pieces(parts) {
                Err(why) => Some(why),
                Ok(pieces) => stdin.write(pieces).err().map(|why| self.not_queued(why)),
            },
        };
        if let Some(why) = why {
            self.refuse(process, why);
        }
    }

    pub(super) fn close_stdin(&mut self, process: Op) {
        match self.stdin(process) {
            Some(stdin) => stdin.close(),
            None => self.refuse(process, no_process(process)),
        }
    }

    pub(super) fn kill(&mut self, process: Op, grace_ms: u32) {
        let grace = Duration::from_millis(grace_ms.min(GRACE_MS_MAX).into());
        // One that is neither there nor waits may just have ended: its `exited` is on its way.
        if !self.common.processes.end(process, grace) && self.accesses.stdin(process).is_some() {
            self.cancel_access(process);
            // It was recorded for nothing: whoever does that again and again fills the record.
            self.refusals += 1;
        }
    }

    pub(super) fn set_timer(&mut self, op: Op, scope: Scope, after_ms: u32) {
        let set = self.check(op, scope).and_then(|()| {
            let at_ms = self.now_ms().saturating_add(after_ms);
            let set = self.timers.set(op, scope, at_ms);
            if set { Ok(()) } else { Err(Why::Limit("as many timers are set as there may be".to_owned())) }
        });
        if let Err(why) = set {
            self.refuse(op, why);
        }
    }

    pub(super) fn create_blob(&mut self, op: Op, scope: Scope, parts: &[Part]) {
        let created = self.check(op, scope).and_then(|()| self.joined(parts)).and_then(|bytes| {
            let length = u32::try_from(bytes.len()).map_err(|error| Why::Limit(error.to_string()))?;
            let blob = self.blobs.keep(scope, bytes).map_err(|full| Why::Limit(full.to_string()))?;
            Ok(Input::BlobCreated { op, blob, bytes: length })
        });
        match created {
            Ok(input) => self.tell(input),
            Err(why) => self.refuse(op, why),
        }
    }

    /// Checks what every effect has: a fresh number, and a scope that this worker holds.
    pub(super) fn check(&mut self, op: Op, scope: Scope) -> Result<(), Why> {
        if !self.holdings.claim_op(op) {
            return Err(Why::Unknown(format!("the op {op} was used before")));
        }
        if !self.holdings.holds(scope) {
            return Err(Why::Unknown(format!("this worker does not hold {}", describe(scope))));
        }
        Ok(())
    }

    /// The standard input of a process that runs, or waits to be started.
    fn stdin(&self, process: Op) -> Option<Stdin> {
        self.common.processes.stdin(process).or_else(|| self.accesses.stdin(process))
    }

    /// The bytes that an adapter hands over, in one.
    pub(super) fn joined(&self, parts: &[Part]) -> Result<Vec<u8>, Why> {
        let pieces = self.pieces(parts)?;
        let (bytes, max) = (length(&pieces), self.runtime.limits.blob_bytes);
        if bytes > max as usize {
            return Err(Why::Limit(format!("{bytes} bytes in one: a worker hands over {max} at most")));
        }
        Ok(joined(pieces))
    }

    fn pieces(&self, parts: &[Part]) -> Result<Vec<Piece>, Why> {
        let blob = |blob: u32| {
            self.blobs.get(blob).ok_or_else(|| Why::Unknown(format!("this worker has no blob {blob}")))
        };
        let piece = |part: &Part| match part {
            Part::Bytes(bytes) => Ok(Piece::Bytes(bytes.clone())),
            Part::Blob(number) => blob(*number).map(Piece::Blob),
            Part::BlobAsBase64(number) => blob(*number).map(Piece::BlobAsBase64),
        };
        parts.iter().map(piece).collect()
    }

    fn not_queued(&self, why: NotQueued) -> Why {
        match why {
            NotQueued::WouldBlock => Why::WouldBlock,
            NotQueued::TooLarge => {
                let max = self.runtime.limits.stdin_queue_bytes;
                Why::Limit(format!("one write has {max} bytes at most; hint: put the bytes into a blob"))
            }
            NotQueued::Closed => Why::Failed("the process takes no more input".to_owned()),
        }
    }
}

fn no_process(op: Op) -> Why {
    Why::Unknown(format!("this worker has no process {op}"))
}

fn describe(scope: Scope) -> String {
    match scope {
        Scope::Worker => "itself".to_owned(),
        Scope::Binding(number) => format!("a binding {number}"),
        Scope::Attempt(number) => format!("an attempt {number}"),
    }
}

/// Bytes of all pieces together. One blob can be named in many.
fn length(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::bytes).fold(0, usize::saturating_add)
}

fn joined(pieces: Vec<Piece>) -> Vec<u8> {
    let mut joined = Vec::with_capacity(length(&pieces));
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => joined.extend(bytes),
            Piece::Blob(bytes) => joined.extend_from_slice(&bytes),
            Piece::BlobAsBase64(bytes) => joined.extend(STANDARD.encode(&bytes[..]).into_bytes()),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::blobs::Counted;

    #[test]
    fn the_length_is_known_before_anything_is_joined() {
        let blob = Arc::new(Counted::new(vec![7; 1_000], &Arc::default()));
        let pieces =
            || vec![Piece::Bytes(vec![1; 5]), Piece::Blob(blob.clone()), Piece::BlobAsBase64(blob.clone())];
        assert_eq!(length(&pieces()), joined(pieces()).len());
        let many = (0..100_000).map(|_| Piece::BlobAsBase64(Arc::clone(&blob))).collect::<Vec<_>>();
        assert_eq!(length(&many), 100_000 * 1_336);
    }
}
