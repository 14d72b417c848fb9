//! JSON-RPC 2.0 over lines: messages written as lines, lines read with tolerance. With the feature `json-rpc`.
//!
//! ```
//! use omi_adapter_sdk::rpc::{self, Incoming};
//! use serde_json::json;
//!
//! let line = rpc::notification("cancel", json!({"session": "s1"})); // JSON with a line feed, as `Process::write` takes it
//! assert_eq!(line.last(), Some(&b'\n'));
//! assert_eq!(rpc::read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), [Incoming::Answer(1, Ok(json!({})))]);
//! ```

mod calls;

pub use calls::Calls;

use serde_json::{Value, json};

/// The method is not known.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are not acceptable.
pub const INVALID_PARAMS: i64 = -32602;
/// Something failed inside.
pub const INTERNAL_ERROR: i64 = -32603;

/// An `error` of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// A number that the protocol gives a meaning to.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// What else there is to say, or null.
    pub data: Value,
}

impl RpcError {
    /// An error of ours, for the peer.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    fn read(error: &Value) -> Self {
        Self {
            code: error.get("code").and_then(Value::as_i64).unwrap_or(INTERNAL_ERROR),
            message: error.get("message").and_then(Value::as_str).unwrap_or("no message").to_owned(),
            data: error.get("data").cloned().unwrap_or(Value::Null),
        }
    }

    /// The message, and the detail that many peers put into `data`.
    pub fn words(&self) -> String {
        let detail = match &self.data {
            Value::String(text) => Some(text.as_str()),
            data => ["details", "detail", "message", "error"]
                .iter()
                .find_map(|key| data.get(key).and_then(Value::as_str)),
        };
        match detail {
            Some(detail) if detail != self.message => format!("{}: {detail}", self.message),
            Some(_) | None => self.message.clone(),
        }
    }
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

impl std::error::Error for RpcError {}

/// What a line of the peer is.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// An answer to the request with this number.
    Answer(u64, Result<Value, RpcError>),
    /// The peer asks something, and is answered with [`answer`] or [`answer_error`].
    Request {
        /// To be given back as it is.
        id: Value,
        /// What is asked for.
        method: String,
        /// Null if there are none.
        params: Value,
    },
    /// The peer says something.
    Notification {
        /// What it is about.
        method: String,
        /// Null if there are none.
        params: Value,
    },
    /// An error about no request in particular, or an answer whose number is not one of ours.
    Stray(String),
    /// Not a message at all.
    Noise,
}

/// Read one line. A batch is read as its messages. A number that comes back as text is a number.
pub fn read(line: &str) -> Vec<Incoming> {
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Array(messages)) if !messages.is_empty() => {
            messages.into_iter().map(read_message).collect()
        }
        Ok(message) => vec![read_message(message)],
        Err(_) => vec![Incoming::Noise],
    }
}

fn read_message(mut message: Value) -> Incoming {
    let Some(members) = message.as_object_mut() else { return Incoming::Noise };
    let id = members.remove("id").filter(|id| !id.is_null());
    if let Some(Value::String(method)) = members.remove("method") {
        let params = members.remove("params").unwrap_or(Value::Null);
        return match id {
            Some(id) => Incoming::Request { id, method, params },
            None => Incoming::Notification { method, params },
        };
    }
    let answer = match (members.remove("error"), members.remove("result")) {
        (Some(error), _) if !error.is_null() => Err(RpcError::read(&error)),
        (_, Some(result)) => Ok(result),
        (_, None) => return Incoming::Noise,
    };
    let number = id.as_ref().and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    match (number, answer) {
        (Some(number), answer) => Incoming::Answer(number, answer),
        (None, Err(error)) => Incoming::Stray(error.words()),
        (None, Ok(_)) => Incoming::Stray("an answer to no request".to_owned()),
    }
}

/// The line of a request. [`Calls`] has the numbers.
pub fn request(id: u64, method: &str, params: Value) -> Vec<u8> {
    line([("id", id.into()), ("method", method.into()), ("params", params)])
}

/// The line of a notification.
pub fn notification(method: &str, params: Value) -> Vec<u8> {
    line([("method", method.into()), ("params", params)])
}

