//! One session: a folder to work in, and turns that do what they are told.

mod client;
mod odd;
mod tools;

use std::cell::RefCell;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::peer::{Answer, Peer};

/// Between two words: long enough to be seen streaming, short enough not to be waited for.
const WORD: Duration = Duration::from_millis(15);

/// One session.
pub(crate) struct Session {
    pub(crate) name: String,
    folder: PathBuf,
    /// The MCP servers that the client named, and the first of them once it is started.
    servers: Vec<Value>,
    server: RefCell<Option<tools::Server>>,
}

/// How a turn ended.
pub(crate) enum Ended {
    Done,
    Cancelled,
    /// The other side is gone.
    Gone,
}

/// What one instruction came to.
enum Step {
    Next,
    Stop(Ended),
}

impl Session {
    pub(crate) fn new(name: &str, params: &Value) -> Self {
        Self {
            name: name.to_owned(),
            folder: PathBuf::from(params["cwd"].as_str().unwrap_or_default()),
            servers: params["mcpServers"].as_array().cloned().unwrap_or_default(),
            server: RefCell::new(None),
        }
    }

    /// Does what the prompt says, line by line.
    pub(crate) fn turn(&self, peer: &mut Peer, blocks: &[Value], offered: &Value) -> Ended {
        let mut number = 0;
        for block in blocks {
            if block["type"] == "image" {
                let size = block["data"].as_str().map_or(0, str::len);
                self.say(peer, "agent_message_chunk", &format!("[a picture, {size} characters of base64]\n"));
            }
            for line in block["text"].as_str().unwrap_or_default().lines() {
                number += 1;
                match self.instruction(peer, line.trim(), number, offered) {
                    Step::Next => {}
                    Step::Stop(ended) => return ended,
                }
            }
        }
        Ended::Done
    }

    fn instruction(&self, peer: &mut Peer, line: &str, number: u32, offered: &Value) -> Step {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (file, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "" => Step::Next,
            "say" => self.stream(peer, rest),
            "think" => {
                self.say(peer, "agent_thought_chunk", rest);
                Step::Next
            }
            "stream" => self.words(peer, file, text),
            "read" => self.read(peer, rest, number),
            "write" => self.write(peer, file, text, number),
            "slow" => self.until_cancelled(peer, |session, peer, count| {
                session.say(peer, "agent_message_chunk", &format!("tick {count} "));
            }),
            "work" => self.until_cancelled(peer, |session, _, count| session.append(rest, count)),
            "cost" => {
                let cost = json!({ "amount": rest.parse::<f64>().unwrap_or_default(), "currency": "USD" });
                let update = json!({ "sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": cost });
                self.update(peer, &update);
                Step::Next
            }
            "exit" => std::process::exit(9),
            "offered" => self.tell(peer, &offered.to_string()),
            "env" => self.environment(peer, rest),
            "put" => self.put(peer, file, text),
            "tty" => self.tty(peer, rest),
            "fs-read" => self.fs_read(peer, rest),
            "fs-write" => self.fs_write(peer, file, text),
            "terminal" => self.terminal(peer, &rest.split_whitespace().collect::<Vec<_>>()),
            "shell" => self.terminal(peer, &["sh", "-c", rest]),
            "tools" => self.tools(peer),
            "call" => self.call_tool(peer, file, text),
            "reached" => self.how_reached(peer),
            "start" => self.start(peer, &rest.split_whitespace().collect::<Vec<_>>()),
            "flood" | "big" | "noise" | "unknown" | "question" | "orphan" => self.misbehave(peer, verb, rest),
            _ => self.stream(peer, &format!("I have no model; I only know say, read, write. Not: {line}")),
        }
    }

    /// So many words, at a rate, whatever anybody says meanwhile.
    fn words(&self, peer: &Peer, count: &str, rate: &str) -> Step {
        let began = std::time::Instant::now();
        let rate: Option<f64> = rate.parse().ok();
        for number in 0..count.parse::<u32>().unwrap_or_default() {
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64(f64::from(number) / rate);
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
            self.say(peer, "agent_message_chunk", &format!("word{number} "));
        }
        Step::Next
    }

