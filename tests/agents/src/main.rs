//! A small ACP agent without a model: it does what the prompt literally says, on real files of its session's folder.
//!
//! It says so itself, so that nobody takes it for one that thinks. A prompt has one instruction per line:
//!
//! | line | what it does |
//! | --- | --- |
//! | `say TEXT` | streams the text, word by word |
//! | `stream COUNT RATE` | streams so many words, RATE of them a second, or as fast as it can without one |
//! | `read FILE` | a tool call that reads the file and shows it |
//! | `write FILE TEXT` | a tool call that asks for permission first and then writes the file |
//! | `slow` | streams until it is cancelled |
//! | `work FILE` | appends to the file until it is cancelled, so that others can see whether it still works |
//! | `cost DOLLARS` | says that the session has cost so much so far |
//! | `exit` | ends the process in the middle of the turn |
//! | `offered` | says what the client offers, as JSON |
//! | `fs-read FILE` | has the client read the file (`fs/read_text_file`), and says it |
//! | `fs-write FILE TEXT` | has the client write the file (`fs/write_text_file`) |
//! | `terminal PROGRAM ARGUMENTS` | has the client run the program in a terminal, and says what it wrote and how it ended |
//! | `shell COMMAND` | the same with `sh -c COMMAND`, the rest of the line |
//! | `start PROGRAM ARGUMENTS` | has the client run the program, says the terminal's name and leaves it running |
//! | `env NAME` | says this process's environment variable |
//! | `put FILE TEXT` | writes the file by itself and asks nobody, so that others can see whether it can |
//! | `tty TEXT` | writes to `/dev/tty` by itself |
//!
//! A FILE may be absolute; else it is in the session's folder. What the client or the system refuses is said:
//! `FILE: error -32603: denied: …`, `FILE: Permission denied (os error 13)`, `/dev/tty: …`.
//!
//! The first argument may be a way to misbehave: `garbage` prints no JSON, `exit` ends at once, `long-line` prints a
//! line of 10 MB first, `deaf` never answers a cancellation, `forgetful` has lost every session it is asked to load,
//! `locked` makes no session before a log-in by its method `key`.
//! `--state FOLDER` keeps the names of sessions, so that another process can load them.

mod peer;
mod session;

use std::io::Write as _;
use std::path::PathBuf;

use peer::Peer;
use serde_json::{Value, json};
use session::{Ended, Session};

/// How the agent misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    Garbage,
    Exit,
    LongLine,
    Deaf,
    Forgetful,
    Locked,
}

/// Bytes of the line that `long-line` prints: more than a careless reader keeps.
const LONG_LINE_BYTES: usize = 10 * 1024 * 1024;

fn main() {
    let (manner, state) = arguments();
    let mut out = std::io::stdout();
    // A reader that has gone away ends this program at its next line anyway.
    match manner {
        Manner::Exit => std::process::exit(7),
        Manner::Garbage => loop {
            let _ = writeln!(out, "Welcome! This is not JSON.");
            let _ = out.flush();
            if std::io::stdin().read_line(&mut String::new()).unwrap_or(0) == 0 {
                return;
            }
        },
        Manner::LongLine => {
            let _ = writeln!(out, "{}", "x".repeat(LONG_LINE_BYTES));
        }
        Manner::Good | Manner::Deaf | Manner::Forgetful | Manner::Locked => {}
    }
    Agent { peer: Peer::start(), sessions: Vec::new(), manner, state, offered: Value::Null }.serve();
}

fn arguments() -> (Manner, Option<PathBuf>) {
    let (mut manner, mut state) = (Manner::Good, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "garbage" => manner = Manner::Garbage,
            "exit" => manner = Manner::Exit,
            "long-line" => manner = Manner::LongLine,
            "deaf" => manner = Manner::Deaf,
            "forgetful" => manner = Manner::Forgetful,
            "locked" => manner = Manner::Locked,
            "--state" => state = arguments.next().map(PathBuf::from),
            other => {
                eprintln!("omi-test-agent: what is `{other}`?");
                std::process::exit(2);
            }
        }
    }
    (manner, state)
}

