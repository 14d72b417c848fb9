//! A daemon in a folder of its own, and somebody who asks it.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use omi_kernel::id::{Cursor, OwnerId, RunId};
use serde_json::Value;

use super::super::routes::router;
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::follow::is_end;
use crate::prompt::owner;
use crate::state::StateDir;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::surface::Surface;

/// A daemon that is asked in process.
pub(super) struct Bench {
    daemon: Daemon,
    router: Router,
    folder: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Self { status: head.status, headers: head.headers, bytes }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer with this status.
    pub(super) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// The code of a problem with this status, which is whole.
    pub(super) fn problem(&self, status: u16) -> String {
        let problem = self.is(status);
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json");
        assert_eq!(problem["status"], status, "{problem}");
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("detail").is_empty() && !text("detail").contains('\n'), "{problem}");
        assert_eq!(text("type"), format!("urn:omi-agentd:problem:{}", text("code")));
        text("code")
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(folder.path().join("state"))).unwrap();
        share_compiled(state.path());
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "").unwrap();
        let manner =
            Manner { cwd: folder.path().to_owned(), person: true, adopt_queued: true, recordings: None };
        let config = Config::load(&config, true).unwrap();
        let daemon = Daemon::start(&state, config, manner).unwrap();
        let router = router(&daemon.surface(owner()));
        Self { daemon, router, folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn surface(&self, owner: &OwnerId) -> Surface {
        self.daemon.surface(owner.clone())
    }

    /// Asks as an owner.
    pub(super) async fn send(&self, owner: &OwnerId, request: Request) -> Answer {
        let router = self.router.clone().layer(Extension(self.surface(owner)));
        Answer::of(TowerToHyperService::new(router).call(request).await.unwrap()).await
    }

    /// Asks as another owner.
    pub(super) async fn ask_as(&self, owner: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send(&owner.into(), request(method, path, &[], body)).await
    }

    /// Asks as who owns the daemon.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send(&owner(), request(method, path, &[], body)).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    /// Asks with a key.
    pub(super) async fn post_with(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(&owner(), request("POST", path, &[("idempotency-key", key)], Some(body))).await
    }

    /// Waits until a run is over, and shows it.
    pub(super) async fn over(&self, run: &str) -> Value {
        let run = RunId::parse(run).unwrap();
        let surface = self.surface(&owner());
        let filter = SubscribeFilter { owner: None, session: None, run: Some(run.clone()) };
        let mut news = Subscription::new(&surface.client, surface.readers, filter, Some(Cursor(0)));
        loop {
            match news.next().await.unwrap() {
                Seen::Event(event) if is_end(event.kind) => break,
                Seen::Event(_) | Seen::Live(_) | Seen::Gap { .. } | Seen::StoreFailing(_) => {}
            }
        }
        self.get(&format!("/v1/runs/{run}")).await.is(200)
    }

    /// The same daemon, with no memory of what it answered.
    pub(super) fn forget(self) -> Self {
        Self { router: router(&self.surface(&owner())), ..self }
    }

    /// Ends the daemon.
    pub(super) async fn end(self) {
        self.daemon.end().await;
    }
}

/// A request with JSON, if it carries something.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Request {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// Compiles each component once for all tests, as the end-to-end tests do.
fn share_compiled(state: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    let program = std::env::current_exe().unwrap();
    let shared = program.parent().and_then(Path::parent).unwrap().join("compiled-for-tests");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&shared).unwrap();
    std::fs::create_dir(state).unwrap();
    std::os::unix::fs::symlink(shared, state.join("compiled")).unwrap();
}
