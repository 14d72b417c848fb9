//! The two ends of the pipe to a browser, each on a thread of its own.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::chunk::Chunks;
use super::frame::{self, FrameError};

/// Messages that wait to be read or written; then the other side waits.
const QUEUE_MAX: usize = 256;
/// How long the last messages have to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Reads frames of standard input on a thread of its own: a read that never returns must not keep the program from ending.
pub(super) fn read_frames() -> mpsc::Receiver<Result<String, String>> {
    let (sender, frames) = mpsc::channel(QUEUE_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let (frame, ends) = match frame::read(&mut input) {
                Ok(Some(bytes)) => {
                    (String::from_utf8(bytes).map_err(|_| "a message is not UTF-8".to_owned()), false)
                }
                Err(error @ FrameError::TooLong(_)) => (Err(error.to_string()), true),
                Ok(None) | Err(FrameError::Io(_)) => return,
            };
            if sender.blocking_send(frame).is_err() || ends {
                return;
            }
        }
    });
    frames
}

/// The writer of standard output.
pub(super) struct Pipe {
    /// Messages to be written, as their JSON. Once it is full, whoever has something to say waits.
    pub(super) messages: mpsc::Sender<String>,
    /// Nobody reads any more, or everything is written.
    pub(super) closed: watch::Receiver<bool>,
}

impl Pipe {
    /// Writes standard output on a thread of its own.
    pub(super) fn open() -> Self {
        let (messages, mut queue) = mpsc::channel::<String>(QUEUE_MAX);
        let (over, closed) = watch::channel(false);
        std::thread::spawn(move || {
            let (mut chunks, mut output) = (Chunks::default(), std::io::stdout().lock());
            while let Some(message) = queue.blocking_recv() {
                let frames = chunks.frames(message);
                if frames.iter().any(|frame| frame::write(&mut output, frame).is_err()) {
                    break;
                }
            }
            over.send_replace(true);
        });
        Self { messages, closed }
    }

    /// Waits until what was said is written. A browser that does not read it has had its time.
    pub(super) async fn end(self) {
        let Self { messages, mut closed } = self;
        drop(messages);
        let _ = tokio::time::timeout(LAST_WORDS, closed.wait_for(|closed| *closed)).await;
    }
}
