//! Which headers an adapter may send, and which it is given.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::limits;
use crate::redact::Hidden;

/// What a header costs besides its name and value: a colon, a space and the end of its line.
const LINE_BYTES: usize = 4;

/// Headers that are the host's to set: those of the connection and of the length of what is sent, and those with which
/// some servers replace the method or the path that the gate has judged.
const THE_HOSTS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// The headers of an adapter, with the secrets of its grant added.
pub(super) fn to_send(given: &[(String, String)], secrets: &HeaderMap) -> Result<HeaderMap, String> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len() + LINE_BYTES).sum();
    if bytes > limits::HEADER_BYTES {
        return Err(format!("the headers have {bytes} bytes, at most {}", limits::HEADER_BYTES));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{}` is not the name of a header", name.escape_debug()))?;
        if THE_HOSTS.contains(&header.as_str()) || secrets.contains_key(&header) {
            return Err(format!("the header `{header}` is not for the adapter to set"));
        }
        let value = HeaderValue::from_str(value).ok().filter(|value| value.to_str().is_ok());
        let value = value
            .ok_or_else(|| format!("the header `{header}` has characters that not every server takes"))?;
        headers.append(header, value);
    }
    headers.extend(secrets.clone());
    Ok(headers)
}

/// The headers of an answer, as text without secrets.
pub(super) fn to_tell(headers: &HeaderMap, hidden: &Hidden) -> Result<Vec<(String, String)>, String> {
    let bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_BYTES).sum();
    if bytes > limits::HEADER_BYTES {
        return Err(format!("the headers of the answer have more than {} bytes", limits::HEADER_BYTES));
    }
    let text = |value: &HeaderValue| hidden.text(&String::from_utf8_lossy(value.as_bytes()));
    Ok(headers.iter().map(|(name, value)| (hidden.text(name.as_str()), text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(name: &str, value: &str) -> Result<HeaderMap, String> {
        let secrets = HeaderMap::from_iter([(
            HeaderName::from_static("authorization"),
            HeaderValue::from_static("Bearer sesame"),
        )]);
        to_send(&[(name.to_owned(), value.to_owned())], &secrets)
    }

    #[test]
    fn an_adapter_sets_its_own_headers_only() {
        let sent = send("Content-Type", "text/plain").unwrap();
        assert_eq!(
            (&sent["content-type"], &sent["authorization"]),
            (&HeaderValue::from_static("text/plain"), &HeaderValue::from_static("Bearer sesame"),)
        );
        for (name, value) in [
            ("Authorization", "mine"),
            ("AUTHORIZATION", "mine"),
            ("Host", "evil.example"),
            ("Content-Length", "5"),
            ("transfer-encoding", "chunked"),
            ("Connection", "upgrade"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Original-URL", "/admin"),
            ("", "x"),
            ("a b", "x"),
            ("a:b", "x"),
            ("a\r\nhost", "x"),
            ("ä", "x"),
            ("x", "a\r\nhost: evil.example"),
            ("x", "a\nb"),
            ("x", "a\0b"),
            ("x", "ä"),
        ] {
            assert!(send(name, value).is_err(), "{name}: {value}");
        }
        assert!(send("x", &"v".repeat(limits::HEADER_BYTES)).is_err());
        let many = vec![("x".to_owned(), String::new()); limits::HEADER_BYTES];
        assert!(to_send(&many, &HeaderMap::new()).is_err());
    }

    #[test]
    fn an_adapter_is_told_no_secrets() {
        let headers = HeaderMap::from_iter([
            (HeaderName::from_static("echo"), HeaderValue::from_static("Bearer sesame")),
            (HeaderName::from_static("odd"), HeaderValue::from_bytes(b"\xff").unwrap()),
        ]);
        let told = to_tell(&headers, &Hidden::new(["sesame"])).unwrap();
        assert_eq!(
            told,
            [("echo", "Bearer [redacted]"), ("odd", "\u{fffd}")].map(|(n, v)| (n.into(), v.into()))
        );
    }
}
