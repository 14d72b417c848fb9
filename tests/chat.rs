//! The chat adapter through the daemon, with a model server on this machine.

mod model;

use model::Model;
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Ended, World, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// What no record and no message may hold.
const KEY: &str = "sk-of-this-registration-0123";

/// A world with a registration `chat` of a server.
fn world() -> (World, Model) {
    let (world, model) = (World::new(), Model::start(None));
    world.configure(&model.registration(""));
    (world, model)
}

fn succeeds(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.trim().to_owned()
}

/// The only session there is.
fn session(world: &World) -> String {
    let sessions = world.list("sessions");
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0]["sessionId"].as_str().expect("an id").to_owned()
}

fn said(role: &str, content: &str) -> (String, Value) {
    (role.to_owned(), content.into())
}

#[test]
fn a_session_goes_on_in_another_process_with_all_that_was_said() {
    let (world, model) = world();
    let first = ["run", "--adapter", "chat", "--mode", "ask", "what is it?"];
    assert_eq!(succeeds(&world.run(&first, "")), "an answer to 1");
    assert_eq!(model.messages(), [said("user", "what is it?")]);
    let session = session(&world);
    let second = ["run", "--session", &session, "--adapter", "chat", "and now?"];
    assert_eq!(succeeds(&world.run(&second, "")), "an answer to 3");
    let history =
        [said("user", "what is it?"), said("assistant", "an answer to 1"), said("user", "and now?")];
    assert_eq!(model.messages(), history);
    let run = &world.list("runs")[0];
    assert_eq!(
        (&run["status"], &run["inputTokens"], &run["outputTokens"]),
        (&json!("succeeded"), &json!(7), &json!(3))
    );
    let types = world.event_types();
    assert_eq!(
        types.iter().filter(|kind| *kind == "binding.created").count(),
        1,
        "it is taken up: {types:?}"
    );
}

#[test]
fn a_session_that_began_with_another_adapter_is_told() {
    let (world, model) = world();
    let echoed = succeeds(&world.run(&["run", "--adapter", "echo", "hello"], ""));
    let session = session(&world);
    succeeds(&world.run(&["run", "--session", &session, "--adapter", "chat", "and now?"], ""));
    assert_eq!(
        model.messages(),
        [said("user", "hello"), said("assistant", &echoed), said("user", "and now?")]
    );
    // And back, and again: what was said in between is told, too.
    let echoed = succeeds(&world.run(&["run", "--session", &session, "--adapter", "echo", "between"], ""));
    succeeds(&world.run(&["run", "--session", &session, "--adapter", "chat", "at last"], ""));
    let messages = model.messages();
    assert_eq!(
        messages[2..],
        [
            said("user", "and now?"),
            said("assistant", "an answer to 3"),
            said("user", "between"),
            said("assistant", &echoed),
            said("user", "at last"),
        ]
    );
}

#[test]
fn a_cancellation_closes_the_connection_and_the_part_is_told_later() {
    let (world, model) = world();
    let running = world.start(&["run", "--adapter", "chat", "wait for me"]);
    running.prints("text", |all| all.contains("I begin"));
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("adapter told: true, adapter confirmed: false"), "{ended:?}");
    eventually("the connection is closed", || model.closed() == 1);
    let run = &world.list("runs")[0];
    assert_eq!((&run["status"], &run["finalText"]), (&json!("cancelled"), &json!("I begin ")));
    let session = session(&world);
    succeeds(&world.run(&["run", "--session", &session, "--adapter", "chat", "go on"], ""));
    assert_eq!(model.messages()[..2], [said("user", "wait for me"), said("assistant", "I begin ")]);
}

