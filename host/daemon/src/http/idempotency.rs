//! `Idempotency-Key`: what is asked again with the same key is done once, and answered as it was.
//!
//! Kept for a day, and not over a restart: what has to be known for longer is in the record (a message's key names its
//! run for good, a file is named by its content).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use omi_kernel::id::OwnerId;
use omi_kernel::request::NAME_BYTES_MAX;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::body::whole;
use super::problem::Problem;
use crate::surface::Surface;

/// The header.
pub(super) const HEADER: &str = "idempotency-key";
/// Where files arrive: they are named by their content, and too large to be kept while it is compared.
const FILES: &str = "/v1/files";
/// How long an answer is kept.
const KEEP: Duration = Duration::from_hours(24);
/// Answers of one owner that are kept: then the oldest goes.
const REPLIES_MAX: usize = 1024;
/// Bytes of an answer that is kept. Longer ones are answers about what is recorded.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// The key that a request carries, if it carries one.
pub(super) struct Key(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        key(&parts.headers).map(Self)
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(given) = headers.get(HEADER) else { return Ok(None) };
    match given.to_str() {
        Ok(key) if (1..=NAME_BYTES_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => {
            let why = format!("`Idempotency-Key` is no key; hint: 1 to {NAME_BYTES_MAX} plain characters");
            Err(Problem::new("invalid_parameter", why))
        }
    }
}

/// What was answered to requests with a key. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Replies(Arc<Mutex<BTreeMap<OwnerId, OfOwner>>>);

#[derive(Default)]
struct OfOwner {
    entries: BTreeMap<Name, Entry>,
    /// In the order in which they came.
    order: VecDeque<Name>,
}

/// Path and key.
type Name = (String, String);

struct Entry {
    /// What was asked.
    body: [u8; 32],
    since: Instant,
    /// None while it goes on.
    reply: Option<Reply>,
}

/// An answer.
#[derive(Clone)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What is known about a request.
enum Known {
    /// Nothing: it is done now.
    New(Ticket),
    /// It was answered.
    Over(Reply),
    /// It still goes on.
    GoesOn,
    /// Something else was asked with its key.
    Other,
}

/// A request that goes on. If this is dropped before it is answered, it may come again.
struct Ticket {
    replies: Replies,
    owner: OwnerId,
    name: Name,
}

/// Does what is asked with a key once.
pub(super) async fn idempotent(State(replies): State<Replies>, request: Request, next: Next) -> Response {
    let key = match key(request.headers()) {
        Ok(key) => key.filter(|_| request.method() == Method::POST && request.uri().path() != FILES),
        Err(problem) => return problem.into_response(),
    };
    let owner = request.extensions().get::<Surface>().map(|surface| surface.owner.clone());
    let (Some(key), Some(owner)) = (key, owner) else { return next.run(request).await };
    once(&replies, owner, key, request, next).await.unwrap_or_else(Problem::into_response)
}

async fn once(
    replies: &Replies,
    owner: OwnerId,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let body = whole(Request::from_parts(head.clone(), body)).await?;
    let name = (head.uri.path().to_owned(), key);
    let ticket = match replies.begin(owner, name, digest(&body), Instant::now()) {
        Known::New(ticket) => ticket,
        Known::Over(reply) => return Ok(reply.response()),
        Known::GoesOn => {
            let why = "a request with this `Idempotency-Key` still goes on; hint: ask again in a moment";
            return Err(Problem::new("request_in_progress", why));
        }
        Known::Other => {
            let why = "the `Idempotency-Key` was used before for something else; hint: use a new one";
            return Err(Problem::new("key_conflict", why));
        }
    };
    let request = Request::from_parts(head, Body::from(body));
    // It is done also where its client does not wait for it: who asks again is told what came of it.
    let done = tokio::spawn(async move {
        let (head, body) = next.run(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let reply = Reply { status: head.status, headers: head.headers, body };
        ticket.over(reply.clone());
        reply.response()
    });
    done.await.map_err(|error| Problem::new("internal", error.to_string()))
}

/// What tells bodies apart: JSON by what it says, anything else by its bytes.
fn digest(body: &[u8]) -> [u8; 32] {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            value.sort_all_objects();
            Sha256::digest(value.to_string()).into()
        }
        Err(_) => Sha256::digest(body).into(),
    }
}

