//! What waits to be written to one process. Bounded: a process that does not read never holds up its worker.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use crate::blobs::Bytes;
use crate::inbox::{Inbox, Item};
use crate::input::{ClosedWhy, Input, Op};
use crate::lock::lock;

/// Bytes written at once. A multiple of three, so that pieces of base64 join without padding.
const SLICE_BYTES: usize = 48 * 1024;
/// What a piece costs of the queue besides its own bytes. A blob costs no more: its bytes are counted with the blobs.
const PIECE_COST: usize = 64;

/// Something to write.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes of the adapter.
    Bytes(Vec<u8>),
    /// Bytes that the host keeps.
    Blob(Bytes),
    /// Bytes that the host keeps, as base64.
    BlobAsBase64(Bytes),
}

impl Piece {
    /// Bytes that are written for it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Blob(bytes) => bytes.len(),
            Self::BlobAsBase64(bytes) => bytes.len().div_ceil(3) * 4,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len() + PIECE_COST,
            Self::Blob(_) | Self::BlobAsBase64(_) => PIECE_COST,
        }
    }

    /// The next bytes to write after `done` bytes of the source, and how many bytes of the source they are.
    fn slice(&self, done: usize) -> Option<(Vec<u8>, usize)> {
        let source: &[u8] = match self {
            Self::Bytes(bytes) => bytes,
            Self::Blob(bytes) | Self::BlobAsBase64(bytes) => bytes,
        };
        let slice = &source[done..source.len().min(done + SLICE_BYTES)];
        let written = match self {
            Self::Bytes(_) | Self::Blob(_) => slice.to_vec(),
            Self::BlobAsBase64(_) => STANDARD.encode(slice).into_bytes(),
        };
        (!slice.is_empty()).then_some((written, slice.len()))
    }
}

/// Why something was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotQueued {
    /// There is no room at the moment.
    WouldBlock,
    /// It would never fit.
    TooLarge,
    /// The process takes no more input.
    Closed,
}

/// The standard input of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stdin(Arc<Shared>);

struct Shared {
    op: Op,
    cost_max: usize,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    cost: usize,
    /// Bytes that wait, base64 counted as written.
    bytes: usize,
    /// A write was refused: say when there is room.
    starved: bool,
    /// Nothing more is queued; what is there is written.
    closing: bool,
    /// Nothing more is written, and why.
    abandoned: Option<ClosedWhy>,
}

