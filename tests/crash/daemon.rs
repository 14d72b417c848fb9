//! A daemon that is written to and read line by line, until it is killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use omi_tests::world::{PATIENCE, World};
use serde_json::Value;

/// `omi-agentd serve --stdio`. It is killed when this is dropped.
pub(super) struct Daemon {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    log: PathBuf,
}

impl Daemon {
    pub(super) fn start(world: &World) -> Self {
        let log = world.path("daemon.log");
        let mut command = world.command(&["serve", "--stdio"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).expect("a log"));
        let mut child = command.spawn().expect("the daemon starts");
        let messages = read(child.stdout.take().expect("stdout is a pipe"));
        Self { stdin: child.stdin.take(), child, messages, log }
    }

    pub(super) fn send(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().expect("it is written to until it is told to end");
        if let Err(error) = writeln!(stdin, "{message}").and_then(|()| stdin.flush()) {
            panic!("the daemon does not read any more: {error}\n{}", self.log());
        }
    }

    /// The next message, if one comes in time.
    pub(super) fn next(&self, within: Duration) -> Option<Value> {
        match self.messages.recv_timeout(within) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the daemon has ended by itself\n{}", self.log()),
        }
    }

    /// Kills it. What it had said before counts as said.
    pub(super) fn kill(mut self) -> Vec<Value> {
        self.child.kill().expect("the daemon can be killed");
        self.child.wait().expect("the daemon can be waited for");
        self.last_words()
    }

    /// Has it end in order.
    pub(super) fn stop(mut self) -> Vec<Value> {
        drop(self.stdin.take());
        let last_words = self.last_words();
        let status = self.child.wait().expect("the daemon can be waited for");
        assert!(status.success(), "the daemon ended with {status}\n{}", self.log());
        last_words
    }

    fn last_words(&self) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        loop {
            match self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => said.push(message),
                Err(RecvTimeoutError::Disconnected) => return said,
                Err(RecvTimeoutError::Timeout) => panic!("its output does not end\n{}", self.log()),
            }
        }
    }

    /// What it logged.
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages on a thread. A line that the kill cut off was never said.
fn read(stdout: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        let mut out = BufReader::new(stdout);
        let mut line = Vec::new();
        while out.read_until(b'\n', &mut line).is_ok() && line.ends_with(b"\n") {
            let message = serde_json::from_slice(&line).expect("every line is a message");
            if sender.send(message).is_err() {
                return;
            }
            line.clear();
        }
    });
    messages
}

/// The command lines of the processes that belong to a world: the daemon, its supervisors, its agents.
pub(super) fn processes(world: &World) -> Vec<String> {
    let marker = world.path("").display().to_string();
    command_lines().into_iter().filter(|line| line.contains(&marker)).collect()
}

/// The command lines of all processes. One that has ended and is not buried yet has none.
#[cfg(target_os = "linux")]
fn command_lines() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("the processes can be listed").flatten();
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    entries.filter_map(line).map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

/// The command lines of all processes.
#[cfg(not(target_os = "linux"))]
fn command_lines() -> Vec<String> {
    let mut command = std::process::Command::new("ps");
    let listed = command.args(["-A", "-ww", "-o", "command="]).output().expect("the processes can be listed");
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}
