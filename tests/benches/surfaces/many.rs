//! Many connections that listen to server-sent events, read by one thread that only counts them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
    mark: Matcher<'static>,
    last: Matcher<'static>,
    seen: u64,
    done: bool,
}

/// Finds bytes in a stream, also where they are cut in two. They repeat nothing of their beginning but its first.
struct Matcher<'b> {
    wanted: &'b [u8],
    matched: usize,
}

impl Matcher<'_> {
    fn ends_with(&mut self, byte: u8) -> bool {
        if byte == self.wanted[self.matched] {
            self.matched += 1;
        } else {
            self.matched = usize::from(byte == self.wanted[0]);
        }
        let is_whole = self.matched == self.wanted.len();
        if is_whole {
            self.matched = 0;
        }
        is_whole
    }
}

impl Many {
    /// So many that listen to everything after a cursor.
    pub(crate) fn listen(daemon: &HttpDaemon, count: usize, after: &str) -> Result<Self, Failed> {
        let address = daemon.endpoint["http"]
            .as_str()
            .and_then(|url| url.strip_prefix("http://"))
            .ok_or("no address")?;
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
            let mark = Matcher { wanted: MARK, matched: 0 };
            let last = Matcher { wanted: LAST.as_bytes(), matched: 0 };
            streams.push(Listener { stream, mark, last, seen: 0, done: false });
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
        match self.stream.read(buffer) {
            Ok(0) => Err("a stream has ended".into()),
            Ok(count) => {
                self.count(&buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.done {
                return;
            }
            self.seen += u64::from(self.mark.ends_with(byte));
            self.done = self.last.ends_with(byte);
        }
    }
}
