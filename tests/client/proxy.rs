//! A way to a daemon that can be cut, and opened again.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A TCP proxy. Its threads end with the test program.
pub(super) struct Proxy {
    /// Where it listens.
    pub(super) address: SocketAddr,
    way: Arc<Mutex<Way>>,
}

/// What goes through it.
#[derive(Default)]
struct Way {
    is_cut: bool,
    /// How many connections it refused while it was cut.
    refused: usize,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Starts one to an address.
    pub(super) fn start(to: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Self { address: listener.local_addr().expect("an address"), way: Arc::default() };
        let way = Arc::clone(&proxy.way);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut way = lock(&way);
                if way.is_cut {
                    // It is closed by being dropped.
                    way.refused += 1;
                    continue;
                }
                let daemon = TcpStream::connect(&to).expect("the daemon listens");
                for (from, to) in [(&client, &daemon), (&daemon, &client)] {
                    let (mut from, mut to) = (another(from), another(to));
                    std::thread::spawn(move || {
                        // Whoever closes closes both.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                way.streams.extend([client, daemon]);
            }
        });
        proxy
    }

    /// Breaks every connection, and lets no other through.
    pub(super) fn cut(&self) {
        let mut way = lock(&self.way);
        way.is_cut = true;
        for stream in way.streams.drain(..) {
            // One that its client has left is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many connections were refused.
    pub(super) fn refused(&self) -> usize {
        lock(&self.way).refused
    }

    /// Lets connections through again.
    pub(super) fn open(&self) {
        lock(&self.way).is_cut = false;
    }
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

fn another(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("another of the same stream")
}
