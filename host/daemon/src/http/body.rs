//! What a request carries: JSON, parameters, names in its path. What is wrong is named.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// How long a client may take to send what a request carries, files aside.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The JSON that a request carries.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let why = "the body is not declared as JSON; hint: `Content-Type: application/json`";
            return Err(Problem::new("unsupported_media_type", why));
        }
        parse(&whole(request).await?).map(Self)
    }
}

/// All that a request carries, as far as bodies go that are not files.
pub(super) async fn whole(request: Request) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_PATIENCE, Bytes::from_request(request, &())).await;
    read.map_err(|_| slow())?.map_err(|rejected| unreadable(rejected.status().as_u16(), &rejected))
}

/// JSON that is what is wanted; the error names the field.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { format!("`{path}`: ") };
        let inner = error.into_inner();
        let code = if inner.is_data() { "invalid_message" } else { "invalid_json" };
        Problem::new(code, format!("{field}{}", inner.to_string().replace('\n', " ")))
    })?;
    deserializer.end().map_err(|error| Problem::new("invalid_json", error.to_string()))?;
    Ok(value)
}

fn slow() -> Problem {
    Problem::new("too_slow", format!("the body did not arrive within {} s", BODY_PATIENCE.as_secs()))
}

fn unreadable(status: u16, why: &impl std::fmt::Display) -> Problem {
    match status {
        413 => {
            Problem::new("body_too_large", "the body is too large; hint: attach files with `POST /v1/files`")
        }
        _ => Problem::new("bad_request", format!("the body cannot be read: {why}")),
    }
}

/// The parameters behind the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let wrong = |rejected: axum::extract::rejection::QueryRejection| {
            Problem::new("invalid_parameter", rejected.body_text().replace('\n', " "))
        };
        Ok(Self(query.map_err(wrong)?.0))
    }
}

/// The names in the path. What is no text is a name of nothing.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = parts.uri.path().to_owned();
        let found = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        found.map(|axum::extract::Path(names)| Self(names)).map_err(|_| Problem::not_found("thing", &path))
    }
}

/// A name in the path. One that is none is a name of nothing.
pub(super) fn id<T: TryFrom<String>>(what: &str, text: &str) -> Result<T, Problem> {
    T::try_from(text.to_owned()).map_err(|_| Problem::not_found(what, &crate::terminal::plain(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[expect(dead_code, reason = "that it can be read is what counts")]
        number: u32,
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let nothing = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let begun = tokio::time::Instant::now();
        let slow = whole(Request::new(axum::body::Body::from_stream(nothing))).await.unwrap_err();
        assert_eq!(serde_json::to_value(slow).unwrap()["code"], "too_slow");
        assert_eq!(begun.elapsed(), BODY_PATIENCE);
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        let wrong = |text: &str| {
            let problem = parse::<Wanted>(text.as_bytes()).unwrap_err();
            serde_json::to_value(problem).unwrap()
        };
        assert!(parse::<Wanted>(b"{\"number\":1}").is_ok());
        for (text, code, word) in [
            ("{", "invalid_json", "EOF"),
            ("{\"number\":1}x", "invalid_json", "trailing"),
            ("{\"number\":\"1\"}", "invalid_message", "`number`"),
            ("{\"number\":1,\"colour\":2}", "invalid_message", "colour"),
            ("{}", "invalid_message", "number"),
        ] {
            let problem = wrong(text);
            assert_eq!(problem["code"], code, "{text}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
        }
    }
}