impl Replies {
    fn begin(&self, owner: OwnerId, name: Name, body: [u8; 32], now: Instant) -> Known {
        let mut all = self.lock();
        let of_owner = all.entry(owner.clone()).or_default();
        of_owner.forget_while(|entry, _| now.duration_since(entry.since) > KEEP);
        if let Some(entry) = of_owner.entries.get(&name) {
            return match &entry.reply {
                _ if entry.body != body => Known::Other,
                Some(reply) => Known::Over(reply.clone()),
                None => Known::GoesOn,
            };
        }
        of_owner.forget_while(|_, count| count >= REPLIES_MAX);
        of_owner.entries.insert(name.clone(), Entry { body, since: now, reply: None });
        of_owner.order.push_back(name.clone());
        Known::New(Ticket { replies: self.clone(), owner, name })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OwnerId, OfOwner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfOwner {
    /// The oldest goes as long as there is a reason: what it is, or how many there are.
    fn forget_while(&mut self, reason: impl Fn(&Entry, usize) -> bool) {
        while let Some(name) = self.order.front() {
            if self.entries.get(name).is_some_and(|entry| !reason(entry, self.entries.len())) {
                return;
            }
            if let Some(name) = self.order.pop_front() {
                self.entries.remove(&name);
            }
        }
    }
}

impl Ticket {
    /// It is answered. What only says that it could not be done now is not kept: asked again, it may be done.
    fn over(&self, reply: Reply) {
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&reply.status);
        if passing || reply.status.is_server_error() || reply.body.len() > REPLY_BYTES_MAX {
            return;
        }
        let mut all = self.replies.lock();
        let entry = all.get_mut(&self.owner).and_then(|of_owner| of_owner.entries.get_mut(&self.name));
        if let Some(entry) = entry {
            entry.reply = Some(reply);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut all = self.replies.lock();
        let Some(of_owner) = all.get_mut(&self.owner) else { return };
        if of_owner.entries.get(&self.name).is_some_and(|entry| entry.reply.is_none()) {
            of_owner.entries.remove(&self.name);
            of_owner.order.retain(|name| *name != self.name);
        }
    }
}

impl Reply {
    fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: StatusCode) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(b"{}") }
    }

    fn begin(replies: &Replies, owner: &str, key: &str, body: &str) -> Known {
        replies.begin(
            owner.into(),
            ("/v1/x".to_owned(), key.to_owned()),
            digest(body.as_bytes()),
            Instant::now(),
        )
    }

    #[test]
    fn what_is_asked_again_is_answered_as_it_was() {
        let replies = Replies::default();
        let Known::New(ticket) = begin(&replies, "ann", "k", r#"{"a":1,"b":2}"#) else { panic!() };
        assert!(matches!(begin(&replies, "ann", "k", r#"{"b":2,"a":1}"#), Known::GoesOn), "the same JSON");
        assert!(matches!(begin(&replies, "ann", "k", "{}"), Known::Other));
        assert!(
            matches!(begin(&replies, "bob", "k", "{}"), Known::New(_)),
            "keys of another owner are others"
        );
        ticket.over(reply(StatusCode::NOT_FOUND));
        drop(ticket);
        let Known::Over(known) = begin(&replies, "ann", "k", r#"{"a":1,"b":2}"#) else { panic!() };
        assert_eq!((known.status, &known.body[..]), (StatusCode::NOT_FOUND, &b"{}"[..]));
    }

    #[test]
    fn what_came_to_nothing_may_come_again() {
        let replies = Replies::default();
        let Known::New(ticket) = begin(&replies, "ann", "k", "{}") else { panic!() };
        drop(ticket);
        let Known::New(ticket) = begin(&replies, "ann", "k", "other") else { panic!() };
        ticket.over(reply(StatusCode::SERVICE_UNAVAILABLE));
        drop(ticket);
        assert!(matches!(begin(&replies, "ann", "k", "{}"), Known::New(_)));
    }

    #[test]
    fn it_is_kept_for_a_day_and_there_are_only_so_many() {
        let replies = Replies::default();
        let name = |key: &str| ("/v1/x".to_owned(), key.to_owned());
        let ask = |key: &str, at: Instant| match replies.begin("ann".into(), name(key), [0; 32], at) {
            Known::New(ticket) => {
                ticket.over(reply(StatusCode::OK));
                true
            }
            Known::Over(_) | Known::GoesOn | Known::Other => false,
        };
        let today = Instant::now();
        let tomorrow = today + KEEP + Duration::from_secs(1);
        assert!(ask("k", today) && !ask("k", today + KEEP) && ask("k", tomorrow));
        for number in 0..REPLIES_MAX - 1 {
            assert!(ask(&number.to_string(), tomorrow));
        }
        assert_eq!(replies.lock()[&"ann".into()].entries.len(), REPLIES_MAX);
        assert!(ask("one more", tomorrow) && ask("k", tomorrow), "the oldest went");
        assert!(!ask("one more", tomorrow));
        let all = replies.lock();
        let of_ann = &all[&"ann".into()];
        assert_eq!((of_ann.entries.len(), of_ann.order.len()), (REPLIES_MAX, REPLIES_MAX));
    }
}
