//! Where requests may go, and with which methods.

use url::Url;

/// Methods that make a connection into something else, or send back what the adapter must not see.
const FORBIDDEN: [&str; 2] = ["CONNECT", "TRACE"];

/// Scheme, host and port in the one way in which they are compared. The error is a sentence without its subject.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let no_origin = || {
        format!("is no origin: `{}`; hint: `https://api.example.com`, with a port if need be", plain(text))
    };
    let (_, after) = text.split_once("://").ok_or_else(no_origin)?;
    if let Some(extra) = after.chars().find(|c| matches!(c, '/' | '\\' | '?' | '#' | '@')) {
        let what = match extra {
            '@' => "a name or password; hint: put a credential into `secrets`",
            '?' | '#' | '/' | '\\' => {
                "more than an origin; hint: leave the path out, and narrow with `resources`"
            }
            _ => return Err(no_origin()),
        };
        return Err(format!("has {what}"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(no_origin());
    }
    let url = Url::parse(text).map_err(|error| format!("is no origin: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("has the scheme `{}`; hint: `https` or `http`", plain(url.scheme())));
    }
    Ok(url.origin().ascii_serialization())
}

/// The methods, each a word in upper case. The error is a sentence without its subject.
pub(super) fn methods(methods: Option<&[String]>) -> Result<Vec<String>, String> {
    let methods = methods.unwrap_or_default();
    if methods.is_empty() {
        return Err("names no method; hint: `methods = [\"GET\", \"POST\"]`".to_owned());
    }
    for method in methods {
        let is_word =
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if !is_word {
            return Err(format!(
                "has `{}`, which is no method; hint: `GET`, `POST`, in upper case",
                plain(method)
            ));
        }
        if FORBIDDEN.contains(&method.as_str()) {
            return Err(format!("has `{method}`, which no adapter may use"));
        }
    }
    Ok(methods.to_vec())
}

/// On one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (text, same) in [
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://API.Example.com:443", "https://api.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(same));
        }
    }

    #[test]
    fn nothing_else_is_an_origin() {
        for (text, said) in [
            ("", "is no origin"),
            ("api.example.com", "is no origin"),
            ("https://", "is no origin"),
            ("https://x:99999", "is no origin"),
            ("https://x y", "is no origin"),
            ("https://x\n", "is no origin"),
            ("ftp://x", "scheme `ftp`"),
            ("file:///etc", "more than an origin"),
            ("https://x/", "more than an origin"),
            ("https://x/v1", "more than an origin"),
            ("https://x?q", "more than an origin"),
            ("https://x#f", "more than an origin"),
            ("https:\\\\x", "is no origin"),
            ("https://x\\y", "more than an origin"),
            ("https://me@x", "a name or password"),
            ("https://me:secret@x", "a name or password"),
        ] {
            let why = origin(text).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{text}: {why}");
            assert!(!why.contains("secret@"), "{why}");
        }
    }

    #[test]
    fn a_method_is_a_word_in_upper_case() {
        let words = |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
        assert_eq!(methods(Some(&words(&["GET", "M-SEARCH"]))), Ok(words(&["GET", "M-SEARCH"])));
        for bad in [&["get"][..], &[""], &["GET /"], &["CONNECT"], &["TRACE"], &[]] {
            assert!(methods(Some(&words(bad))).is_err(), "{bad:?}");
        }
        assert!(methods(None).unwrap_err().contains("hint: `methods"));
    }
}
