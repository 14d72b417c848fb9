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
    (redactor, mut framer): (Redactor, Framer),
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) {
    let mut stream = Stream::new(pipe, redactor, supervisor_gone);
    let mut worker_over = false;
    while let Some(bytes) = stream.read().await {
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
    redactor: Redactor,
    inbox: Arc<Inbox>,
    supervisor_gone: watch::Receiver<bool>,
) -> String {
    let mut stream = Stream::new(pipe, redactor, supervisor_gone);
    let mut tail = Tail::new(limits::STDERR_TAIL_BYTES);
    let mut dropped = 0;
    while let Some(bytes) = stream.read().await {
        tail.push(&bytes);
        for part in bytes.chunks(limits::CHUNK_BYTES as usize) {
            let chunk = Chunk { op, data: part.to_vec(), end: ChunkEnd::Open, dropped };
            dropped = if inbox.stderr(chunk) { 0 } else { dropped + part.len() as u64 };
        }
    }
    tail.text()
}

/// One pipe, without the secrets that come out of it.
struct Stream {
    pipe: pipe::Receiver,
    buffer: Vec<u8>,
    /// Gone when it has given out what it held back.
    redactor: Option<Redactor>,
    supervisor_gone: watch::Receiver<bool>,
}

impl Stream {
    fn new(pipe: pipe::Receiver, redactor: Redactor, supervisor_gone: watch::Receiver<bool>) -> Self {
        let buffer = vec![0; limits::CHUNK_BYTES as usize];
        Self { pipe, buffer, redactor: Some(redactor), supervisor_gone }
    }

    /// The next bytes that may be seen, which may be none yet; nothing at the end.
    async fn read(&mut self) -> Option<Vec<u8>> {
        let length = self.fill().await;
        if length > 0 {
            return self.redactor.as_mut().map(|redactor| redactor.push(&self.buffer[..length]));
        }
        self.redactor.take().map(|mut redactor| redactor.finish())
    }

    /// Reads into the buffer, and answers how many bytes; 0 at the end. When the supervisor is gone, what is in the pipe is all there will be: whoever
    /// still holds the other end does not belong to this process any more.
    async fn fill(&mut self) -> usize {
        loop {
            match self.pipe.try_read(&mut self.buffer) {
                Ok(length) => return length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if *self.supervisor_gone.borrow() {
                        return 0;
                    }
                    let mut gone = self.supervisor_gone.clone();
                    tokio::select! {
                        ready = self.pipe.readable() => if ready.is_err() { return 0 },
                        _ = gone.wait_for(|gone| *gone) => {}
                    }
                }
                Err(_) => return 0,
            }
        }
    }
}