    pub(crate) fn say(&self, peer: &Peer, kind: &str, text: &str) {
        self.update(peer, &json!({ "sessionUpdate": kind, "content": { "type": "text", "text": text } }));
    }

    fn update(&self, peer: &Peer, update: &Value) {
        peer.notify("session/update", &json!({ "sessionId": self.name, "update": update }));
    }

    fn stream(&self, peer: &mut Peer, text: &str) -> Step {
        for word in text.split_inclusive(' ') {
            self.say(peer, "agent_message_chunk", word);
            match peer.cancelled(&self.name, WORD) {
                Ok(true) => return Step::Stop(Ended::Cancelled),
                Ok(false) => {}
                Err(()) => return Step::Stop(Ended::Gone),
            }
        }
        Step::Next
    }

    fn until_cancelled(&self, peer: &mut Peer, mut step: impl FnMut(&Self, &Peer, u32)) -> Step {
        for count in 1.. {
            step(self, peer, count);
            match peer.cancelled(&self.name, WORD) {
                Ok(true) => return Step::Stop(Ended::Cancelled),
                Ok(false) => {}
                Err(()) => return Step::Stop(Ended::Gone),
            }
        }
        Step::Next
    }

    fn append(&self, file: &str, count: u32) {
        let file = std::fs::File::options().create(true).append(true).open(self.folder.join(file));
        // Whoever watches the file sees that nothing is added.
        let _ = file.and_then(|mut file| writeln!(file, "{count}"));
    }

    fn read(&self, peer: &Peer, file: &str, number: u32) -> Step {
        let call = format!("call-{number}");
        self.announce(peer, &call, "read", &format!("Read {file}"), &json!({ "path": file }));
        match std::fs::read_to_string(self.folder.join(file)) {
            Ok(text) => {
                self.end_call(peer, &call, "completed", &text);
                self.say(peer, "agent_message_chunk", &format!("{file} says: {text}\n"));
            }
            Err(error) => self.end_call(peer, &call, "failed", &format!("{file}: {error}")),
        }
        Step::Next
    }

    fn write(&self, peer: &mut Peer, file: &str, text: &str, number: u32) -> Step {
        let call = format!("call-{number}");
        let title = format!("Write {file}");
        self.announce(peer, &call, "edit", &title, &json!({ "path": file, "content": text }));
        let options = json!([
            { "optionId": "allow", "name": "Allow", "kind": "allow_once" },
            { "optionId": "reject", "name": "Reject", "kind": "reject_once" },
        ]);
        let params = json!({ "sessionId": self.name, "options": options,
            "toolCall": { "toolCallId": call, "title": title } });
        let Ok(Answer { result, cancelled }) = peer.ask("session/request_permission", &params, &self.name)
        else {
            return Step::Stop(Ended::Gone);
        };
        let answer = result.unwrap_or_default();
        if cancelled || answer["outcome"]["outcome"] == "cancelled" {
            self.end_call(peer, &call, "failed", "cancelled");
            return Step::Stop(Ended::Cancelled);
        }
        if answer["outcome"]["optionId"] != "allow" {
            self.end_call(peer, &call, "failed", "not allowed");
            return Step::Next;
        }
        match std::fs::write(self.folder.join(file), text) {
            Ok(()) => self.end_call(peer, &call, "completed", &format!("wrote {} bytes", text.len())),
            Err(error) => self.end_call(peer, &call, "failed", &format!("{file}: {error}")),
        }
        Step::Next
    }

    fn announce(&self, peer: &Peer, call: &str, kind: &str, title: &str, input: &Value) {
        let update = json!({ "sessionUpdate": "tool_call", "toolCallId": call, "title": title, "kind": kind,
            "status": "in_progress", "rawInput": input });
        self.update(peer, &update);
    }

    fn end_call(&self, peer: &Peer, call: &str, status: &str, text: &str) {
        let content = json!([{ "type": "content", "content": { "type": "text", "text": text } }]);
        let update = json!({ "sessionUpdate": "tool_call_update", "toolCallId": call, "status": status,
            "content": content });
        self.update(peer, &update);
    }
}
