//! Who may ask: the key, and the two headers by which a web page that somebody opened is told from a program.
//!
//! A page of any server can have a browser send requests to loopback. The `Host` that it sends then is that of its own
//! server (DNS rebinding), and its `Origin` is always sent along.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;

use super::key::Keys;
use super::problem::Problem;
use super::room::Seat;
use crate::surface::Surface;

/// What a WebSocket of a browser, which can set no header, names its key by among the protocols that it offers.
pub(super) const KEY_PROTOCOL: &str = "omi-key.";
/// Where everybody may ask whether the daemon is there.
pub(super) const HEALTH: &str = "/healthz";
/// What a person opens in a browser: it asks for the key as a password.
const PAGES: [&str; 2] = ["/docs", "/openapi.json"];

/// What a listener lets in.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) surface: Surface,
    pub(super) keys: Keys,
    /// The names under which this server may be asked; none where no name is looked up, as on a Unix socket.
    pub(super) hosts: Option<Arc<[String]>>,
    /// The origins of web pages that may ask, beside its own.
    pub(super) origins: Arc<[String]>,
}

/// Lets a request through with the surface of its owner, or answers why not.
pub(super) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = guard.place(request.headers()) {
        return problem.into_response();
    }
    let path = request.uri().path();
    if path == HEALTH || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let is_page = PAGES
        .iter()
        .any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    match guard.owner_of(request.headers(), is_page) {
        Some(surface) => {
            if let Some(seat) = request.extensions().get::<Arc<Seat>>() {
                seat.known();
            }
            // MCP wants to know the owner alone.
            request.extensions_mut().insert(surface.owner.clone());
            request.extensions_mut().insert(surface);
            next.run(request).await
        }
        None => unauthorized(is_page),
    }
}

fn unauthorized(is_page: bool) -> Response {
    let why = "this needs the API key; hint: `Authorization: Bearer KEY`, with the key in the file that `endpoint.json` in the state folder names";
    let mut response = Problem::new("unauthorized", why).into_response();
    let scheme = if is_page { "Basic realm=\"omi-agentd, the API key as password\"" } else { "Bearer" };
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}

impl Guard {
    /// Whether it comes from where it may come from.
    fn place(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if let Some(hosts) = &self.hosts {
            let named = host.and_then(|host| host.parse::<Authority>().ok());
            let is_known = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
            if !named.is_some_and(|named| is_known(named.host())) {
                let why = "this server is not known by this `Host`; hint: ask it as `127.0.0.1`, or add the name to `http.hosts` in the configuration";
                return Err(Problem::new("forbidden_host", why));
            }
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let own = host.is_some_and(|host| {
            self.hosts.is_some()
                && ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host))
        });
        if own || self.origins.iter().any(|known| known == origin) {
            return Ok(());
        }
        let why = "web pages of this origin may not ask; hint: add it to `http.origins` in the configuration";
        Err(Problem::new("forbidden_origin", why))
    }

    fn owner_of(&self, headers: &HeaderMap, is_page: bool) -> Option<Surface> {
        let key = given(headers, is_page)?;
        Some(self.surface.of(self.keys.owner(&key)?))
    }
}

/// The key that a request carries.
fn given(headers: &HeaderMap, is_page: bool) -> Option<String> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        let (scheme, credentials) = authorization.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(credentials.trim().to_owned());
        }
        // A browser sends a password again by itself: only what changes nothing may be asked so.
        if is_page && scheme.eq_ignore_ascii_case("basic") {
            let decoded = base64::engine::general_purpose::STANDARD.decode(credentials.trim()).ok()?;
            let text = String::from_utf8(decoded).ok()?;
            return text.split_once(':').map(|(_, password)| password.to_owned());
        }
        return None;
    }
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut protocols = offered.flat_map(|list| list.split(',')).map(str::trim);
    protocols.find_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL)).map(str::to_owned)
}
