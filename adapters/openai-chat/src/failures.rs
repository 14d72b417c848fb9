//! What a server that says no, or nothing, means for an attempt.

use omi_adapter_sdk::{AuthMethod, AuthRequired, Failure, HttpOutcome};
use serde_json::Value;

/// Characters of what a server says that are shown: it is one line for a person.
const SHOWN_CHARS: usize = 600;

/// Words with which servers say that a prompt is too long for the model.
const TOO_LONG: [&str; 5] =
    ["context length", "context_length", "context size", "context_size", "context window"];

/// An answer that is none: its status and what it says.
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    /// The header `Retry-After`.
    pub(crate) retry_after: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl Refusal<'_> {
    /// What it means for a request to this path. `models` are those that the server lists.
    pub(crate) fn failure(&self, path: &str, models: &[String]) -> Failure {
        let said = said(self.body);
        let message = format!("the server answered {path} with the status {}{}", self.status, after(&said));
        match self.status {
            401 => Failure::AuthRequired(AuthRequired::new(auth_methods(&said), auth_message(&said))),
            // The server knows who asks: another log-in is no way out.
            403 => Failure::fatal("forbidden", message),
            404 => Failure::fatal("not_found", format!("{message}; hint: {}", not_found_hint(models))),
            413 => too_long(&message),
            408 | 429 | 500..=599 if !is_too_long(&said) => {
                // It is a number of seconds, or a date.
                let wait = self.retry_after.map(|wait| format!("; Retry-After: {wait}"));
                let message = format!("{message}{}", wait.unwrap_or_default());
                Failure::retryable(if self.status == 429 { "rate_limited" } else { "server_error" }, message)
            }
            _ if is_too_long(&said) => too_long(&message),
            _ => Failure::fatal("request_refused", message),
        }
    }

    /// Whether it is about the member of the request with which the use of an attempt is asked for.
    pub(crate) fn is_about_usage(&self) -> bool {
        let body = String::from_utf8_lossy(self.body);
        matches!(self.status, 400 | 422)
            && ["stream_options", "include_usage"].iter().any(|name| body.contains(name))
    }
}

/// An error in the middle of an answer. Trying again is only right where nothing was said yet.
pub(crate) fn of_error(error: &Value, has_spoken: bool) -> Failure {
    let said = words(error);
    let message = format!("the server broke off with an error{}", after(&said));
    let code = error["code"].as_u64().unwrap_or(500);
    if code == 403 {
        return Failure::fatal("forbidden", message);
    }
    if is_too_long(&said) || is_too_long(error["code"].as_str().unwrap_or_default()) {
        too_long(&message)
    } else if code == 401 {
        Failure::AuthRequired(AuthRequired::new(auth_methods(&said), auth_message(&said)))
    } else {
        let may_pass = matches!(code, 408 | 429 | 500..);
        broken("server_error", message, has_spoken || !may_pass)
    }
}

/// An answer that broke off. Trying again is only right where nothing was said yet.
pub(crate) fn broken(code: &str, message: impl Into<String>, has_spoken: bool) -> Failure {
    if has_spoken { Failure::fatal(code, message) } else { Failure::retryable(code, message) }
}

/// How far an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    /// The server took the request.
    Head,
    Words,
}

/// A request that ended without a whole answer.
pub(crate) fn of_end(end: &HttpOutcome, heard: Heard) -> Failure {
    let has_spoken = heard == Heard::Words;
    match end {
        HttpOutcome::Complete => {
            broken("stream_cut", "the answer ended without saying why, so it may be a part", has_spoken)
        }
        HttpOutcome::TimedOut => {
            let message =
                "the answer took longer than the grant allows; hint: `timeout-ms` of the grant `remote`";
            broken("request_timed_out", message, has_spoken)
        }
        HttpOutcome::Failed(why) if heard == Heard::Nothing => {
            Failure::retryable("request_failed", format!("{why}{}", unreached_hint(why)))
        }
        HttpOutcome::Failed(why) => broken(
            "stream_cut",
            format!("the connection broke in the middle of the answer: {why}"),
            has_spoken,
        ),
        HttpOutcome::Aborted | HttpOutcome::Other(_) => broken("request_failed", end.to_string(), has_spoken),
    }
}

