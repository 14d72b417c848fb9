//! The MCP servers of a session, as an agent uses them: started when they are first needed, asked one thing at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{Session, Step};
use crate::peer::Peer;

/// A server that was started.
pub(super) struct Server {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: u64,
}

impl Server {
    /// Starts the one that the client named, and introduces itself. The error is why not, in words.
    fn start(named: &Value) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut command = Command::new(text(&named["command"]));
        command.args(named["args"].as_array().into_iter().flatten().map(text));
        for variable in named["env"].as_array().into_iter().flatten() {
            command.env(text(&variable["name"]), text(&variable["value"]));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", text(&named["command"])))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no pipes".to_owned());
        };
        let mut server = Self { _child: child, input, output: BufReader::new(output), last: 0 };
        let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "omi-test-agent", "version": "1" } });
        server.ask("initialize", &client)?;
        server.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(server)
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        writeln!(self.input, "{message}").and_then(|()| self.input.flush()).map_err(|error| error.to_string())
    }

    /// Asks, and waits for the answer. The error is that of the server, as JSON, or that it is gone.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut line = String::new();
            match self.output.read_line(&mut line) {
                Ok(1..) => {}
                Ok(0) => return Err("the server is gone".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
            let message: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
            let refused = message["id"].is_null() && !message["error"].is_null();
            if message["id"] == id || refused {
                let error = &message["error"];
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(error.to_string()) };
            }
        }
    }
}

impl Session {
    /// Says the names of all tools.
    pub(super) fn tools(&self, peer: &Peer) -> Step {
        let listed = self.ask_server("tools/list", &json!({}));
        let names = |result: Value| -> String {
            let tools = result["tools"].as_array().cloned().unwrap_or_default();
            tools.iter().filter_map(|tool| tool["name"].as_str()).collect::<Vec<_>>().join(" ")
        };
        self.tell(
            peer,
            &listed
                .map_or_else(|why| format!("no tools: {why}"), |result| format!("tools: {}", names(result))),
        )
    }

    /// Calls a tool with JSON, and says what it answers.
    pub(super) fn call_tool(&self, peer: &Peer, name: &str, input: &str) -> Step {
        let input: Value = serde_json::from_str(input).unwrap_or_else(|_| json!({}));
        let called = self.ask_server("tools/call", &json!({ "name": name, "arguments": input }));
        let said = match called {
            Ok(result) => result["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
            Err(why) => format!("error {why}"),
        };
        self.tell(peer, &format!("{name}: {said}"))
    }

    /// Says how the first server is reached, so that somebody else can try.
    pub(super) fn how_reached(&self, peer: &Peer) -> Step {
        self.tell(peer, &self.servers[0].to_string())
    }

    fn ask_server(&self, method: &str, params: &Value) -> Result<Value, String> {
        let mut server = self.server.borrow_mut();
        if server.is_none() {
            let named = self.servers.first().ok_or("the session has no servers")?;
            *server = Some(Server::start(named)?);
        }
        server.as_mut().ok_or("it was not started")?.ask(method, params)
    }
}
