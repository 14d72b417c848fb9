//! Many connections that listen to server-sent events, read by one thread that only counts them: it shares
//! the machine with the daemon, so that what it takes itself has to be little.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use memchr::memmem;
use omi_tests::world::http::HttpDaemon;
use rustix::event::{PollFd, PollFlags, poll};

use crate::Failed;

/// What begins the line that every recorded event has once.
const MARK: &[u8] = b"\nid: ";
/// The request after whose first event nothing more is waited for.
pub(crate) const LAST: &str = "the-last";
/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_mins(2);

/// Connections that listen.
pub(crate) struct Many {
    streams: Vec<Listener>,
    buffer: Vec<u8>,
}

struct Listener {
    stream: TcpStream,
    /// The end of what was read, in which something may begin that is looked for.
    tail: Vec<u8>,
    seen: u64,
    done: bool,
}

impl Many {
    /// So many that listen to everything after a cursor.
    pub(crate) fn listen(daemon: &HttpDaemon, count: usize, after: &str) -> Result<Self, Failed> {
        let address = daemon.address();
        let key = &daemon.key;
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            let mut stream = TcpStream::connect(address)?;
            let request = format!(
                "GET /v1/events{after} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n"
            );
            stream.write_all(request.as_bytes())?;
            // The head says that what comes from now on is heard.
            let mut head = [0; 12];
            stream.read_exact(&mut head)?;
            stream.set_nonblocking(true)?;
            streams.push(Listener { stream, tail: Vec::new(), seen: 0, done: false });
        }
        Ok(Self { streams, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Reads until each has heard of the last request. Answers how many events were heard up to then.
    pub(crate) fn read(&mut self) -> Result<u64, Failed> {
        let deadline = Instant::now() + PATIENCE;
        while self.streams.iter().any(|listener| !listener.done) {
            if Instant::now() > deadline {
                let waiting = self.streams.iter().filter(|listener| !listener.done).count();
                return Err(format!("{waiting} subscribers never heard the last event").into());
            }
            let mut waiting: Vec<PollFd<'_>> =
                self.streams.iter().map(|listener| PollFd::new(&listener.stream, PollFlags::IN)).collect();
            let second = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            poll(&mut waiting, Some(&second))?;
            let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
            for (listener, _) in self.streams.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
                listener.read(&mut self.buffer)?;
            }
        }
        Ok(self.streams.iter().map(|listener| listener.seen).sum())
    }
}

impl Listener {
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Failed> {
        let begin = self.tail.len();
        buffer[..begin].copy_from_slice(&self.tail);
        match self.stream.read(&mut buffer[begin..]) {
            Ok(0) => Err("a stream has ended".into()),
            Ok(count) => {
                self.count(&buffer[..begin + count], begin);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts in what was read, whose first bytes are those of the tail.
    fn count(&mut self, bytes: &[u8], tail: usize) {
        if self.done {
            return;
        }
        let last = memmem::find(bytes, LAST.as_bytes());
        // A whole mark of the tail was counted before.
        let uncounted = &bytes[tail - tail.min(MARK.len() - 1)..last.unwrap_or(bytes.len())];
        self.seen += u64::try_from(memmem::find_iter(uncounted, MARK).count()).unwrap_or(u64::MAX);
        self.done = last.is_some();
        self.tail = bytes[bytes.len() - bytes.len().min(LAST.len() - 1)..].to_vec();
    }
}
