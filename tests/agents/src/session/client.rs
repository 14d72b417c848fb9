//! What the agent has its client do for it, and what it tries to do by itself.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Ended, Session, Step};
use crate::peer::{Answer, Peer};

/// What is left of the turn when the client could not do something.
type Asked<T> = Result<T, Step>;

impl Session {
    /// A line of the answer.
    pub(super) fn tell(&self, peer: &Peer, text: &str) -> Step {
        self.say(peer, "agent_message_chunk", &format!("{text}\n"));
        Step::Next
    }

    pub(super) fn environment(&self, peer: &Peer, name: &str) -> Step {
        let value = std::env::var_os(name);
        match value {
            Some(value) => self.tell(peer, &format!("{name}={}", value.to_string_lossy())),
            None => self.tell(peer, &format!("{name} is not set")),
        }
    }

    pub(super) fn put(&self, peer: &Peer, file: &str, text: &str) -> Step {
        match std::fs::write(self.folder.join(file), text) {
            Ok(()) => self.tell(peer, &format!("{file}: put {} bytes", text.len())),
            Err(error) => self.tell(peer, &format!("{file}: {error}")),
        }
    }

    pub(super) fn tty(&self, peer: &Peer, text: &str) -> Step {
        let tty = std::fs::File::options().write(true).open("/dev/tty");
        match tty.and_then(|mut tty| writeln!(tty, "{text}")) {
            Ok(()) => self.tell(peer, "/dev/tty: written"),
            Err(error) => self.tell(peer, &format!("/dev/tty: {error}")),
        }
    }

    pub(super) fn fs_read(&self, peer: &mut Peer, file: &str) -> Step {
        let read = self.request(peer, file, "fs/read_text_file", &json!({ "path": self.folder.join(file) }));
        match read {
            Ok(read) => {
                self.tell(peer, &format!("{file} says: {}", read["content"].as_str().unwrap_or_default()))
            }
            Err(step) => step,
        }
    }

    pub(super) fn fs_write(&self, peer: &mut Peer, file: &str, text: &str) -> Step {
        let params = json!({ "path": self.folder.join(file), "content": text });
        match self.request(peer, file, "fs/write_text_file", &params) {
            Ok(_) => self.tell(peer, &format!("{file}: wrote {} bytes", text.len())),
            Err(step) => step,
        }
    }

    pub(super) fn start(&self, peer: &mut Peer, words: &[&str]) -> Step {
        match self.create(peer, words) {
            Ok(terminal) => {
                let name = terminal.as_str().unwrap_or_default();
                self.tell(peer, &format!("{}: runs as {name}", words.join(" ")))
            }
            Err(step) => step,
        }
    }

    pub(super) fn terminal(&self, peer: &mut Peer, words: &[&str]) -> Step {
        match self.run(peer, words) {
            Ok((output, exit)) => {
                let output = output["output"].as_str().unwrap_or_default();
                self.tell(peer, &format!("{} ended with {exit}: {output}", words.join(" ")))
            }
            Err(step) => step,
        }
    }

    /// Runs a program to its end: what it wrote, and how it ended.
    fn run(&self, peer: &mut Peer, words: &[&str]) -> Asked<(Value, Value)> {
        let what = words.join(" ");
        let terminal = json!({ "terminalId": self.create(peer, words)? });
        let exit = self.request(peer, &what, "terminal/wait_for_exit", &terminal)?;
        let output = self.request(peer, &what, "terminal/output", &terminal)?;
        self.request(peer, &what, "terminal/release", &terminal)?;
        Ok((output, exit))
    }

    fn create(&self, peer: &mut Peer, words: &[&str]) -> Asked<Value> {
        let (command, args) = words.split_first().unwrap_or((&"", &[]));
        let params = json!({ "command": command, "args": args, "cwd": self.folder });
        Ok(self.request(peer, &words.join(" "), "terminal/create", &params)?["terminalId"].clone())
    }

    /// Asks the client; an error is said, and ends only the instruction.
    fn request(&self, peer: &mut Peer, what: &str, method: &str, params: &Value) -> Asked<Value> {
        let mut params = params.clone();
        params["sessionId"] = self.name.clone().into();
        let Ok(Answer { result, cancelled }) = peer.ask(method, &params, &self.name) else {
            return Err(Step::Stop(Ended::Gone));
        };
        if let Err(error) = &result {
            let message = error["message"].as_str().unwrap_or_default();
            self.tell(peer, &format!("{what}: error {}: {message}", error["code"]));
        }
        match result {
            _ if cancelled => Err(Step::Stop(Ended::Cancelled)),
            Ok(result) => Ok(result),
            Err(_) => Err(Step::Next),
        }
    }
}
