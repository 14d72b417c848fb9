//! A command and a daemon in two tasks of one process, with the real protocol between them.

use std::path::Path;
use std::sync::Arc;

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::request::SessionRef;
use omi_store::{EventFilter, Reader};

use super::*;
use crate::client::Recorded;
use crate::follow::is_end;
use crate::http::{Endpoint, HttpServer};
use crate::prompt::{Prompt, owner};
use crate::subscribe::Seen;

/// A daemon that listens on a socket of its own.
struct Serving {
    folder: tempfile::TempDir,
    state: StateDir,
    daemon: Daemon,
}

impl Serving {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(folder.path().join("state"))).unwrap();
        let config = Config::load(Path::new("/nonexistent/config.toml"), false).unwrap();
        let cwd = folder.path().to_owned();
        let manner = Manner { cwd, person: true, adopt_queued: true, recordings: None };
        let daemon = Daemon::start(&state, config, manner).unwrap();
        Self { folder, state, daemon }
    }

    /// Listens, and says so.
    async fn listen(&self) -> HttpServer {
        HttpServer::start(&self.state, self.daemon.surface(owner()), None).await.unwrap()
    }

    /// Says something else about where it listens.
    fn announce(&self, server: &HttpServer, change: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = server.endpoint.clone();
        change(&mut endpoint);
        std::fs::write(self.state.endpoint(), serde_json::to_string(&endpoint).unwrap()).unwrap();
    }

    /// Listens, and is found.
    async fn found(&self) -> (HttpServer, Remote) {
        let server = self.listen().await;
        (server, serving(&self.state).await.unwrap().unwrap())
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.state.database()).unwrap()
    }

    fn before(&self) -> Cursor {
        self.reader().latest_cursor().unwrap()
    }
}

fn prompt(text: &str, key: Option<&str>) -> Prompt {
    Prompt {
        client: "cli".to_owned(),
        request: "not sent".to_owned(),
        idempotency_key: key.map(str::to_owned),
        session: SessionRef::default(),
        surface: "cli".to_owned(),
        adapter: Some("echo".to_owned()),
        blocks: vec![PromptBlock::Text { text: text.to_owned() }],
        mode: RunMode::Act,
        ..Prompt::default()
    }
}

fn accepted(answered: Answered) -> (RunId, bool) {
    match answered {
        Answered::Accepted { run, repeated, .. } => (run, repeated),
        other => panic!("{other:?}"),
    }
}