/// What to do where nobody answers, as far as the words of the host tell why. They may have a hint of their own.
fn unreached_hint(why: &str) -> &'static str {
    let has = |words: &str| why.to_ascii_lowercase().contains(words);
    if has("hint: ") {
        ""
    } else if has("cannot find the address of") || has("has no address") {
        "; hint: correct the name in `origin` of the grant `remote`, or see whether this machine is online"
    } else if has("connection refused") {
        "; hint: start the server (`ollama serve`, `llama-server`, …), or correct `origin` of the grant `remote`"
    } else {
        "; hint: see whether the server is up, and whether `origin` of the grant `remote` is its address"
    }
}

/// What can be done about a key that is refused: the server does not say which of the two it is.
const KEY_HINT: &str = "hint: if the grant `remote` names a key in `secrets`, put a valid one where it is read from; else add \
     `secrets = { Authorization = { env = \"OPENAI_API_KEY\", prefix = \"Bearer \" } }` and set that variable";

/// What a person can do about a server that wants a key.
pub(crate) fn auth_methods(said: &str) -> Vec<AuthMethod> {
    vec![AuthMethod {
        id: "registration".to_owned(),
        kind: "env_var".to_owned(),
        name: "Key of the API".to_owned(),
        description: auth_message(said),
        extra: String::new(),
    }]
}

/// A server that wants another key than it got, if it got one.
pub(crate) fn auth_message(said: &str) -> String {
    let said = after(said);
    format!("the server refuses the key in `authorization`, or there is none{said}; {KEY_HINT}")
}

/// What the body of an answer says, in one line.
pub(crate) fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(&value);
            words(error)
        }
        Err(_) => one_line(&text),
    }
}

