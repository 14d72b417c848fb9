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
//! | `tools` | starts the first MCP server of the session, and says the names of its tools |
//! | `call TOOL JSON` | calls a tool of that server, and says what it answers |
//! | `reached` | says how that server is reached, as JSON |
//! | `flood COUNT` | says so many numbers, as fast as it can |
//! | `big BYTES` | says so much in one line |
//! | `noise BYTES` | writes so much to standard error, without a line's end |
//! | `unknown` | asks the client what no client knows, tells it what no client wants, and says the error |
//! | `question FIELD` | asks a person for a text (`elicitation/create`), and says the answer |
//! | `orphan` | leaves a program that holds its standard output, and ends the process |
//!
//! A FILE may be absolute; else it is in the session's folder. What the client or the system refuses is said:
//! `FILE: error -32603: denied: …`, `FILE: Permission denied (os error 13)`, `/dev/tty: …`.
//!
//! The first argument may be a way to misbehave; `manner.rs` lists them.
//! `--state FOLDER` keeps the names of sessions, so that another process can load them.

mod manner;
mod peer;
mod rude;
mod session;

use std::path::PathBuf;

use manner::Manner;
use peer::Peer;
use serde_json::{Value, json};
use session::{Ended, Session};

fn main() {
    let (manner, state) = manner::arguments();
    rude::begin(manner, state.as_deref());
    let locked = manner == Manner::Locked || manner == Manner::Cached && !manner::has_key(state.as_deref());
    let peer = Peer::start(manner);
    Agent { peer, sessions: Vec::new(), manner, locked, wedged: false, state, offered: Value::Null }.serve();
    if manner == Manner::Stubborn {
        rude::sleep_for_ever();
    }
}

struct Agent {
    peer: Peer,
    sessions: Vec<Session>,
    manner: Manner,
    /// It makes no session before a log-in.
    locked: bool,
    /// It broke, and runs no prompt any more.
    wedged: bool,
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
                "session/new" | "session/load" if self.locked => {
                    self.peer.fail(&id, -32000, "authentication required");
                }
                "session/new" if self.manner == Manner::Stall => {}
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
        let methods = if self.locked { vec![key] } else { Vec::new() };
        let result = json!({ "protocolVersion": 1, "agentInfo": info, "agentCapabilities": capabilities,
            "authMethods": methods });
        self.peer.answer(id, &result);
    }

    fn log_in(&mut self, id: &Value, params: &Value) {
        if params["methodId"] != "key" {
            return self.peer.fail(id, -32602, "there is no such method");
        }
        if self.manner == Manner::Cached {
            // What it read when it started is what it goes by.
            manner::keep_key(self.state.as_deref());
        } else {
            self.locked = false;
        }
        self.peer.answer(id, &json!({}));
    }

    fn new_session(&mut self, id: &Value, params: &Value) {
        if self.manner == Manner::CrashOnce {
            rude::crash_once(self.state.as_deref());
        }
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
        if !known && self.manner == Manner::Gullible {
            self.sessions.push(Session::new(name, params));
            return self.peer.answer(id, &json!({}));
        }
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
        if self.wedged {
            session.say(&self.peer, "agent_message_chunk", "Queued for the next turn. (1 queued)");
            return self.peer.answer(id, &json!({ "stopReason": "end_turn" }));
        }
        let blocks = params["prompt"].as_array().cloned().unwrap_or_default();
        let reason = match session.turn(&mut self.peer, &blocks, &self.offered) {
            Ended::Done => "end_turn",
            Ended::Cancelled if self.manner == Manner::Wedge => {
                self.wedged = true;
                return self.peer.fail(id, -32603, "'NoneType' object has no attribute 'startswith'");
            }
            Ended::Cancelled => "cancelled",
            Ended::Gone => std::process::exit(0),
        };
        let usage = json!({ "inputTokens": 11, "outputTokens": 7, "totalTokens": 18 });
        self.peer.answer(id, &json!({ "stopReason": reason, "usage": usage }));
    }
}
