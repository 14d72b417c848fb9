//! The built client in a page of a real Chromium, from another origin, over a connection that breaks in mid-stream.

use std::process::{Command, Stdio};

use omi_tests::world::http::HttpDaemon;
use omi_tests::world::server::{Request, Server, answer};
use omi_tests::world::{Running, World, eventually, tester};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::built;
use super::proxy::Proxy;

/// Names the program.
const PROGRAM: &str = "OMI_CHROMIUM";
/// The page: where the name of the client leads, and what it does.
const PAGE: &str = r#"<!doctype html><title>A page</title>
<script type="importmap">{ "imports": { "omi-agentd-client": "/client/index.js" } }</script>
<script type="module" src="/page.js"></script>"#;

/// A page on a server of its own.
struct Page {
    server: Server,
    /// The daemon that it is to ask, which is known later than the page.
    place: std::sync::Arc<std::sync::OnceLock<String>>,
}

impl Page {
    fn new() -> Self {
        let place = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
        let known = std::sync::Arc::clone(&place);
        let files = ["index.js", "client.js", "events.js", "api.js"].map(|name| (name, built(name)));
        let server = Server::start(move |request: &Request| {
            let target = request.target();
            let client = target.strip_prefix("/client/");
            let script = match target {
                "/" => return answer("200 OK", "Content-Type: text/html\r\n", PAGE),
                "/told" => return answer("204 No Content", "", ""),
                "/page.js" => Some(include_str!("page.js")),
                "/place.js" => known.get().map(String::as_str),
                _ => files.iter().find(|(name, _)| Some(*name) == client).map(|(_, text)| text.as_str()),
            };
            match script {
                Some(script) => answer("200 OK", "Content-Type: text/javascript\r\n", script),
                None => answer("404 Not Found", "", ""),
            }
        });
        Self { server, place }
    }

    /// What it told so far.
    fn told(&self) -> Vec<Value> {
        let told = |request: &Request| serde_json::from_str(&request.body).ok();
        self.server.seen().iter().filter_map(told).collect()
    }

    fn is_told(&self, kind: &str) -> bool {
        self.told().iter().any(|told| told["type"] == kind)
    }

    /// Opens it in a browser.
    fn open(&self, world: &World, daemon: &HttpDaemon, url: &str, message: &Value) -> Running {
        let place = format!(
            "export const url = {}; export const key = {}; export const message = {message};",
            json!(url),
            json!(daemon.key)
        );
        self.place.set(place).expect("it is opened once");
        let chromium =
            std::env::var_os(PROGRAM).expect("OMI_CHROMIUM names Chromium; hint: cargo xtask test --long");
        let mut command = Command::new(chromium);
        world.settle(&mut command);
        command.args(["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu"]);
        command.args(["--disable-dev-shm-usage"]);
        command.arg(format!("--user-data-dir={}", world.path("profile").display()));
        command.arg(self.server.origin());
        Running::start(command.stdin(Stdio::null()))
    }
}

fn close(browser: Running) {
    browser.signal(Signal::TERM);
    browser.ended();
}

#[test]
#[ignore = "needs Chromium and the built client; hint: cargo xtask test --long"]
fn a_page_whose_connection_breaks_has_every_event_once_and_the_whole_text() {
    let page = Page::new();
    let world = World::new();
    world.configure(&format!("http.origins = [\"{}\"]\n{}", page.server.origin(), tester(&[], "")));
    let daemon = HttpDaemon::start(&world, &["--http"]);
    let url = daemon.endpoint["http"].as_str().unwrap();
    let proxy = Proxy::start(url.strip_prefix("http://").unwrap().to_owned());
    let message = json!({ "adapterId": "tester", "cwd": world.work(), "text": "stream 400 100" });
    let browser = page.open(&world, &daemon, &format!("http://{}", proxy.address), &message);

    let pieces = || world.event_types().iter().filter(|kind| *kind == "message.delta").count();
    eventually("some text was told", || page.is_told("text") || page.is_told("failed"));
    proxy.cut();
    let before = pieces();
    eventually("text is recorded that the page cannot hear", || pieces() > before);
    eventually("the page has tried in vain", || proxy.refused() > 0);
    assert!(!page.is_told("over"), "it is in mid-stream: {:?}", page.told());
    proxy.open();
    eventually("the page has heard the end", || page.is_told("over"));
    close(browser);

    let told = page.told();
    let of = |kind: &str| told.iter().filter(|told| told["type"] == kind).cloned().collect::<Vec<_>>();
    assert_eq!(of("failed"), Vec::<Value>::new());
    assert_eq!(of("gap"), Vec::<Value>::new(), "nothing was missed");
    let opened = of("connection").iter().filter(|told| told["open"] == true).count();
    assert!(opened >= 2 && of("connection").len() > opened, "it was lost and made again: {told:?}");
    let mut heard: Vec<Value> = of("event").iter().map(|told| told["data"].clone()).collect();
    let cursors: Vec<i64> = heard.iter().filter_map(|event| event["cursor"].as_i64()).collect();
    assert_eq!(cursors.len(), heard.len());
    assert!(cursors.is_sorted_by(|one, next| one < next), "each once, in its order: {cursors:?}");
    assert!(heard.iter().any(|event| event["type"] == "message.delta"));
    // The pieces of a message are on record until it is whole.
    heard.retain(|event| event["type"] != "message.delta");
    assert!(heard == world.list("events"), "every event: {cursors:?}");
    let text: String = of("text").iter().filter_map(|told| told["text"].as_str()).collect();
    let words: Vec<String> = (0..400).map(|number| format!("word{number} ")).collect();
    assert_eq!(text, words.concat());
    assert_eq!(world.list("runs")[0]["status"], "succeeded");
    daemon.end();
}

#[test]
#[ignore = "needs Chromium and the built client; hint: cargo xtask test --long"]
fn a_page_of_another_origin_is_refused_and_does_nothing() {
    let (page, known) = (Page::new(), Page::new());
    let world = World::new();
    world.configure(&format!("http.origins = [\"{}\"]\n{}", known.server.origin(), tester(&[], "")));
    let daemon = HttpDaemon::start(&world, &["--http"]);
    let url = daemon.endpoint["http"].as_str().unwrap();
    let message = json!({ "adapterId": "tester", "cwd": world.work(), "text": "say hello" });
    let browser = page.open(&world, &daemon, url, &message);
    eventually("the page has tried", || page.is_told("over"));
    close(browser);
    let told = page.told();
    assert_eq!(told[0]["type"], "failed", "{told:?}");
    assert_eq!(told[0]["name"], "TypeError", "a browser says of it no more than that: {told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(daemon.tcp().get("/v1/sessions").json()["items"], json!([]), "nothing was done");
    daemon.end();
}
