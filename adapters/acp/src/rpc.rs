//! JSON-RPC 2.0: outgoing lines from the official types, incoming lines read with tolerance.

use agent_client_protocol_schema::v1::{JsonRpcMessage, Notification, Request, RequestId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::json;
use crate::wording::quote;

/// The method is not known.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are not acceptable.
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// Something failed inside.
pub(crate) const INTERNAL_ERROR: i64 = -32603;
/// The request was cancelled.
pub(crate) const REQUEST_CANCELLED: i64 = -32800;
/// A person has to log in.
pub(crate) const AUTH_REQUIRED: i64 = -32000;
/// There is no such session or file.
pub(crate) const NOT_FOUND: i64 = -32002;

/// An `error` of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Value,
}

impl RpcError {
    /// An error of ours, for the agent.
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    fn read(error: &Value) -> Self {
        Self {
            code: error.get("code").and_then(Value::as_i64).unwrap_or(INTERNAL_ERROR),
            message: json::text(error, "message").unwrap_or("no message").to_owned(),
            data: error.get("data").cloned().unwrap_or(Value::Null),
        }
    }

    /// Everything that the agent said about it, for a person.
    pub(crate) fn words(&self) -> String {
        let detail = match &self.data {
            Value::String(text) => Some(text.as_str()),
            data => ["details", "detail", "message", "error"].iter().find_map(|key| json::text(data, key)),
        };
        match detail {
            Some(detail) if detail != self.message => quote(&format!("{}: {detail}", self.message)),
            _ => quote(&self.message),
        }
    }
}

/// What a line of the agent is.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// An answer to the request with this number.
    Answer(u64, Result<Value, RpcError>),
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// An error about no request in particular, or an answer whose number is not one of ours.
    Stray(String),
    /// Not a message at all.
    Noise,
}

/// Read one line. A batch, which the protocol forbids, is read as its messages.
pub(crate) fn read(line: &str) -> Vec<Incoming> {
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
    // Some agents give a number back as text.
    let number = id.as_ref().and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    match (number, answer) {
        (Some(number), answer) => Incoming::Answer(number, answer),
        (None, Err(error)) => Incoming::Stray(error.words()),
        (None, Ok(_)) => Incoming::Stray("an answer to no request".to_owned()),
    }
}

/// The line of a request.
pub(crate) fn request(id: u64, method: &str, params: impl Serialize) -> Vec<u8> {
    let id = RequestId::Number(i64::try_from(id).unwrap_or(i64::MAX));
    line(&JsonRpcMessage::wrap(Request { id, method: method.into(), params: Some(params) }))
}

/// The line of a notification.
pub(crate) fn notification(method: &str, params: impl Serialize) -> Vec<u8> {
    line(&JsonRpcMessage::wrap(Notification { method: method.into(), params: Some(params) }))
}

/// The line of an answer. The id is given back as it came, whatever it was.
pub(crate) fn answer(id: &Value, result: impl Serialize) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "result": value(&result)}))
}

/// The line of an answer that is an error.
pub(crate) fn answer_error(id: &Value, error: &RpcError) -> Vec<u8> {
    let mut members = json!({"code": error.code, "message": error.message});
    if !error.data.is_null() {
        members["data"] = error.data.clone();
    }
    line(&json!({"jsonrpc": "2.0", "id": id, "error": members}))
}

/// The official types and our own values have text keys and finite numbers, so they always become JSON.
pub(crate) fn value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
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
        assert_eq!((error.code, error.message.as_str()), (AUTH_REQUIRED, "no message"));
    }

    #[test]
    fn what_is_not_a_message_is_noise() {
        for line in ["hello", "", "17", "null", "{}", r#"{"id":1}"#, "[]", r#"{"a":"\ud800"}"#] {
            assert_eq!(read_one(line), Incoming::Noise, "{line}");
        }
    }

    #[test]
    fn a_request_keeps_its_id_whatever_it_is() {
        let Incoming::Request { id, .. } = read_one(r#"{"id":"a-1","method":"x"}"#) else {
            panic!("it is a request");
        };
        assert_eq!(answer(&id, json!({})), b"{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"result\":{}}\n");
        assert!(matches!(read_one(r#"{"id":null,"error":{"message":"parse"}}"#), Incoming::Stray(_)));
        assert!(matches!(read_one(r#"{"method":"x"}"#), Incoming::Notification { .. }));
    }

    #[test]
    fn an_error_says_its_details_once() {
        let error = |data| RpcError { code: 1, message: "Internal error".to_owned(), data };
        assert_eq!(error(json!({"details": "no model"})).words(), "Internal error: no model");
        assert_eq!(error(json!("Internal error")).words(), "Internal error");
        assert_eq!(error(Value::Null).words(), "Internal error");
    }
}
