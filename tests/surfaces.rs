//! The three surfaces of seed §13.4 through one daemon at once: main chat, task chat and two floating pills, each over a
//! door of its own (seed §15: what is shown of them is what their events tell).
//!
//! | session | name | door |
//! | --- | --- | --- |
//! | `main_chat` | `chat:default` | wire v2 on a pipe |
//! | `task_chat` | `task:7` | HTTP and server-sent events |
//! | `floating_pill` | `pill:…1` | WebSocket |
//! | `floating_pill` | `pill:…2` | native messaging |

use omi_tests::world::http::{Client, Events, HttpDaemon, WebSocket};
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, eventually};
use serde_json::{Value, json};

use crate::native::browser::Extension;

/// What names a session: its kind of surface, and the two halves of the surface's name for it.
type Name = (&'static str, &'static str, &'static str);

const MAIN: Name = ("main_chat", "chat", "default");
const TASK: Name = ("task_chat", "task", "7");
const PILL: Name = ("floating_pill", "pill", "6a1f3f0e-0000-4000-8000-000000000001");
const OTHER_PILL: Name = ("floating_pill", "pill", "6a1f3f0e-0000-4000-8000-000000000002");
/// Each with the word that only it says.
const ALL: [(Name, &str); 4] = [(MAIN, "apple"), (TASK, "bread"), (PILL, "cream"), (OTHER_PILL, "dates")];

/// What is asked: a word of its own, then text until it is stopped.
fn prompt(word: &str) -> String {
    format!("say {word} {word} {word}\nslow")
}

fn fields(name: Name, prompt: &str) -> Value {
    let (surface, kind, id) = name;
    json!({ "adapterId": "tester", "prompt": prompt, "surfaceKind": surface, "externalRefKind": kind,
        "externalRefId": id })
}

/// Asks over HTTP for a session of a name, with a first message.
fn begin(client: &Client, name: Name, adapter: &str, text: &str) -> Value {
    let (surface, kind, id) = name;
    let body = json!({ "surfaceKind": surface, "externalRefKind": kind, "externalRefId": id,
        "adapterId": adapter, "message": { "text": text } });
    let made = client.post("/v1/sessions", &body);
    assert!(made.status == 201 || made.status == 200, "{made:?}");
    made.json()
}

/// Where a session stands, by the name that its surface has for it.
fn standing(client: &Client, name: Name) -> Value {
    let (_, kind, id) = name;
    let answer = client.get(&format!("/v1/status?externalRefKind={kind}&externalRefId={id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn status(client: &Client, name: Name) -> Value {
    standing(client, name)["run"]["status"].clone()
}

/// One daemon, and four clients of it that have each asked for something.
struct Stage {
    world: World,
    main: Serving,
    http: Client,
    task: Events,
    pill: WebSocket,
    other_pill: Extension,
}

impl Stage {
    /// All four run at once, and each has heard its word.
    fn begin() -> Self {
        let world = World::new();
        world.register_tester(&[]);
        let running = world.start(&["serve", "--stdio", "--http", "127.0.0.1:0"]);
        running.message("init", |message| message["type"] == "init");
        let daemon = HttpDaemon::of(&world, running);
        let http = daemon.tcp();
        let mut pill = http.websocket().expect("it is let in");
        let mut main = Serving { running: daemon.running };
        let mut other_pill = Extension::connect(&world);
        let asked = |index: usize| fields(ALL[index].0, &prompt(ALL[index].1));
        main.ask("query", "main", &asked(0));
        let made = begin(&http, TASK, "tester", &prompt(ALL[1].1));
        pill.send("pill", "query", "pill", &asked(2));
        other_pill.ask("query", "other-pill", &asked(3));
        let session = text(&made["session"], "sessionId");
        let task = http.listen(&format!("/v1/sessions/{session}/events?after=0"));
        let stage = Self { world, main, http, task, pill, other_pill };
        for (name, word) in ALL {
            let said =
                |standing: &Value| standing["run"]["text"].as_str().is_some_and(|text| text.contains(word));
            eventually("it has said its word", || {
                let named = "externalRefKind=".to_owned() + name.1 + "&externalRefId=" + name.2;
                let answer = stage.http.get(&format!("/v1/status?{named}"));
                answer.status == 200 && said(&answer.json())
            });
        }
        for (name, _) in ALL {
            assert_eq!(status(&stage.http, name), "running", "all four at once");
        }
        stage
    }

    fn run(&self, name: Name) -> String {
        text(&standing(&self.http, name)["run"], "runId")
    }

    /// These go on: they run, and say more than they have said.
    fn go_on(&self, names: &[Name]) {
        for &name in names {
            let said = |standing: &Value| standing["run"]["text"].as_str().unwrap_or_default().len();
            let before = standing(&self.http, name);
            assert_eq!(before["run"]["status"], "running", "{before}");
            eventually("it says more", || said(&standing(&self.http, name)) > said(&before));
        }
    }
}

/// Of the words of all four, only this one was heard.
fn heard_only(word: &str, heard: &[Value]) {
    let heard: String = heard.iter().map(Value::to_string).collect();
    for (_, each) in ALL {
        assert_eq!(heard.contains(each), each == word, "`{each}` where only `{word}` is said: {heard}");
    }
}

#[test]
fn four_sessions_run_at_once_and_none_hears_another() {
    let mut stage = Stage::begin();
    // Each hears a text that came when all of them ran.
    stage.main.hear_all("text_delta", "main", 4);
    heard_only("apple", &stage.main.said());
    let seen = stage.task.up_to(|event| event.data.to_string().contains("tick"));
    let of_task = stage.run(TASK);
    assert!(seen.iter().all(|event| event.data["runId"].is_null() || event.data["runId"] == *of_task));
    heard_only("bread", &seen.into_iter().map(|event| event.data).collect::<Vec<_>>());
    stage.pill.hear(|message| message["text"].as_str().is_some_and(|text| text.contains("tick")));
    heard_only("cream", &stage.pill.heard);
    let mut heard: Vec<Value> = (0..4).map(|_| stage.other_pill.hear("text_delta", "other-pill")).collect();
    heard.extend_from_slice(stage.other_pill.heard());
    heard_only("dates", &heard);
    // Each has a session, a run and a native session of its own, and is of the surface that it says.
    let sessions = stage.http.get("/v1/sessions").json();
    let mut kinds: Vec<String> =
        sessions["items"].as_array().unwrap().iter().map(|session| text(session, "surfaceKind")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["floating_pill", "floating_pill", "main_chat", "task_chat"]);
    let runs = stage.http.get("/v1/runs").json();
    let mut native: Vec<String> = runs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| text(&run["attempts"][0], "adapterSessionId"))
        .collect();
    native.sort_unstable();
    native.dedup();
    assert_eq!(native.len(), 4, "{runs}");
}

#[test]
fn interrupting_or_closing_one_changes_no_other() {
    let mut stage = Stage::begin();
    stage.pill.send("pill", "interrupt", "pill", &json!({}));
    let result = stage.pill.hear(|message| message["type"] == "result");
    assert_eq!(result["terminalStatus"], "cancelled");
    stage.go_on(&[MAIN, TASK, OTHER_PILL]);
    // A window is closed, a browser ends, a page stops to listen.
    drop((stage.pill, stage.task));
    assert_eq!(stage.other_pill.disconnect(), (Some(0), String::new()));
    let closed = Stage {
        pill: stage.http.websocket().expect("it is let in"),
        task: stage.http.listen("/v1/events"),
        other_pill: Extension::connect(&stage.world),
        ..stage
    };
    closed.go_on(&[MAIN, TASK, OTHER_PILL]);
    assert_eq!(status(&closed.http, PILL), "cancelled");
    // Each is stopped by itself, through another door than it was begun.
    let cancel = |name: Name| closed.http.post(&format!("/v1/runs/{}/cancel", closed.run(name)), &json!({}));
    assert_eq!(cancel(OTHER_PILL).json()["accepted"], true);
    eventually("it is cancelled", || status(&closed.http, OTHER_PILL) == "cancelled");
    closed.go_on(&[MAIN, TASK]);
    assert_eq!(cancel(MAIN).json()["accepted"], true);
    assert_eq!(closed.main.result("main")["terminalStatus"], "cancelled");
    closed.go_on(&[TASK]);
}

#[test]
fn a_restart_shows_orphaned_and_the_same_reference_finds_the_same_session() {
    let mut stage = Stage::begin();
    stage.pill.send("pill", "interrupt", "pill", &json!({}));
    stage.pill.hear(|message| message["type"] == "result");
    let before = ALL.map(|(name, _)| standing(&stage.http, name));
    assert_eq!(stage.main.said_to("result", "main"), Vec::<Value>::new(), "nobody was told of an end");
    let Stage { world, main, other_pill, .. } = stage;
    main.kill();
    drop(other_pill);

    let daemon = HttpDaemon::start(&world, &[]);
    let http = daemon.tcp();
    for ((name, word), before) in ALL.iter().zip(&before) {
        let now = standing(&http, *name);
        let expected = if *name == PILL { "cancelled" } else { "orphaned" };
        assert_eq!(now["run"]["status"], expected, "no success that nobody has seen: {now}");
        assert_eq!(now["run"]["runId"], before["run"]["runId"]);
        assert_eq!(now["session"]["sessionId"], before["session"]["sessionId"]);
        assert!(text(&now["run"], "text").contains(word), "what it had said is kept: {now}");
        assert!(now["run"]["attemptId"].is_null(), "nothing goes on: {now}");
    }
    // Whoever comes by the name, through whichever door, is in the same session.
    let session = |index: usize| before[index]["session"]["sessionId"].clone();
    let mut socket = http.websocket().expect("it is let in");
    for (index, name) in [(0, MAIN), (1, TASK)] {
        socket.send("new", "query", name.0, &fields(name, "say again"));
        let result = socket.hear(|message| message["type"] == "result" && message["requestId"] == name.0);
        assert_eq!((&result["sessionId"], &result["text"]), (&session(index), &json!("again")));
    }
    let mut extension = Extension::connect(&world);
    extension.ask("query", "back", &fields(PILL, "say again"));
    assert_eq!(extension.hear("result", "back")["sessionId"], session(2));
    let back = begin(&http, OTHER_PILL, "tester", "say again");
    assert_eq!((&back["session"]["sessionId"], &back["repeated"]), (&session(3), &json!(true)));
    eventually("its newest run is over", || status(&http, OTHER_PILL) == "succeeded");
    assert_eq!(world.list("sessions").len(), ALL.len());
}

#[test]
fn what_is_over_stays_over_but_for_a_retry() {
    let stage = Stage::begin();
    let of_session = |name: Name| text(&standing(&stage.http, name)["session"], "sessionId");
    let (session, run) = (of_session(PILL), stage.run(PILL));
    let cancel = format!("/v1/runs/{run}/cancel");
    stage.http.post(&cancel, &json!({}));
    eventually("it is cancelled", || status(&stage.http, PILL) == "cancelled");
    let over = standing(&stage.http, PILL);
    assert!(over["run"]["attemptId"].is_null(), "{over}");
    // What comes late changes nothing: another request to stop, a change of its session, somebody who listens.
    assert_eq!(stage.http.post(&cancel, &json!({})).json()["status"], "cancelled");
    let changed =
        stage.http.send("PATCH", &format!("/v1/sessions/{session}"), Some(&json!({ "title": "x" })));
    assert_eq!(changed.status, 200, "{changed:?}");
    drop(stage.http.listen(&format!("/v1/sessions/{session}/events?after=0")));
    assert_eq!(standing(&stage.http, PILL)["run"], over["run"]);
    // A retry is the one way back: the same run, another attempt.
    let again = stage.http.post(&format!("/v1/runs/{run}/retry"), &json!({ "adapterId": "echo" }));
    assert_eq!((again.status, &again.json()["runId"]), (202, &json!(run)), "{again:?}");
    eventually("it is tried again and succeeds", || status(&stage.http, PILL) == "succeeded");
    let retried = standing(&stage.http, PILL);
    assert_eq!(
        (&retried["run"]["runId"], retried["run"]["text"].as_str()),
        (&json!(run), Some(&*prompt("cream")))
    );
    assert_eq!(stage.http.post(&cancel, &json!({})).json()["status"], "succeeded");
    assert_eq!(standing(&stage.http, PILL)["run"], retried["run"], "a success is as final");
    // A session in which nothing ran stands nowhere, and that is no success.
    let empty = json!({ "surfaceKind": "task_chat", "externalRefKind": "task", "externalRefId": "empty" });
    assert_eq!(stage.http.post("/v1/sessions", &empty).status, 201);
    assert!(standing(&stage.http, ("task_chat", "task", "empty"))["run"].is_null());
    // The others have nothing to do with all this.
    stage.go_on(&[MAIN, TASK, OTHER_PILL]);
}