#[test]
fn a_server_that_dies_in_the_middle_is_a_failure_with_what_came() {
    let (world, model) = world();
    let ended = world.run(&["run", "--adapter", "chat", "fall over"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("in the middle of the answer"), "{ended:?}");
    let run = &world.list("runs")[0];
    let is = (&run["status"], &run["errorCode"], &run["finalText"]);
    assert_eq!(is, (&json!("failed"), &json!("stream_cut"), &json!("half of an ans")), "{run}");
    assert_eq!(model.asked(), 1, "nothing is tried again by itself");
    // Another attempt of the run does not see the one before.
    let id = run["runId"].as_str().expect("an id").to_owned();
    let ended = world.run(&["retry", &id, "--adapter", "chat"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(model.messages(), [said("user", "fall over")]);
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let (world, _) = world();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|gone| gone.local_addr()).expect("a port");
    let origin =
        format!("grants.remote = {{ origin = 'http://{gone}', private = true, methods = ['GET', 'POST'] }}");
    world.configure(&format!("[registrations.chat]\ncomponent = 'openai-chat'\n{origin}\n"));
    let ended = world.run(&["run", "--adapter", "chat", "hello"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("hint: start the server"), "{ended:?}");
}

#[test]
fn a_key_reaches_the_server_and_nobody_else() {
    let (world, model) = (World::new(), Model::start(Some("Bearer sk-of-this-registration-0123")));
    std::fs::write(world.path("key"), KEY).unwrap();
    world.configure(&model.registration(""));
    let ended = world.run(&["run", "--adapter", "chat", "hello"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("secrets = { Authorization"), "it is said what to register: {ended:?}");
    let secrets = ", secrets = { Authorization = { file = 'key', prefix = 'Bearer ' } }";
    world.configure(&model.registration(secrets));
    assert_eq!(succeeds(&world.run(&["run", "--adapter", "chat", "hello"], "")), "an answer to 1");
    let given = format!("Bearer {KEY}");
    assert_eq!(
        model.keys().iter().flatten().collect::<Vec<_>>(),
        [&given, &given],
        "the models, and the answer"
    );
    let events = world.run(&["events", "--json"], "");
    assert!(events.stdout.contains("run.succeeded") && !events.stdout.contains(KEY), "{events:?}");
}

#[test]
fn a_picture_reaches_the_model_now_and_later() {
    let (world, model) = world();
    let picture = world.path("picture.png");
    std::fs::write(&picture, [7; 3000]).unwrap();
    let picture = picture.display().to_string();
    succeeds(&world.run(&["run", "--adapter", "chat", "--image", &picture, "what is it?"], ""));
    let url = |content: &Value| {
        let parts = content.as_array().expect("a list of parts").clone();
        let url = parts.iter().find_map(|part| part["image_url"]["url"].as_str());
        url.expect("a picture").to_owned()
    };
    let now = url(&model.messages()[0].1);
    // Three bytes of 7 are four characters.
    assert_eq!(now, format!("data:image/png;base64,{}", "BwcH".repeat(1000)));
    let session = session(&world);
    succeeds(&world.run(&["run", "--session", &session, "--adapter", "chat", "sure?"], ""));
    assert_eq!(url(&model.messages()[0].1), now);
}

#[test]
fn it_keeps_every_rule() {
    let world = World::new();
    let ended = world.run(&["adapter", "check", "openai-chat"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Has a prompt of a session answered by a registration.
fn answered(serving: &mut Serving, request: &str, session: &str, adapter: &str, prompt: &str) -> String {
    serving.ask("query", request, &json!({ "sessionId": session, "adapterId": adapter, "prompt": prompt }));
    text(&serving.result(request), "text")
}

#[test]
fn a_daemon_that_goes_on_remembers_what_it_saw() {
    let (world, model) = world();
    let mut serving = Serving::start(&world);
    serving.query("a", "chat", "one");
    let session = text(&serving.result("a"), "sessionId");
    serving.ask("query", "b", &json!({ "sessionId": session, "adapterId": "chat", "prompt": "wait for me" }));
    serving.hear("text_delta", "b");
    assert_eq!(serving.stop("b")["terminalStatus"], "cancelled");
    assert_eq!(answered(&mut serving, "c", &session, "chat", "three"), "an answer to 5");
    let expected = [
        said("user", "one"),
        said("assistant", "an answer to 1"),
        said("user", "wait for me"),
        said("assistant", "I begin "),
        said("user", "three"),
    ];
    assert_eq!(model.messages(), expected);
    serving.end();
}

#[test]
fn a_daemon_that_goes_on_tells_what_another_adapter_said() {
    let (world, model) = world();
    let mut serving = Serving::start(&world);
    serving.query("a", "chat", "one");
    let session = text(&serving.result("a"), "sessionId");
    let echoed = answered(&mut serving, "b", &session, "echo", "between");
    answered(&mut serving, "c", &session, "chat", "at last");
    let expected = [
        said("user", "one"),
        said("assistant", "an answer to 1"),
        said("user", "between"),
        said("assistant", &echoed),
        said("user", "at last"),
    ];
    assert_eq!(model.messages(), expected);
    serving.end();
}
