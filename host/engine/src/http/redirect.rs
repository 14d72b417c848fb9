//! Where an answer sends a request on to, if the grant covers that too.

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION,
};
use reqwest::{StatusCode, Url};

use super::exchange::Step;
use super::{May, Remote, target};
use crate::text::cut;

/// Bytes of an address in an error: enough to see whose it is.
const ADDRESS_BYTES: usize = 200;
/// What describes a body, and goes with it.
const OF_A_BODY: [reqwest::header::HeaderName; 4] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE];

/// The next request; none if the answer is not a redirect.
pub(super) fn next(
    remote: &Remote,
    step: &Step,
    status: StatusCode,
    headers: &HeaderMap,
    may: &May,
) -> Result<Option<Step>, String> {
    let Some(method) = method(step.method.as_str(), status) else { return Ok(None) };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let origin = remote.origin.origin().ascii_serialization();
    let location = location.to_str().ok().and_then(|location| step.url.join(location).ok());
    let Some(mut url) = location else {
        return Err(format!("`{origin}` redirects to something that is not an address"));
    };
    url.set_fragment(None);
    let not_covered = |target: String| {
        let target = cut(target, ADDRESS_BYTES);
        format!("`{origin}` redirects to `{target}`, which the grant `{}` does not cover", remote.grant)
    };
    if !target::is_at(&remote.origin, &url) {
        return Err(not_covered(whose(url)));
    }
    let covered = remote
        .check_method(method)
        .and_then(|()| target::check_path(url.path()))
        .and_then(|()| may(method, url.path()));
    if let Err(why) = covered {
        return Err(format!("{}: {why}", not_covered(format!("{method} {}", url.path()))));
    }
    let mut next = Step { url, ..step.clone() };
    if method != step.method.as_str() {
        next.method = reqwest::Method::GET;
        next.body = bytes::Bytes::new();
        for name in OF_A_BODY {
            next.headers.remove(name);
        }
    }
    Ok(Some(next))
}

/// The method of the next request (RFC 9110, 15.4); none if this status sends nobody on.
fn method(method: &str, status: StatusCode) -> Option<&str> {
    match (status.as_u16(), method) {
        (303, "HEAD") | (307 | 308, _) => Some(method),
        (301 | 302, "POST") | (303, _) => Some("GET"),
        (301 | 302, _) => Some(method),
        _ => None,
    }
}

/// An address without what may be secret in it.
fn whose(mut url: Url) -> String {
    // An address that has no place for them has none of them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_is_kept_or_becomes_get() {
        for (status, before, after) in [
            (301, "POST", Some("GET")),
            (302, "POST", Some("GET")),
            (301, "GET", Some("GET")),
            (302, "PUT", Some("PUT")),
            (301, "HEAD", Some("HEAD")),
            (303, "POST", Some("GET")),
            (303, "PUT", Some("GET")),
            (303, "HEAD", Some("HEAD")),
            (307, "POST", Some("POST")),
            (308, "DELETE", Some("DELETE")),
            (200, "GET", None),
            (300, "GET", None),
            (304, "GET", None),
            (305, "GET", None),
        ] {
            assert_eq!(method(before, StatusCode::from_u16(status).unwrap()), after, "{status} {before}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let url = Url::parse("https://user:password@example.com/path?token=x").unwrap();
        assert_eq!(whose(url), "https://example.com/path");
    }
}
