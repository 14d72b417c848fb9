//! Where a request goes: the origin of its grant, and a path there that means to every server what it says.

use reqwest::Url;

use crate::limits;

/// Bytes of a method: the longest that is registered has 17.
const METHOD_BYTES: usize = 32;
/// What makes a connection into something else, or shows what was sent, secrets included.
const NEVER: &[&str] = &["CONNECT", "TRACE"];

/// Reads an origin: a scheme, a host, perhaps a port, and nothing else.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    let wrong = |why: &str| {
        format!("`{text}` is not an origin: {why}; hint: it is written as `https://api.example.com`")
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("its scheme is not `http` or `https`"));
    }
    if has_user(&url) {
        return Err(wrong("it has a user; a password belongs into `secrets`"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has more than a host and a port"));
    }
    Ok(url)
}

/// What a request is in the words of a grant: method and path, without the query.
pub(crate) fn resource(method: &str, path: &str) -> Result<String, String> {
    check_method(method)?;
    let (path, _query) = split(path);
    check_path(path)?;
    Ok(format!("{method} {path}"))
}

/// Checks that a method is one that could be granted.
pub(super) fn check_method(method: &str) -> Result<(), String> {
    let is_word = !method.is_empty()
        && method.len() <= METHOD_BYTES
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !is_word {
        return Err("the method is not a word in upper case".into());
    }
    if NEVER.contains(&method) {
        return Err(format!("the method `{method}` is not for adapters"));
    }
    Ok(())
}

/// The address of a path and query at the origin.
pub(super) fn at(origin: &Url, path: &str) -> Result<Url, String> {
    if path.len() > limits::HEADER_BYTES {
        return Err(format!("the path has {} bytes, at most {}", path.len(), limits::HEADER_BYTES));
    }
    let (path, query) = split(path);
    check_path(path)?;
    if query.is_some_and(|query| !is_plain(query)) {
        return Err("the query has characters that must be percent-encoded".into());
    }
    let mut url = origin.clone();
    url.set_path(path);
    url.set_query(query);
    if url.path() != path {
        return Err("the path has characters that must be percent-encoded".into());
    }
    if !is_at(origin, &url) {
        return Err("the path leads to another server".into());
    }
    Ok(url)
}

/// Whether an address is at the origin, and says nothing about who asks.
pub(super) fn is_at(origin: &Url, url: &Url) -> bool {
    url.origin() == origin.origin() && !has_user(url)
}

/// Checks that no server can take the path for another one: what a grant covers is decided by its text.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err("the path does not begin with `/`".into());
    }
    if path.starts_with("//") {
        return Err("the path begins with `//`, as the name of another server does".into());
    }
    if !is_plain(path) {
        return Err("the path has characters that must be percent-encoded".into());
    }
    if decoded(path).split(|byte| matches!(byte, b'/' | b'\\')).any(is_step) {
        return Err("the path has `.` or `..` in it".into());
    }
    Ok(())
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)))
}

/// Characters that stand for themselves: none that ends the path, and none that is read as a slash.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'))
}

/// Whether a part of a path is `.` or `..`; some servers drop what stands after a `;`.
fn is_step(part: &[u8]) -> bool {
    let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
    matches!(name, b"." | b"..")
}

fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_server_and_nothing_else() {
        for text in [
            "https://api.example.com",
            "http://127.0.0.1:8080",
            "https://api.example.com:443/",
            "http://[::1]",
        ] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "api.example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https://user@example.com",
            "https://:password@example.com",
            "https://example.com/v1",
            "https://example.com?q",
            "https://example.com#f",
            "unix:/run/socket",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_stays_at_the_origin_and_is_sent_as_it_was_judged() {
        let origin = origin("https://api.example.com:8443").unwrap();
        for path in [
            "/",
            "/v1/messages",
            "/v1?a=b&c=//d/..",
            "/a//b",
            "/a:b@c",
            "/...",
            "/%20",
            "/a%2Fb",
            "/.well-known/x",
            "/v1/a;b=c",
            "/?",
        ] {
            let url = at(&origin, path).unwrap();
            assert_eq!(url.as_str(), format!("https://api.example.com:8443{path}"));
        }
        for path in [
            "",
            "v1",
            "@evil.example/",
            ".evil.example/",
            ":80/",
            "//evil.example/",
            "///evil.example/",
            "/\\evil.example/",
            "\\\\evil.example/",
            "https://evil.example/",
            "/v1/../admin",
            "/v1/./admin",
            "/..",
            "/v1/%2e%2e/admin",
            "/v1/%2E./admin",
            "/v1/..%2fadmin",
            "/v1/%2e%2e%5cadmin",
            "/v1/..;/admin",
            "/v1/..;x=y/admin",
            "/v1\\..\\admin",
            "/v1#fragment",
            "/v1?a#fragment",
            "/v1 HTTP/1.1",
            "/v1\r\nhost: evil.example",
            "/v1?a\r\nb",
            "/v1\t",
            "/v1\0",
            "/ä",
            "/v1\"x",
            "\t//evil.example/",
            "/\t/evil.example/",
        ] {
            assert!(at(&origin, path).is_err(), "{path}");
        }
        assert!(at(&origin, &format!("/{}", "a".repeat(limits::HEADER_BYTES))).is_err());
    }

    #[test]
    fn a_resource_is_method_and_path() {
        assert_eq!(resource("POST", "/v1/messages?key=value"), Ok("POST /v1/messages".to_owned()));
        for method in ["", "get", "GET /x", "G\r\nET", "CONNECT", "TRACE", "*", "É"] {
            assert!(resource(method, "/").is_err(), "{method}");
        }
        assert!(resource("GET", "/a/../b").is_err());
    }
}