/// The line of an answer. The id is given back as it came, whatever it was.
pub fn answer(id: &Value, result: Value) -> Vec<u8> {
    line([("id", id.clone()), ("result", result)])
}

/// The line of an answer that is an error.
pub fn answer_error(id: &Value, error: &RpcError) -> Vec<u8> {
    let mut members = json!({"code": error.code, "message": error.message});
    if !error.data.is_null() {
        members["data"] = error.data.clone();
    }
    line([("id", id.clone()), ("error", members)])
}

fn line<const MEMBERS: usize>(members: [(&str, Value); MEMBERS]) -> Vec<u8> {
    let version = ("jsonrpc", Value::from("2.0"));
    let message: Value = [version].into_iter().chain(members).collect();
    format!("{message}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(line: &str) -> Incoming {
        let mut all = read(line);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn an_answer_is_known_by_its_number_even_as_text() {
        assert_eq!(read_one(r#"{"id":3,"result":null}"#), Incoming::Answer(3, Ok(Value::Null)));
        assert_eq!(read_one(r#"{"id":"3","result":1}"#), Incoming::Answer(3, Ok(json!(1))));
        let Incoming::Answer(3, Err(error)) = read_one(r#"{"id":3,"error":{"code":-32000}}"#) else {
            panic!("an error is an answer");
        };
        assert_eq!((error.code, error.message.as_str()), (-32000, "no message"));
    }

    #[test]
    fn what_is_not_a_message_is_noise() {
        for line in ["hello", "", "17", "null", "{}", r#"{"id":1}"#, "[]", r#"{"a":"\ud800"}"#] {
            assert_eq!(read_one(line), Incoming::Noise, "{line}");
        }
    }

    #[test]
    fn a_batch_is_read_as_its_messages() {
        let read = read(r#"[{"method":"a"},17,{"id":1,"result":2}]"#);
        assert!(matches!(&read[0], Incoming::Notification { method, .. } if method == "a"));
        assert_eq!(read[1..], [Incoming::Noise, Incoming::Answer(1, Ok(json!(2)))]);
    }

    #[test]
    fn a_request_keeps_its_id_whatever_it_is() {
        let Incoming::Request { id, .. } = read_one(r#"{"id":"a-1","method":"x"}"#) else {
            panic!("it is a request");
        };
        let answer: Value = serde_json::from_slice(&answer(&id, json!({}))).expect("it is JSON");
        assert_eq!(answer, json!({"jsonrpc": "2.0", "id": "a-1", "result": {}}));
        assert!(matches!(read_one(r#"{"id":null,"error":{"message":"parse"}}"#), Incoming::Stray(_)));
        assert!(matches!(read_one(r#"{"method":"x"}"#), Incoming::Notification { .. }));
    }

    #[test]
    fn what_is_written_is_read_as_what_it_is() {
        let of = |line: Vec<u8>| read_one(std::str::from_utf8(&line).expect("text"));
        let params = json!({"text": "two\nlines"});
        assert_eq!(
            of(request(7, "ask", params.clone())),
            Incoming::Request { id: json!(7), method: "ask".to_owned(), params: params.clone() }
        );
        assert_eq!(
            of(notification("tell", params.clone())),
            Incoming::Notification { method: "tell".to_owned(), params }
        );
        let error = RpcError { data: json!({"uri": "a"}), ..RpcError::new(INVALID_PARAMS, "no") };
        assert_eq!(of(answer_error(&json!(7), &error)), Incoming::Answer(7, Err(error)));
        let line = request(7, "ask", json!("two\nlines"));
        let line_feed = line.iter().position(|byte| *byte == b'\n');
        assert_eq!(line_feed, Some(line.len() - 1), "one message is one line");
    }

    #[test]
    fn an_error_says_its_details_once() {
        let error = |data| RpcError { code: 1, message: "Internal error".to_owned(), data };
        assert_eq!(error(json!({"details": "no model"})).words(), "Internal error: no model");
        assert_eq!(error(json!("Internal error")).words(), "Internal error");
        assert_eq!(error(Value::Null).to_string(), "Internal error");
    }
}
