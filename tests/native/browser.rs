//! The browser's end of native messaging: frames to and from a program that it has started.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use omi_tests::world::{PATIENCE, World, eventually};
use serde_json::{Value, json};

/// Bytes of one frame beyond which a browser ends the host.
pub(crate) const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// The id of the extension of these tests.
pub(crate) const ID: &str = "abcdefghijklmnopabcdefghijklmnop";
/// Its origin.
pub(crate) const ORIGIN: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop/";

/// An extension that is connected.
pub(crate) struct Extension {
    child: Child,
    stdin: Option<ChildStdin>,
    frames: Receiver<Vec<u8>>,
    stderr: Option<JoinHandle<String>>,
    /// The pieces of a message that is not whole yet.
    pieces: String,
    /// What was heard and not waited for yet.
    heard: Vec<Value>,
    longest: usize,
}

impl Extension {
    /// Has the program started for the extension of these tests.
    pub(crate) fn connect(world: &World) -> Self {
        Self::start(&mut world.command(&["native-host", "--allow", ID, "--", ORIGIN]))
    }

    /// Has a program started.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut output = child.stdout.take().expect("a pipe");
        let mut error = child.stderr.take().expect("a pipe");
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            let mut length = [0; 4];
            while output.read_exact(&mut length).is_ok() {
                let mut frame = vec![0; u32::from_ne_bytes(length) as usize];
                output.read_exact(&mut frame).expect("a whole frame");
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            error.read_to_string(&mut text).expect("text");
            text
        });
        Self {
            stdin: child.stdin.take(),
            child,
            frames,
            stderr: Some(stderr),
            pieces: String::new(),
            heard: Vec::new(),
            longest: 0,
        }
    }

    /// Sends bytes as they are. A host that has ended does not read them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().expect("connected").write_all(bytes);
    }

    /// Sends a frame.
    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        self.bytes(&u32::try_from(bytes.len()).expect("a frame").to_ne_bytes());
        self.bytes(bytes);
    }

    /// Sends a message.
    pub(crate) fn ask(&mut self, kind: &str, request: &str, fields: &Value) {
        let mut message =
            json!({ "type": kind, "protocolVersion": 2, "requestId": request, "clientId": "extension" });
        message.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        self.frame(message.to_string().as_bytes());
    }

    /// Waits for a message of a kind to a request; none is named by an empty one. The one before is not found again.
    pub(crate) fn hear(&mut self, kind: &str, request: &str) -> Value {
        let is = |message: &Value| {
            message["type"] == kind && message["requestId"].as_str().unwrap_or_default() == request
        };
        if let Some(at) = self.heard.iter().position(is) {
            return self.heard.remove(at);
        }
        loop {
            let message = self.next().unwrap_or_else(|| panic!("no `{kind}` in {:?}", self.heard));
            if is(&message) {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// The next message.
    pub(crate) fn message(&mut self) -> Value {
        self.next().expect("the host goes on")
    }

    /// What was heard and not waited for.
    pub(crate) fn heard(&self) -> &[Value] {
        &self.heard
    }

    /// How many such messages were heard and not waited for.
    pub(crate) fn count(&self, kind: &str, request: &str) -> usize {
        self.heard.iter().filter(|message| message["type"] == kind && message["requestId"] == request).count()
    }

    /// The next message, joined where it was cut.
    fn next(&mut self) -> Option<Value> {
        loop {
            let frame = self.frames.recv_timeout(PATIENCE).ok()?;
            self.longest = self.longest.max(frame.len());
            let message: Value = serde_json::from_slice(&frame).expect("JSON");
            if message["type"] != "chunk" {
                assert!(self.pieces.is_empty(), "nothing is said between the pieces of a message");
                return Some(message);
            }
            assert_eq!(message["index"] == 0, self.pieces.is_empty());
            self.pieces.push_str(message["data"].as_str().expect("text"));
            if message["last"] == true {
                return serde_json::from_str(&std::mem::take(&mut self.pieces)).expect("JSON");
            }
        }
    }

    /// Bytes of the longest frame so far.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Closes its end, and waits for the program's: its exit code and its standard error.
    pub(crate) fn disconnect(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        self.ended()
    }

    /// Waits for the program's end: its exit code and its standard error.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        let stderr = self.stderr.take().expect("once").join().expect("read");
        (status.and_then(|status| status.code()), stderr)
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until no process has the home folder of a world.
pub(crate) fn nothing_is_left_of(world: &World) {
    let home = format!("HOME={}", world.path("home").display());
    eventually("nothing is left", || {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        !processes.into_iter().any(|process| {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|one| one == home.as_bytes())
        })
    });
}
