//! Sends requests to where it may not, in every way it knows, and says what came of each.
//!
//! The prompt is the origin that it may not reach, without the scheme: `127.0.0.1:1234`.

use std::collections::BTreeMap;

use omi_adapter_sdk::{
    Adapter, Attempt, Capability, Descriptor, HttpRequest, Input, Millis, Outputs, Pair, Why,
};
use omi_test_guests::{anything, asking, finish, get, polite, say, text};

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    /// What is open, by op: how it was asked for, and what was heard of it.
    open: BTreeMap<u32, (String, String)>,
    waiting: Vec<HttpRequest>,
}
omi_adapter_sdk::export_adapter!(Guest);

/// Requests at the same time: fewer than `limits.requests`.
const AT_ONCE: usize = 8;

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let ask = |name| anything(name, Capability::Http);
        asking("origin-escape", vec![ask("remote"), ask("named"), ask("mapped"), ask("public")])
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.waiting = requests(execute.attempt, &text(&execute.prompt));
                say(self.attempt, format!("{} requests", self.waiting.len()), out);
            }
            Some(Input::HttpHead(head)) => self.heard(head.op, &format!(" {}", head.status)),
            Some(Input::HttpBody(body)) => {
                self.heard(body.op, &format!(" {}", String::from_utf8_lossy(&body.data)));
            }
            Some(Input::HttpEnd(end)) => self.settle(end.op, &format!(" {:?}", end.outcome), out),
            Some(Input::Refused(refused)) => {
                let why = match refused.why {
                    Why::Denied(text) | Why::Failed(text) | Why::Limit(text) => text,
                    other => format!("UNEXPECTED {other:?}"),
                };
                self.settle(refused.op, &format!(" refused {why}"), out);
            }
            _ => return,
        }
        self.go_on(out);
    }
}

impl Guest {
    fn go_on(&mut self, out: &mut Outputs) {
        while self.open.len() < AT_ONCE
            && let Some(request) = self.waiting.pop()
        {
            let HttpRequest { grant, method, path, headers, .. } = &request;
            let form = format!("{grant} {method:?} {path:?} {headers:?}").chars().take(120).collect();
            self.open.insert(request.op, (form, String::new()));
            out.push(request);
        }
    }

    fn heard(&mut self, op: u32, what: &str) {
        if let Some((_, heard)) = self.open.get_mut(&op) {
            heard.push_str(what);
        }
    }

    fn settle(&mut self, op: u32, last: &str, out: &mut Outputs) {
        self.heard(op, last);
        if let Some((form, heard)) = self.open.remove(&op) {
            say(self.attempt, format!("{form}:{}", heard.replace('\n', " ")), out);
        }
        if self.open.is_empty() && self.waiting.is_empty() {
            finish(self.attempt, out);
        }
    }
}

/// The ways out, towards `inner`.
fn requests(attempt: Attempt, inner: &str) -> Vec<HttpRequest> {
    let paths = [
        "/redirect/absolute".to_owned(),
        "/redirect/relative-authority".to_owned(),
        "/redirect/userinfo".to_owned(),
        "/redirect/mapped".to_owned(),
        "/redirect/scheme".to_owned(),
        "/redirect/chain".to_owned(),
        "/redirect/endless".to_owned(),
        format!("//{inner}/stolen"),
        format!("http://{inner}/stolen"),
        format!("@{inner}/stolen"),
        format!(":80@{inner}/stolen"),
        format!("\\\\{inner}\\stolen"),
        format!("/\\{inner}/stolen"),
        format!("{inner}/stolen"),
        ".stolen.example/".to_owned(),
        String::new(),
        format!("/x HTTP/1.1\r\nHost: {inner}\r\n\r\nGET /smuggled"),
        "/x\nInjected: 1".to_owned(),
        "/\0".to_owned(),
        format!("/?{}", "x".repeat(200_000)),
    ];
    let headers: [(&str, &str); 10] = [
        ("Host", inner),
        ("host", inner),
        ("Injected\r\nHost", inner),
        ("X-One", "1\r\nInjected: 1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5000"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"),
        ("Authorization", "Bearer of-the-guest"),
        ("", "x"),
    ];
    let methods = ["CONNECT", "TRACE", "DELETE", "get", "GET http://evil/", "GET\r\nHost: x", ""];
    let named = ["named", "mapped", "public"];
    let by_path = paths.into_iter().map(|path| get(0, attempt, "remote", &path));
    let by_header = headers.into_iter().map(|(name, value)| {
        let pair: Pair = (name.to_owned(), value.to_owned());
        HttpRequest { headers: vec![pair], ..get(0, attempt, "remote", "/header") }
    });
    let by_method = methods
        .into_iter()
        .map(|method| HttpRequest { method: method.to_owned(), ..get(0, attempt, "remote", "/method") });
    let by_name = named.into_iter().map(|grant| get(0, attempt, grant, "/stolen"));
    let all = by_path.chain(by_header).chain(by_method).chain(by_name);
    (1..).zip(all).map(|(op, request)| HttpRequest { op, ..request }).collect()
}
