//! A stream to a client that may read slowly, and not never: whoever takes nothing for too long is gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may take nothing of what is written to it. One that reads an event a second takes more in that time
/// than the system keeps for it; one that comes later comes again with its cursor.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_mins(5);

/// A stream that fails once nothing could be written to it for too long.
pub(super) struct Patient<S> {
    stream: S,
    /// Until when it is waited for, while something waits to be written.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    /// A stream with patience.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, waits: None }
    }

    /// What came of a try to write; an error where that waits for too long.
    fn tried<T>(&mut self, context: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.waits = None;
            return tried;
        }
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(WRITE_PATIENCE)));
        ready!(waits.as_mut().poll(context));
        // Asked once more, it fails again after a time, and does not panic.
        waits.as_mut().reset(Instant::now() + WRITE_PATIENCE);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.tried(context, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.tried(context, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_reads_now_and_then_is_waited_for_and_who_reads_nothing_is_gone() {
        let (here, mut there) = duplex(1);
        let mut patient = Patient::new(here);
        patient.write_all(b"a").await.unwrap();
        let slow = tokio::spawn(async move {
            for _ in 0..3 {
                sleep(WRITE_PATIENCE.mul_f32(0.9)).await;
                there.read_u8().await.unwrap();
            }
            there
        });
        patient.write_all(b"bcd").await.unwrap();
        let _there = slow.await.unwrap();
        let begun = Instant::now();
        assert_eq!(patient.write_all(b"e").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), WRITE_PATIENCE);
    }
}
