//! The two ends of the pipe, each on a thread of its own.

use std::io::BufRead as _;

use tokio::sync::{mpsc, watch};

use crate::terminal;
use crate::wire::Outbound;

/// Bytes of one line: a prompt with a picture in it.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Messages that wait to be read or written; then the other side waits.
const QUEUE_MAX: usize = 256;

/// Reads standard input on a thread of its own: a read that never returns must not keep the program from ending.
pub(super) fn read_lines() -> mpsc::Receiver<Result<String, String>> {
    let (sender, lines) = mpsc::channel(QUEUE_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = std::io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let too_long = u64::try_from(line.len()).is_ok_and(|length| length >= LINE_BYTES_MAX);
            let line = match read {
                Ok(0) | Err(_) => return,
                Ok(_) if too_long => Err(format!(
                    "a line has more than {LINE_BYTES_MAX} bytes; it cannot be read on from here"
                )),
                Ok(_) => String::from_utf8(line).map_err(|_| "a line is not UTF-8".to_owned()),
            };
            if sender.blocking_send(line).is_err() || too_long {
                return;
            }
        }
    });
    lines
}

/// The writer of standard output.
pub(super) struct Out {
    /// What is to be written. Once it is full, whoever has something to say waits.
    pub(super) messages: mpsc::Sender<Outbound>,
    /// Nobody reads any more.
    pub(super) closed: watch::Receiver<bool>,
}

/// Writes standard output on a thread of its own.
pub(super) fn write_messages() -> Out {
    let (messages, mut queue) = mpsc::channel::<Outbound>(QUEUE_MAX);
    let (gone, closed) = watch::channel(false);
    std::thread::spawn(move || {
        while let Some(message) = queue.blocking_recv() {
            if !terminal::print(&format!("{message}\n")) {
                gone.send_replace(true);
                return;
            }
        }
    });
    Out { messages, closed }
}
