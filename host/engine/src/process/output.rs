//! Reads what a process writes, until every holder of the pipe is gone.
//!
//! Standard output is cut as asked and waits for room in the inbox: then the process is not read, and no byte is lost.
//! Standard error is always read: what the inbox has no room for is only in the tail.

use std::io::ErrorKind;
use std::sync::Arc;

use tokio::net::unix::pipe;
use tokio::sync::watch;

use crate::framing::{ChunkEnd, Framer, Framing};
use crate::inbox::Inbox;
use crate::input::{Chunk, Op};
use crate::limits;
use crate::tail::Tail;

/// Reads standard output to its end.
pub(super) async fn read_stdout(
    op: Op,
    pipe: pipe::Receiver,
    framing: Framing,
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) {
    let mut stream = Stream::new(pipe, supervisor_gone);
    let mut framer = Framer::new(framing);
    let mut worker_over = false;
    while let Some(bytes) = stream.read().await {
        // When the worker is over, reading goes on: a process that cannot write would not end on SIGTERM.
        for (data, end) in if worker_over { Vec::new() } else { framer.push(bytes) } {
            worker_over |= !inbox.stdout(Chunk { op, data, end, dropped: 0 }).await;
        }
    }
    let (data, end) = framer.finish();
    inbox.stdout(Chunk { op, data, end, dropped: 0 }).await;
}

/// Reads standard error to its end, and returns the last of it.
pub(super) async fn read_stderr(
    op: Op,
    pipe: pipe::Receiver,
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) -> String {
    let mut stream = Stream::new(pipe, supervisor_gone);
    let mut tail = Tail::new(limits::STDERR_TAIL_BYTES);
    let mut dropped = 0;
    while let Some(bytes) = stream.read().await {
        tail.push(bytes);
        let length = bytes.len() as u64;
        let chunk = Chunk { op, data: bytes.to_vec(), end: ChunkEnd::Open, dropped };
        dropped = if inbox.stderr(chunk) { 0 } else { dropped + length };
    }
    tail.text()
}

/// One pipe.
struct Stream {
    pipe: pipe::Receiver,
    buffer: Vec<u8>,
    supervisor_gone: watch::Receiver<bool>,
}

impl Stream {
    fn new(pipe: pipe::Receiver, supervisor_gone: watch::Receiver<bool>) -> Self {
        Self { pipe, buffer: vec![0; limits::CHUNK_BYTES as usize], supervisor_gone }
    }

    /// The next bytes; none at the end. When the supervisor is gone, what is in the pipe is all there will be: whoever
    /// still holds the other end does not belong to this process any more.
    async fn read(&mut self) -> Option<&[u8]> {
        let length = loop {
            match self.pipe.try_read(&mut self.buffer) {
                Ok(length) => break length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if *self.supervisor_gone.borrow() {
                        break 0;
                    }
                    let mut gone = self.supervisor_gone.clone();
                    tokio::select! {
                        ready = self.pipe.readable() => if ready.is_err() { break 0 },
                        _ = gone.wait_for(|gone| *gone) => {}
                    }
                }
                Err(_) => break 0,
            }
        };
        (length > 0).then(|| &self.buffer[..length])
    }
}