/// What is heard of a run up to its end: its events, and the text that came live.
async fn heard(news: &mut News, run: &RunId) -> (Vec<Arc<Recorded>>, String) {
    let (mut events, mut text) = (Vec::new(), String::new());
    loop {
        match news.next().await.expect("the daemon goes on") {
            Seen::Event(event) => {
                let over = is_end(event.kind) && event.run_id.as_ref() == Some(run);
                events.push(event);
                if over {
                    return (events, text);
                }
            }
            Seen::Live(live) => text.push_str(&live.text),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_in_another_process_as_it_is_recorded() {
    let serving = Serving::start();
    let (_server, remote) = serving.found().await;
    let before = serving.before();
    let (run, repeated) = accepted(remote.query(&prompt("hello there", None), before).await.unwrap());
    assert!(!repeated);
    let filter = SubscribeFilter { run: Some(run.clone()), ..SubscribeFilter::default() };
    let mut news = Link::from(remote).news(filter, Some(before)).await.unwrap();
    let (events, _) = heard(&mut news, &run).await;
    let filter = EventFilter { run: Some(run.clone()), limit: 500, ..EventFilter::default() };
    let recorded = serving.reader().events(&filter).unwrap();
    for event in &recorded {
        assert!(events.iter().any(|heard| ***heard == *event), "not heard as it is recorded: {event:?}");
    }
    let found = serving.reader().run(Some(&owner()), &run).unwrap().unwrap();
    assert_eq!(found.final_text.as_deref(), Some("hello there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_there_before_is_told_from_a_new_one() {
    let serving = Serving::start();
    let (_server, remote) = serving.found().await;
    let session = {
        let before = serving.before();
        match remote.query(&prompt("once", None), before).await.unwrap() {
            Answered::Accepted { session, .. } => session,
            other => panic!("{other:?}"),
        }
    };
    let again = || {
        let mut prompt = prompt("with a key", Some("k"));
        prompt.session.id = Some(session.clone());
        prompt
    };
    let before = serving.before();
    let (first, repeated) = accepted(remote.query(&again(), before).await.unwrap());
    assert!(!repeated);
    let before = serving.before();
    let (second, repeated) = accepted(remote.query(&again(), before).await.unwrap());
    assert_eq!((second, repeated), (first, true), "whether it is over or goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_there_is_refused_here_with_the_same_words() {
    let serving = Serving::start();
    let (_server, remote) = serving.found().await;
    let mut nobody = prompt("hi", None);
    nobody.adapter = Some("nobody".to_owned());
    let refused = remote.query(&nobody, serving.before()).await.unwrap_err();
    assert!(refused.to_string().contains("`nobody`"), "{refused}");
    let missing = RunId::parse(&format!("run_{}", "0".repeat(32))).unwrap();
    let refused = Link::from(remote).cancel(missing).await.unwrap_err();
    assert_eq!(refused.code, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_while_nobody_reads_the_news() {
    let serving = Serving::start();
    let (_server, remote) = serving.found().await;
    let link = Link::from(remote.clone());
    let _unread = link.news(SubscribeFilter::default(), Some(Cursor::default())).await.unwrap();
    let text = "many words ".repeat(20_000);
    let (run, _) = accepted(remote.query(&prompt(&text, None), serving.before()).await.unwrap());
    let ack = link.cancel(run).await.unwrap();
    assert!(ack.accepted || ack.status.is_terminal(), "{ack:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_of_another_version_is_named() {
    let serving = Serving::start();
    let server = serving.listen().await;
    serving.announce(&server, |endpoint| endpoint.version = "7.3.1".to_owned());
    let error = find(&serving.state).await.unwrap_err().to_string();
    assert!(error.contains("7.3.1") && error.contains("hint:") && !error.contains('\n'), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_starting_is_waited_for_and_what_a_killed_one_left_is_not_it() {
    let serving = Serving::start();
    let server = serving.listen().await;
    serving.announce(&server, |endpoint| (endpoint.pid, endpoint.protocol_version) = (1, 3));
    let found = tokio::spawn({
        let state = serving.state.clone();
        async move { find(&state).await.map(|found| matches!(found, Found::Serving(_))) }
    });
    serving.announce(&server, |_| {});
    assert!(found.await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_ending_is_waited_for() {
    let serving = Serving::start();
    let state = serving.state.clone();
    let found = tokio::spawn(async move { find(&state).await.map(|found| matches!(found, Found::Free(_))) });
    let Serving { daemon, folder: _folder, .. } = serving;
    daemon.end().await;
    assert!(found.await.unwrap().unwrap());
}

#[tokio::test]
async fn one_that_does_not_answer_is_not_waited_for_for_ever() {
    let serving = Serving::start();
    let error = find_within(&serving.state, Duration::ZERO).await.unwrap_err().to_string();
    assert!(error.contains("does not answer; hint:"), "{error}");
}

#[tokio::test]
async fn another_command_that_has_the_folder_is_no_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::choose(Some(folder.path().to_owned())).unwrap();
    let _lock = state.lock().unwrap();
    let error = find(&state).await.unwrap_err().to_string();
    assert!(error.contains("another omi-agentd") && error.contains("hint:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_key_is_refused() {
    let serving = Serving::start();
    let server = serving.listen().await;
    let other = serving.folder.path().join("other");
    std::fs::write(&other, "wrong").unwrap();
    serving.announce(&server, |endpoint| endpoint.key_file = other);
    let error = find(&serving.state).await.unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
}
