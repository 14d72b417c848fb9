//! A WebSocket of wire v2, as a client sees it.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::PATIENCE;
use super::Stream;

/// A WebSocket that speaks wire v2.
pub struct WebSocket {
    socket: tungstenite::WebSocket<Box<dyn Stream>>,
    /// What was heard.
    pub heard: Vec<Value>,
    /// The protocol that was agreed on.
    pub protocol: Option<String>,
}

impl WebSocket {
    pub(super) fn new(socket: tungstenite::WebSocket<Box<dyn Stream>>, protocol: Option<String>) -> Self {
        Self { socket, heard: vec![], protocol }
    }

    /// Sends a message of a client.
    pub fn send(&mut self, client: &str, kind: &str, request: &str, fields: &Value) {
        let mut message =
            json!({ "type": kind, "protocolVersion": 2, "requestId": request, "clientId": client });
        if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
            message.extend(fields.clone());
        }
        self.text(&message.to_string());
    }

    /// Sends a text.
    pub fn text(&mut self, text: &str) {
        self.socket.send(text.into()).expect("it is sent");
    }

    /// Waits for a message that satisfies a condition.
    pub fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.message().expect("the connection goes on");
            if wanted(&message) {
                return message;
            }
            assert!(Instant::now() < deadline, "not in {:?}", self.heard);
        }
    }

    /// Reads to the end: the code with which the other side closed; none if it just went.
    pub fn closed(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(tungstenite::Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(tungstenite::Message::Text(text)) => {
                    self.heard.push(serde_json::from_str(&text).expect("JSON"));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The next message; none once the other side has closed.
    pub fn message(&mut self) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.socket.read() {
                Ok(tungstenite::Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    self.heard.push(message.clone());
                    return Some(message);
                }
                Ok(tungstenite::Message::Close(_)) | Err(_) => return None,
                // It is still there, and says nothing.
                Ok(_) => {
                    assert!(Instant::now() < deadline, "nothing comes after {:?}", self.heard.last());
                }
            }
        }
    }
}
