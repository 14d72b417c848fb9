//! Server-sent events: what is recorded after a cursor, then everything as it happens.
//!
//! The `id` of an event is its cursor: a client that comes again with `Last-Event-ID` misses nothing. Live text has no
//! id, because what is kept of it follows as events.

#![expect(unused_qualifications, reason = "what utoipa generates names the types of parameters whole")]

mod compact;
mod frame;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use omi_kernel::id::{Cursor, RunId, SessionId};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};

use super::body::{Params, id};
use super::problem::Problem;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::surface::Surface;
use compact::Compact;
use frame::frame;

/// How often something is sent where there is nothing to say: less than what proxies wait for.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Bytes that are sent at once, where there is so much: fewer pieces cost less, but larger ones are given back to the
/// system each time.
const CHUNK_BYTES: usize = 28 * 1024;
/// Bytes that are made room for once there is something to say: some events. Whoever only listens takes none.
const MORE_BYTES: usize = 4 * 1024;
/// What is sent where there is nothing to say.
const NOTHING: &[u8] = b":\n\n";

/// Where to begin, and how it is told.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Listen {
    /// After this cursor; without it from now on. `Last-Event-ID` wins.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How it is told: every event as it is recorded, or what a chat shows.
    #[serde(default)]
    #[param(inline)]
    view: View,
}

/// Where to begin, how it is told, and what about.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListenAll {
    /// After this cursor; without it from now on. `Last-Event-ID` wins.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How it is told: every event as it is recorded, or what a chat shows.
    #[serde(default)]
    #[param(inline)]
    view: View,
    /// About this session only.
    session: Option<String>,
    /// About this run only.
    run: Option<String>,
}

/// How events are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum View {
    /// Each as it is recorded, and live text.
    #[default]
    Full,
    /// `token`, `message.final`, `tool.call`, `tool.result`, `status`, `error`; text about once a second.
    Compact,
}

/// Follows a session.
#[utoipa::path(get, path = "/v1/sessions/{id}/events", operation_id = "followSession", tag = "events",
    params(("id" = String, Path, description = "The session"), Listen,
        ("last-event-id" = Option<String>, Header, description = "The last cursor that was seen: sent by a browser that connects again")),
    responses((status = OK, content_type = "text/event-stream", description = "Events: `id` is the cursor, `event` the type, `data` the event.")))]
pub(super) async fn of_session(
    Extension(surface): Extension<Surface>,
    Path(session): Path<String>,
    Params(listen): Params<Listen>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session: SessionId = id("session", &session)?;
    follow(&surface, Some(session), None, &listen, &headers)
}

/// Follows everything of the owner, or one session or run.
#[utoipa::path(get, path = "/v1/events", operation_id = "follow", tag = "events",
    params(ListenAll,
        ("last-event-id" = Option<String>, Header, description = "The last cursor that was seen: sent by a browser that connects again")),
    responses((status = OK, content_type = "text/event-stream", description = "Events: `id` is the cursor, `event` the type, `data` the event.")))]
pub(super) async fn of_all(
    Extension(surface): Extension<Surface>,
    Params(listen): Params<ListenAll>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ListenAll { after, view, session, run } = listen;
    let session = session.as_deref().map(|session| id("session", session)).transpose()?;
    let run = run.as_deref().map(|run| id("run", run)).transpose()?;
    follow(&surface, session, run, &Listen { after, view }, &headers)
}

fn follow(
    surface: &Surface,
    session: Option<SessionId>,
    run: Option<RunId>,
    listen: &Listen,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if let Some(session) = &session {
        super::session::known(surface, session)?;
    }
    if let Some(run) = &run {
        super::run::find(surface, run)?;
    }
    let after = after(listen.after, headers)?;
    let filter = SubscribeFilter { owner: Some(surface.owner.clone()), session, run };
    let news = Subscription::new(&surface.client, surface.readers.clone(), filter, after);
    let compact = (listen.view == View::Compact).then(Compact::default);
    let told = Told { news, compact, over: false };
    let stream = futures_util::stream::unfold(told, |mut told| async move {
        let chunk = told.next().await?;
        Some((Ok::<_, Infallible>(chunk), told))
    });
    let head = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
        // A proxy that keeps what it gets until there is more would keep the last event.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((head, Body::from_stream(stream)).into_response())
}