impl Stdin {
    /// The queue of the process `op`.
    pub(crate) fn new(op: Op, cost_max: u32) -> Self {
        Self(Arc::new(Shared {
            op,
            cost_max: cost_max as usize,
            queue: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Queues all pieces or none.
    pub(crate) fn write(&self, pieces: Vec<Piece>) -> Result<(), NotQueued> {
        let cost: usize = pieces.iter().map(Piece::cost).sum();
        let mut queue = lock(&self.0.queue);
        if queue.closing || queue.abandoned.is_some() {
            return Err(NotQueued::Closed);
        }
        if cost > self.0.cost_max {
            return Err(NotQueued::TooLarge);
        }
        if queue.cost + cost > self.0.cost_max {
            queue.starved = true;
            return Err(NotQueued::WouldBlock);
        }
        queue.cost += cost;
        queue.bytes += pieces.iter().map(Piece::bytes).sum::<usize>();
        queue.pieces.extend(pieces);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Closes it after what is queued was written.
    pub(crate) fn close(&self) {
        lock(&self.0.queue).closing = true;
        self.0.changed.notify_one();
    }

    /// Closes it at once, losing what is queued.
    pub(crate) fn abandon(&self, why: ClosedWhy) {
        lock(&self.0.queue).abandoned.get_or_insert(why);
        self.0.changed.notify_one();
    }

    /// Writes what is queued until it is closed, and reports how far it has come.
    pub(crate) async fn run(self, mut pipe: pipe::Sender, inbox: Arc<Inbox>) {
        let mut accepted = 0;
        let why = loop {
            let piece = match self.next().await {
                Next::Piece(piece) => piece,
                Next::Closed(why) => break why,
            };
            let written = tokio::select! {
                written = self.write_piece(&mut pipe, &piece) => written,
                why = self.abandoned() => Err(why),
            };
            match written {
                Ok(bytes) => accepted += bytes,
                Err(why) => break why,
            }
            if let Some(queued) = self.finished(&piece) {
                inbox.tell(Item::Input(Input::StdinProgress {
                    op: self.0.op,
                    accepted: saturate(std::mem::take(&mut accepted)),
                    queued: saturate(queued),
                }));
            }
        };
        drop(pipe);
        let lost = self.end(why);
        inbox.tell(Item::Input(Input::StdinClosed { op: self.0.op, why, lost: saturate(lost) }));
    }

    async fn next(&self) -> Next {
        loop {
            {
                let mut queue = lock(&self.0.queue);
                if let Some(why) = queue.abandoned {
                    return Next::Closed(why);
                }
                if let Some(piece) = queue.pieces.pop_front() {
                    return Next::Piece(piece);
                }
                if queue.closing {
                    return Next::Closed(ClosedWhy::Requested);
                }
            }
            self.0.changed.notified().await;
        }
    }

    async fn abandoned(&self) -> ClosedWhy {
        loop {
            if let Some(why) = lock(&self.0.queue).abandoned {
                return why;
            }
            self.0.changed.notified().await;
        }
    }

    /// Writes one piece; returns its bytes. Whatever a pipe says, it means that nobody reads any more.
    async fn write_piece(&self, pipe: &mut pipe::Sender, piece: &Piece) -> Result<usize, ClosedWhy> {
        let mut done = 0;
        while let Some((bytes, of_source)) = piece.slice(done) {
            for part in bytes.chunks(SLICE_BYTES) {
                pipe.write_all(part).await.map_err(|_| ClosedWhy::BrokenPipe)?;
                lock(&self.0.queue).bytes -= part.len();
            }
            done += of_source;
        }
        Ok(piece.bytes())
    }

    /// Counts a piece as written; says how many bytes wait if the adapter is to be told.
    fn finished(&self, piece: &Piece) -> Option<usize> {
        let mut queue = lock(&self.0.queue);
        queue.cost -= piece.cost();
        let has_room = queue.starved && queue.cost <= self.0.cost_max / 2;
        let tell = has_room || queue.pieces.is_empty();
        if tell {
            queue.starved = false;
        }
        tell.then_some(queue.bytes)
    }

    fn end(&self, why: ClosedWhy) -> usize {
        let mut queue = lock(&self.0.queue);
        queue.abandoned.get_or_insert(why);
        queue.pieces.clear();
        std::mem::take(&mut queue.bytes)
    }
}

enum Next {
    Piece(Piece),
    Closed(ClosedWhy),
}

fn saturate(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::Counted;

    fn blob(bytes: Vec<u8>) -> Bytes {
        Arc::new(Counted::new(bytes, &Arc::default()))
    }

    #[test]
    fn base64_in_slices_is_base64_of_the_whole() {
        let bytes: Vec<u8> = (0..SLICE_BYTES * 2 + 100).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let piece = Piece::BlobAsBase64(blob(bytes.clone()));
        let (mut text, mut done) = (Vec::new(), 0);
        while let Some((slice, of_source)) = piece.slice(done) {
            text.extend(slice);
            done += of_source;
        }
        assert_eq!(text.len(), piece.bytes());
        assert_eq!(STANDARD.decode(text).unwrap(), bytes);
    }

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_says_so() {
        let stdin = Stdin::new(1, 1000);
        assert_eq!(stdin.write(vec![Piece::Bytes(vec![0; 2000])]), Err(NotQueued::TooLarge));
        assert_eq!(stdin.write(vec![Piece::Bytes(vec![0; 600])]), Ok(()));
        assert_eq!(stdin.write(vec![Piece::Bytes(vec![0; 600])]), Err(NotQueued::WouldBlock));
        assert_eq!(stdin.write(vec![Piece::Blob(blob(vec![0; 5000]))]), Ok(()));
        stdin.close();
        assert_eq!(stdin.write(vec![Piece::Bytes(vec![0; 1])]), Err(NotQueued::Closed));
    }
}
