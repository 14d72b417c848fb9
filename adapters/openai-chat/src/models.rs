//! The models of a server: the one question that costs nothing, and so proves that it is there.

use omi_adapter_sdk::{Failure, HttpOutcome, HttpRequest, Op, Scope};
use serde_json::Value;

use crate::config::Config;
use crate::exchange::{Exchange, REMOTE};
use crate::failures::{Heard, listed, of_end};

/// Statuses of servers that have no such list: it is one more thing to implement.
const NO_LIST: [u16; 3] = [404, 405, 501];

/// The request for the list.
pub(crate) fn request(config: &Config) -> impl FnOnce(Op, Scope) -> HttpRequest {
    let path = config.path("/models");
    |op, scope| HttpRequest::new(op, scope, REMOTE, "GET", path).header("accept", "application/json")
}

/// The names of the models, from the answer; none where the server has no list.
pub(crate) fn of_answer(
    config: &Config,
    exchange: &Exchange,
    end: &HttpOutcome,
) -> Result<Vec<String>, Failure> {
    let path = config.path("/models");
    match exchange.refusal() {
        Some(refusal) if NO_LIST.contains(&refusal.status) => Ok(Vec::new()),
        Some(refusal) => Err(refusal.failure(&path, &[])),
        None if exchange.status.is_none() => Err(of_end(end, Heard::Nothing)),
        None if *end != HttpOutcome::Complete => Err(of_end(end, Heard::Head)),
        None => names(&exchange.body).ok_or_else(|| {
            let message = format!(
                "the server answered {path} with something that is no list of models; \
                 hint: `origin` of the grant `remote`, or `basePath` in `[config]`"
            );
            Failure::fatal("not_a_model_server", message)
        }),
    }
}

/// A list under `data`, under `models`, or without a name. Ollama says null for an empty one.
fn names(body: &[u8]) -> Option<Vec<String>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let list = match &answer {
        Value::Array(_) => &answer,
        Value::Object(object) => object.get("data").or_else(|| object.get("models"))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    match list {
        Value::Array(models) => {
            let name = |model: &Value| {
                let name = ["id", "name"].iter().find_map(|name| model[*name].as_str());
                name.map(str::to_owned)
            };
            Some(models.iter().filter_map(name).collect())
        }
        Value::Null => Some(Vec::new()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
    }
}

/// The model for a run that names none.
pub(crate) fn only(models: &[String]) -> Result<String, Failure> {
    let hint = "hint: name one in `[config] model`, or with `--model`";
    match models {
        [only] => Ok(only.clone()),
        [] => {
            let message = format!("no model is named, and the server lists none; {hint}");
            Err(Failure::fatal("model_unknown", message))
        }
        several => {
            let message = format!("no model is named, and the server has {}; {hint}", listed(several));
            Err(Failure::fatal("model_unknown", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_servers_write_it() {
        for (body, expected) in [
            (r#"{"object":"list","data":[{"id":"a"},{"id":"b"},{"odd":1}]}"#, Some(vec!["a", "b"])),
            (r#"{"object":"list","data":null}"#, Some(vec![])),
            (r#"{"models":[{"name":"a"}]}"#, Some(vec!["a"])),
            (r#"[{"id":"a"}]"#, Some(vec!["a"])),
            ("{}", None),
            ("<html>", None),
            (r#"{"data":"a"}"#, None),
            ("7", None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(names(body.as_bytes()), expected, "{body}");
        }
    }
}