/// After which cursor: what a client saw last, wherever it says so.
fn after(parameter: Option<i64>, headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let header = headers.get("last-event-id").filter(|value| !value.is_empty());
    let given = match header {
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(number.ok_or_else(|| Problem::new("invalid_parameter", "`Last-Event-ID` is no cursor"))?)
        }
        None => parameter,
    };
    match given {
        Some(before @ ..0) => {
            Err(Problem::new("invalid_parameter", format!("the cursor {before} is less than 0")))
        }
        given => Ok(given.map(Cursor)),
    }
}

/// What a client is told, a chunk at a time.
struct Told {
    news: Subscription,
    compact: Option<Compact>,
    /// The daemon has ended.
    over: bool,
}

impl Told {
    /// What there is to tell, or a sign of life where there is nothing for a while; none once the daemon has ended.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let mut chunk = Vec::new();
        let silent = Instant::now() + HEARTBEAT;
        while chunk.is_empty() {
            let due = self.compact.as_ref().and_then(Compact::due).map_or(silent, |due| due.min(silent));
            match timeout_at(due, self.news.next()).await {
                Ok(Some(seen)) => self.tell(&seen, &mut chunk),
                Ok(None) => {
                    self.over = true;
                    self.rest(&mut chunk);
                    return (!chunk.is_empty()).then(|| chunk.into());
                }
                Err(_) => {
                    self.rest(&mut chunk);
                    if chunk.is_empty() && Instant::now() >= silent {
                        return Some(Bytes::from_static(NOTHING));
                    }
                }
            }
        }
        chunk.reserve(MORE_BYTES);
        // What is there already goes along: to ask does not lose it, and does not wait for it.
        while chunk.len() < CHUNK_BYTES
            && let Some(Some(seen)) = self.news.next().now_or_never()
        {
            self.tell(&seen, &mut chunk);
        }
        Some(chunk.into())
    }

    fn tell(&mut self, seen: &Seen, chunk: &mut Vec<u8>) {
        match &mut self.compact {
            Some(compact) => compact.tell(seen, chunk),
            None => full(seen, chunk),
        }
    }

    /// Text that waited for more, if it has waited long enough.
    fn rest(&mut self, chunk: &mut Vec<u8>) {
        let over = self.over;
        if let Some(compact) = self
            .compact
            .as_mut()
            .filter(|compact| over || compact.due().is_some_and(|due| due <= Instant::now()))
        {
            compact.flush(chunk);
        }
    }
}

fn full(seen: &Seen, chunk: &mut Vec<u8>) {
    match seen {
        Seen::Event(event) => frame(chunk, Some(event.cursor), event.kind.as_str(), event.json()),
        Seen::Live(live) => {
            frame(chunk, None, frame::live_kind(live), live.once.json(|| frame::live(live).to_string()));
        }
        Seen::Gap { after, through, reason } => {
            frame(chunk, None, "gap", &frame::gap(*after, *through, reason).to_string());
        }
        Seen::StoreFailing(why) => frame(chunk, None, "error", &frame::failing(why).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use omi_kernel::id::Timestamp;
    use omi_store::Store;

    use super::*;
    use crate::client::{Client, Owners};

    #[tokio::test(start_paused = true)]
    async fn there_is_a_sign_of_life_where_nothing_happens() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("record");
        let _store = Store::open(&database, Timestamp(1)).unwrap();
        let (messages, _kept) = tokio::sync::mpsc::channel(1);
        let (publish, listener) = tokio::sync::broadcast::channel(1);
        let client = Client { messages, published: Arc::new(listener), owners: Owners::default() };
        let readers = crate::surface::Readers::new(database);
        let news = Subscription::new(&client, readers, SubscribeFilter::default(), None);
        let mut told = Told { news, compact: Some(Compact::default()), over: false };
        let begun = Instant::now();
        for number in 1..3 {
            assert_eq!(told.next().await.as_deref(), Some(NOTHING));
            assert_eq!(begun.elapsed(), HEARTBEAT * number);
        }
        drop((publish, client));
        assert_eq!(told.next().await, None, "the daemon has ended");
    }

    #[test]
    fn what_was_seen_last_wins_over_where_to_begin() {
        let headers = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("last-event-id", text.parse().unwrap());
            headers
        };
        assert_eq!(after(None, &HeaderMap::new()), Ok(None));
        assert_eq!(after(Some(3), &HeaderMap::new()), Ok(Some(Cursor(3))));
        assert_eq!(after(Some(3), &headers("7")), Ok(Some(Cursor(7))));
        assert_eq!(after(Some(3), &headers("")), Ok(Some(Cursor(3))));
        assert!(after(None, &headers("x")).is_err());
        assert!(after(Some(-1), &HeaderMap::new()).is_err());
        assert!(after(None, &headers("-1")).is_err());
    }
}