struct Agent {
    peer: Peer,
    sessions: Vec<Session>,
    manner: Manner,
    state: Option<PathBuf>,
    /// What the client offers, as it said in `initialize`.
    offered: Value,
}

impl Agent {
    fn serve(mut self) {
        while let Some(message) = self.peer.next() {
            let (id, method) = (message["id"].clone(), message["method"].as_str().unwrap_or_default());
            let params = &message["params"];
            match method {
                "initialize" => {
                    self.offered = params["clientCapabilities"].clone();
                    self.initialize(&id);
                }
                "authenticate" => self.log_in(&id, params),
                "session/new" if self.manner == Manner::Locked => {
                    self.peer.fail(&id, -32000, "authentication required");
                }
                "session/new" => self.new_session(&id, params),
                "session/load" => self.load_session(&id, params),
                "session/prompt" => self.prompt(&id, params),
                // Nothing runs: there is nothing to stop.
                "session/cancel" => {}
                _ if id.is_null() => {}
                _ => self.peer.fail(&id, -32601, "method not found"),
            }
        }
    }

    fn initialize(&self, id: &Value) {
        let info = json!({ "name": "omi-test-agent", "title": "Test agent (no model)",
            "version": env!("CARGO_PKG_VERSION") });
        let load = self.state.is_some();
        let capabilities = json!({ "loadSession": load, "promptCapabilities": { "image": true } });
        let key = json!({ "id": "key", "name": "Key", "description": "Says the magic word" });
        let methods = if self.manner == Manner::Locked { vec![key] } else { Vec::new() };
        let result = json!({ "protocolVersion": 1, "agentInfo": info, "agentCapabilities": capabilities,
            "authMethods": methods });
        self.peer.answer(id, &result);
    }

    fn log_in(&mut self, id: &Value, params: &Value) {
        if params["methodId"] != "key" {
            return self.peer.fail(id, -32602, "there is no such method");
        }
        if self.manner == Manner::Locked {
            self.manner = Manner::Good;
        }
        self.peer.answer(id, &json!({}));
    }

    fn new_session(&mut self, id: &Value, params: &Value) {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("native-{}-{}-{}", std::process::id(), started.as_nanos(), self.sessions.len());
        if let Some(state) = &self.state {
            let kept = std::fs::create_dir_all(state).and_then(|()| std::fs::write(state.join(&name), ""));
            if let Err(error) = kept {
                return self.peer.fail(id, -32603, &format!("cannot keep the session: {error}"));
            }
        }
        self.sessions.push(Session::new(&name, params));
        self.peer.answer(id, &json!({ "sessionId": name }));
    }

    fn load_session(&mut self, id: &Value, params: &Value) {
        let name = params["sessionId"].as_str().unwrap_or_default();
        let known = self.state.as_ref().is_some_and(|state| state.join(name).is_file());
        if !known || self.manner == Manner::Forgetful {
            return self.peer.fail(id, -32002, "session not found");
        }
        let session = Session::new(name, params);
        // The protocol replays the history before the answer: nobody may take it for news.
        session.say(&self.peer, "user_message_chunk", "(what was asked before)");
        session.say(&self.peer, "agent_message_chunk", "(what was answered before)");
        self.sessions.push(session);
        self.peer.answer(id, &json!({}));
    }

    fn prompt(&mut self, id: &Value, params: &Value) {
        let name = params["sessionId"].as_str().unwrap_or_default();
        let Some(session) = self.sessions.iter().find(|session| session.name == name) else {
            return self.peer.fail(id, -32002, "session not found");
        };
        let blocks = params["prompt"].as_array().cloned().unwrap_or_default();
        let reason = match session.turn(&mut self.peer, &blocks, &self.offered, self.manner == Manner::Deaf) {
            Ended::Done => "end_turn",
            Ended::Cancelled => "cancelled",
            Ended::Gone => std::process::exit(0),
        };
        let usage = json!({ "inputTokens": 11, "outputTokens": 7, "totalTokens": 18 });
        self.peer.answer(id, &json!({ "stopReason": reason, "usage": usage }));
    }
}
