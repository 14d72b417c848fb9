//! Requests to the server of a grant, and to no other.
//!
//! ```text
//! HttpRequest ─▶ target, headers ─▶ name ─▶ addresses, public ones only ─▶ connection ─▶ head ─▶ body ─▶ inbox
//!                      ▲                                                                  │
//!                      └───────────── redirect: same origin, asked again ◀────────────────┘
//! ```
//!
//! Each request has a connection of its own, so that nothing is open under a grant that was revoked. No proxy, no
//! cookies, no decompression: what the adapter is given is what the server sent, without the secrets.

mod body;
mod exchange;
mod headers;
mod redirect;
mod resolver;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::framing::Framing;
use crate::inbox::{Inbox, Item};
use crate::input::{HttpOutcome, Input, Op};
use crate::redact::Hidden;
use crate::registration::BoundHttp;
use resolver::Resolver;

pub(crate) use target::resource;

/// A request, as an adapter asks for it.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) op: Op,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How the body of the answer is cut.
    pub(crate) framing: Framing,
}

/// Whether a redirect to this method and path (without a query) is allowed; if not, why.
pub(crate) type May = Arc<dyn Fn(&str, &str) -> Result<(), String> + Send + Sync>;

/// The server of one grant, with its secrets: made for one request, because a secret is read when it is used.
pub(crate) struct Remote {
    grant: String,
    origin: Url,
    methods: Vec<String>,
    secrets: HeaderMap,
    hidden: Hidden,
    timeout: Duration,
    body_bytes: u64,
    client: Client,
}

impl Remote {
    /// `secrets` are the headers to add, each with its whole value; `hidden` is what the adapter must not see of an
    /// answer.
    pub(crate) fn new(
        grant: &str,
        bound: &BoundHttp,
        secrets: &[(String, String)],
        hidden: Hidden,
    ) -> Result<Self, String> {
        let origin = target::origin(&bound.origin)?;
        let tls = if origin.scheme() == "https" { tls::system()? } else { tls::none()? };
        Self::with(grant, bound, secrets, hidden, Resolver::system(grant, bound.private), tls)
    }

    fn with(
        grant: &str,
        bound: &BoundHttp,
        secrets: &[(String, String)],
        hidden: Hidden,
        resolver: Resolver,
        tls: ClientConfig,
    ) -> Result<Self, String> {
        let origin = target::origin(&bound.origin)?;
        resolver.check_literal(&origin)?;
        Ok(Self {
            grant: grant.to_owned(),
            origin,
            methods: bound.methods.clone(),
            secrets: secret_headers(secrets)?,
            hidden,
            timeout: Duration::from_millis(bound.timeout_ms),
            body_bytes: bound.body_bytes,
            client: client(resolver, tls)?,
        })
    }
}

/// A request under way. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    given_up: Arc<Notify>,
}

impl Transfer {
    /// Gives it up. How it ended is still told.
    pub(crate) fn abort(&self) {
        self.given_up.notify_one();
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Sends a request. What comes of it is told to `inbox`: a head and pieces of a body, if they come, and always one end.
pub(crate) fn start(
    remote: Remote,
    request: HttpRequest,
    may: May,
    inbox: Arc<Inbox>,
    tokio: &Handle,
) -> Transfer {
    let given_up = Arc::new(Notify::new());
    let transfer = Transfer { given_up: Arc::clone(&given_up) };
    tokio.spawn(async move {
        let op = request.op;
        let outcome = tokio::select! {
            biased;
            () = given_up.notified() => HttpOutcome::Aborted,
            outcome = exchange::run(&remote, request, may, &inbox) => outcome,
        };
        inbox.tell(Item::Input(Input::HttpEnd { op, outcome }));
    });
    transfer
}

fn secret_headers(secrets: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in secrets {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` under `secrets` is not the name of a header"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            format!("the secret for the header `{name}` has characters that no header can have")
        })?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

fn client(resolver: Resolver, tls: ClientConfig) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("cannot send requests: {}", exchange::cause(&error)))
}