fn words(error: &Value) -> String {
    let named = ["message", "detail", "error"].iter().find_map(|name| error[*name].as_str());
    match named.or(error.as_str()) {
        Some(text) => one_line(text),
        None if error.is_null() => String::new(),
        None => one_line(&error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().take(SHOWN_CHARS).collect()
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

fn is_too_long(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    TOO_LONG.iter().any(|sign| said.contains(sign))
}

fn too_long(message: &str) -> Failure {
    let hint = "hint: a smaller `contextChars` in `[config]`, or a model with a larger context";
    Failure::fatal("context_too_long", format!("{message}; {hint}"))
}

fn not_found_hint(models: &[String]) -> String {
    if models.is_empty() {
        return "`basePath` in `[config]`, or the name of the model".to_owned();
    }
    format!("the models there are {}", listed(models))
}

/// The names of models for a person.
pub(crate) fn listed(models: &[String]) -> String {
    /// A gateway lists hundreds.
    const SHOWN: usize = 20;
    let mut names: Vec<String> = models.iter().take(SHOWN).map(|model| format!("`{model}`")).collect();
    if models.len() > SHOWN {
        names.push(format!("and {} more", models.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::FailureDetail;

    use super::*;

    fn told(failure: Failure) -> (&'static str, FailureDetail) {
        match failure {
            Failure::Fatal(detail) => ("fatal", detail),
            Failure::Retryable(detail) => ("retryable", detail),
            Failure::AuthRequired(wanted) => {
                ("auth", FailureDetail::new("", wanted.methods[0].description.clone()))
            }
            Failure::Stale(detail) | Failure::Other(detail) => panic!("never: {detail:?}"),
        }
    }

    #[test]
    fn each_status_means_what_can_be_done_about_it() {
        let models = ["llama".to_owned(), "qwen".to_owned()];
        for (status, body, kind, code, word) in [
            (
                400,
                r#"{"error":{"message":"bad temperature"}}"#,
                "fatal",
                "request_refused",
                "bad temperature",
            ),
            (
                400,
                r#"{"error":{"message":"maximum context length is 4096"}}"#,
                "fatal",
                "context_too_long",
                "contextChars",
            ),
            (
                500,
                r#"{"error":"exceeds the available context size"}"#,
                "fatal",
                "context_too_long",
                "contextChars",
            ),
            (413, "", "fatal", "context_too_long", "contextChars"),
            (401, r#"{"error":{"message":"no key"}}"#, "auth", "", "or there is none: no key; hint: "),
            (
                403,
                r#"{"error":{"message":"not in your country"}}"#,
                "fatal",
                "forbidden",
                "not in your country",
            ),
            (404, r#"{"error":{"message":"no such model"}}"#, "fatal", "not_found", "`qwen`"),
            (429, r#"{"message":"slow down"}"#, "retryable", "rate_limited", "Retry-After: 7"),
            (503, r#"{"detail":"loading"}"#, "retryable", "server_error", "loading"),
            (502, "<html>\n bad\tgateway", "retryable", "server_error", "<html> bad gateway"),
            (418, r#"{"odd":1}"#, "fatal", "request_refused", "odd"),
        ] {
            let refusal = Refusal { status, retry_after: Some("7"), body: body.as_bytes() };
            let (is, detail) = told(refusal.failure("/v1/chat/completions", &models));
            assert_eq!((is, detail.code.as_str()), (kind, code), "{status} {body}");
            assert!(detail.message.contains(word), "{status}: {}", detail.message);
        }
    }

    #[test]
    fn nothing_is_tried_again_after_a_word() {
        let error = serde_json::json!({ "message": "gpu lost", "code": 500 });
        for end in [HttpOutcome::Complete, HttpOutcome::TimedOut, HttpOutcome::Failed("reset".to_owned())] {
            assert_eq!(told(of_end(&end, Heard::Nothing)).0, "retryable", "{end:?}");
            assert_eq!(told(of_end(&end, Heard::Head)).0, "retryable", "{end:?}");
            assert_eq!(told(of_end(&end, Heard::Words)).0, "fatal", "{end:?}");
        }
        assert_eq!(told(of_error(&error, false)).0, "retryable");
        assert_eq!(told(of_error(&error, true)).0, "fatal");
        assert_eq!(told(of_error(&serde_json::json!({ "message": "no", "code": 400 }), false)).0, "fatal");
        assert_eq!(told(of_error(&"odd".into(), false)).1.message, "the server broke off with an error: odd");
    }

    #[test]
    fn who_may_not_is_not_asked_to_log_in() {
        let error = |code: u16| of_error(&serde_json::json!({ "message": "no", "code": code }), false);
        assert_eq!(told(error(401)).0, "auth");
        let (kind, detail) = told(error(403));
        assert_eq!((kind, detail.code.as_str()), ("fatal", "forbidden"));
    }

    #[test]
    fn where_nobody_answers_the_hint_fits_the_reason() {
        for (why, hint) in [
            ("no answer from `http://x`: Connection refused (os error 111)", "hint: start the server"),
            (
                "no answer from `http://x`: cannot find the address of `x`: not known",
                "hint: correct the name",
            ),
            ("no answer from `http://x`: `x` has no address", "hint: correct the name"),
            ("no answer from `https://x`: invalid peer certificate", "hint: see whether the server is up"),
            (
                "`x` has no public address; hint: `private = true` in `grants.remote` allows it",
                "hint: `private",
            ),
        ] {
            let (_, detail) = told(of_end(&HttpOutcome::Failed(why.to_owned()), Heard::Nothing));
            let hints: Vec<_> = detail.message.match_indices("hint: ").collect();
            assert!(detail.message.contains(hint) && hints.len() == 1, "{}", detail.message);
        }
    }

    #[test]
    fn only_a_refusal_of_the_use_is_about_the_use() {
        let is = |status, body: &str| {
            Refusal { status, retry_after: None, body: body.as_bytes() }.is_about_usage()
        };
        assert!(is(400, r#"{"error":{"message":"unknown field `stream_options`"}}"#));
        assert!(is(422, r#"{"detail":[{"loc":["body","stream_options"]}]}"#));
        assert!(!is(400, "bad temperature") && !is(500, "stream_options"));
    }

    #[test]
    fn many_models_are_not_all_named() {
        let models: Vec<String> = (0..25).map(|number| format!("m{number}")).collect();
        assert!(listed(&models).ends_with("`m19`, and 5 more"), "{}", listed(&models));
    }
}
