//! A program that is talked to in lines of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Failed;

/// A program that is talked to in lines of JSON. It is ended when this is dropped.
pub(crate) struct Talk {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: String,
}

impl Talk {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failed> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn()?;
        let stdin = child.stdin.take().ok_or("no input")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, stdin, stdout, line: String::new() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, message: &Value) -> Result<(), Failed> {
        Ok(writeln!(self.stdin, "{message}")?)
    }

    /// Reads until a message fits.
    pub(crate) fn hear(&mut self, fits: impl Fn(&Value) -> bool) -> Result<Value, Failed> {
        loop {
            self.line.clear();
            if self.stdout.read_line(&mut self.line)? == 0 {
                return Err("the program ended before it answered".into());
            }
            let message: Value = serde_json::from_str(&self.line)?;
            if fits(&message) {
                return Ok(message);
            }
        }
    }

    /// Asks an ACP agent, and reads until it answers.
    pub(crate) fn ask(&mut self, id: u32, method: &str, params: &Value) -> Result<Value, Failed> {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        let answer = self.hear(|message| message["id"] == id)?;
        answer.get("result").cloned().ok_or_else(|| format!("{method}: {answer}").into())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
