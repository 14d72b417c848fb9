//! Reads what a process writes, until every holder of the pipe is gone.
//!
//! Standard output is cut as asked and waits for room in the inbox: then the process is not read, and no byte is lost.
//! Standard error is always read: what the inbox has no room for is only in the tail.

use std::io::ErrorKind;
use std::sync::Arc;

use tokio::net::unix::pipe;
use tokio::sync::watch;

use crate::framing::{ChunkEnd, Framer};
use crate::inbox::Inbox;
use crate::input::{Chunk, Op};
use crate::limits;
use crate::redact::Redactor;
use crate::tail::Tail;

/// Reads standard output to its end. Secrets are taken out before it is cut, so that no cut can hide one.
pub(super) async fn read_stdout(
    op: Op,
    pipe: pipe::Receiver,
    (mut redactor, mut framer): (Redactor, Framer),
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) {
    let mut stream = Stream::new(pipe, supervisor_gone);
    let mut worker_over = false;
    let mut ended = false;
    while !ended {
        let bytes = match stream.read().await {
            Some(bytes) => redactor.push(bytes),
            None => {
                ended = true;
                redactor.finish()
            }
        };
        for part in bytes.chunks(limits::CHUNK_BYTES as usize) {
            // When the worker is over, reading goes on: a process that cannot write would not end on SIGTERM.
            for (data, end) in if worker_over { Vec::new() } else { framer.push(part) } {
                worker_over |= !inbox.stdout(Chunk { op, data, end, dropped: 0 }).await;
            }
        }
    }
    let (data, end) = framer.finish();
    inbox.stdout(Chunk { op, data, end, dropped: 0 }).await;
}

/// Reads standard error to its end, and returns the last of it.
pub(super) async fn read_stderr(
    op: Op,
    pipe: pipe::Receiver,
    mut redactor: Redactor,
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) -> String {
    let mut stream = Stream::new(pipe, supervisor_gone);
    let mut tail = Tail::new(limits::STDERR_TAIL_BYTES);
    let mut dropped = 0;
    let mut ended = false;
    while !ended {
        let bytes = match stream.read().await {
            Some(bytes) => redactor.push(bytes),
            None => {
                ended = true;
                redactor.finish()
            }
        };
        tail.push(&bytes);
        for part in bytes.chunks(limits::CHUNK_BYTES as usize) {
            let chunk = Chunk { op, data: part.to_vec(), end: ChunkEnd::Open, dropped };
            dropped = if inbox.stderr(chunk) { 0 } else { dropped + part.len() as u64 };
        }
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
