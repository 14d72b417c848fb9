//! Tests of the ground itself: the model server answers by its script, and every listed agent can be set up.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model_server::{Api, HELLO, LIST_FILES, ModelServer, Outcome, TOOL_SAID};
use crate::setup::{AgentDirs, agent_setup, is_installed, published_agents};

/// Longer than any answer but the slow one takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// One way to say each thing in each interface.
struct Dialect {
    api: Api,
    path: &'static str,
    prompt: fn(&str) -> Value,
    with_result: fn(&str, &str) -> Value,
    shell: &'static str,
}

const DIALECTS: [Dialect; 4] = [
    Dialect {
        api: Api::Gemini,
        path: "/v1beta/models/any:streamGenerateContent?alt=sse",
        prompt: |text| {
            json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }],
            "tools": [{ "functionDeclarations": [{ "name": "run_shell_command" }] }] })
        },
        with_result: |text, output| {
            json!({ "contents": [
            { "role": "user", "parts": [{ "text": text }] },
            { "role": "user", "parts": [{ "functionResponse": { "response": { "output": output } } }] }] })
        },
        shell: "run_shell_command",
    },
    Dialect {
        api: Api::Messages,
        path: "/v1/messages?beta=true",
        prompt: |text| {
            json!({ "stream": true, "messages": [{ "role": "user", "content": text }],
            "tools": [{ "name": "Read" }, { "name": "Bash" }] })
        },
        with_result: |text, output| {
            json!({ "stream": true, "messages": [
            { "role": "user", "content": text },
            { "role": "user", "content": [{ "type": "tool_result", "content": output }] }] })
        },
        shell: "Bash",
    },
    Dialect {
        api: Api::Responses,
        path: "/v1/responses",
        prompt: |text| {
            json!({ "stream": true, "tools": [{ "name": "exec_command" }], "input": [
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] }] })
        },
        with_result: |text, output| {
            json!({ "stream": true, "input": [
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] },
            { "type": "function_call_output", "output": output }] })
        },
        shell: "exec_command",
    },
    Dialect {
        api: Api::Chat,
        path: "/v1/chat/completions",
        prompt: |text| {
            json!({ "stream": true, "messages": [{ "role": "user", "content": text }],
            "tools": [{ "type": "function", "function": { "name": "bash" } }] })
        },
        with_result: |text, output| {
            json!({ "stream": true, "messages": [
            { "role": "user", "content": [{ "type": "text", "text": text }] },
            { "role": "tool", "content": output }] })
        },
        shell: "bash",
    },
];

#[test]
fn each_interface_streams_the_hello_in_three_events() {
    for dialect in DIALECTS {
        let server = ModelServer::start();
        let answer = ask(&server, dialect.path, &(dialect.prompt)("say hello"));
        let with_chunks =
            events(&answer).into_iter().filter(|event| HELLO.iter().any(|chunk| is_chunk(event, chunk)));
        assert_eq!(with_chunks.count(), HELLO.len(), "{answer}");
        let [request] = &server.requests()[..] else { panic!("one request was sent") };
        assert_eq!((request.api, request.path.as_str()), (Some(dialect.api), dialect.path));
        assert_eq!(request.body, (dialect.prompt)("say hello"));
    }
}

#[test]
fn each_interface_calls_the_shell_tool_that_it_was_offered() {
    for dialect in DIALECTS {
        let server = ModelServer::start();
        for (text, command) in [("list files", LIST_FILES), ("run: touch here", "touch here")] {
            let answer = ask(&server, dialect.path, &(dialect.prompt)(text));
            assert!(answer.contains(dialect.shell) && answer.contains(command), "{answer}");
        }
    }
}

#[test]
fn each_interface_repeats_what_the_tool_said() {
    for dialect in DIALECTS {
        let server = ModelServer::start();
        let answer = ask(&server, dialect.path, &(dialect.with_result)("list files", "alpha.txt"));
        assert!(answer.contains(TOOL_SAID) && answer.contains("alpha.txt"), "{answer}");
        let request = &server.requests()[0];
        assert_eq!(
            (request.user_text.as_str(), request.tool_output.as_deref()),
            ("list files", Some("alpha.txt"))
        );
    }
}

#[test]
fn a_request_that_offers_no_tools_gets_a_short_text() {
    for dialect in DIALECTS {
        let server = ModelServer::start();
        for said in ["run: touch here", "meet alpha", "slow"] {
            let mut request = (dialect.prompt)(said);
            request["tools"] = json!([]);
            assert!(ask(&server, dialect.path, &request).contains("There is no tool."), "{said}");
        }
    }
}

#[test]
fn a_command_is_found_among_what_agents_add() {
    let dialect = &DIALECTS[3];
    let server = ModelServer::start();
    let said = "<context>\nToday is a day\n</context>\n\nsay hello\n\n<reminder>be kind</reminder>";
    assert!(ask(&server, dialect.path, &(dialect.prompt)(said)).contains(HELLO[2]));
    assert!(ask(&server, dialect.path, &(dialect.prompt)("please say hello")).contains("You said"));
}

#[test]
fn who_wants_to_meet_is_answered_when_another_one_comes() {
    let dialect = &DIALECTS[3];
    let server = ModelServer::start();
    let mut first = send(&server, dialect.path, &(dialect.prompt)("meet alpha"));
    assert!(ask(&server, dialect.path, &(dialect.prompt)("meet beta")).contains("beta has met another"));
    let mut answer = String::new();
    first.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("alpha has met another"), "{answer}");
}

#[test]
fn a_client_that_leaves_a_slow_stream_is_seen() {
    for dialect in DIALECTS {
        let server = ModelServer::start();
        let mut stream = send(&server, dialect.path, &(dialect.prompt)("slow"));
        let mut start = [0; 200];
        stream.read_exact(&mut start).expect("the stream begins");
        assert_eq!(server.requests()[0].outcome, Outcome::Open);
        drop(stream);
        let left = server.wait_for(PATIENCE, |request| request.outcome == Outcome::ClientLeft);
        assert!(left.is_some(), "{:?} still writes to nobody", dialect.api);
    }
}

#[test]
fn dropping_the_server_ends_a_slow_stream() {
    let server = ModelServer::start();
    let dialect = &DIALECTS[0];
    let mut stream = send(&server, dialect.path, &(dialect.prompt)("slow"));
    let mut start = [0; 200];
    stream.read_exact(&mut start).expect("the stream begins");
    drop(server);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the stream ends");
    assert!(!rest.contains("STOP"), "it ended before its time");
}

#[test]
fn what_is_not_a_model_call_is_refused_and_kept() {
    let server = ModelServer::start();
    assert!(ask(&server, "/v1/models", &Value::Null).starts_with("HTTP/1.1 404"));
    assert!(ask(&server, "/v1/messages/count_tokens", &json!({})).contains("\"input_tokens\":10"));
    assert!(ask(&server, "/v1beta/models/any:generateContent", &json!({})).contains("You said"));
    let apis: Vec<_> = server.requests().iter().map(|request| request.api).collect();
    assert_eq!(apis, [None, Some(Api::Messages), Some(Api::Gemini)]);
}

#[test]
fn every_listed_agent_has_exact_versions_and_a_set_up_of_its_own() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for agent in published_agents() {
        for package in &agent.packages {
            let version = package.rsplit_once(['@', '=']).map_or("", |(_, version)| version);
            let exact =
                version.split('.').count() == 3 && version.starts_with(|first: char| first.is_ascii_digit());
            assert!(exact, "`{package}` is not an exact version");
        }
        let dirs = AgentDirs {
            install: root.path().join(&agent.name).join("install"),
            home: root.path().join(&agent.name).join("home"),
            tmp: root.path().join(&agent.name).join("tmp"),
        };
        std::fs::create_dir_all(&dirs.install).expect("a folder");
        assert!(!is_installed(&agent, &dirs.install));
        std::fs::write(dirs.install.join(".packages"), agent.packages.join("\n")).expect("a file");
        assert!(is_installed(&agent, &dirs.install));

        let setup = agent_setup(&agent.name, &dirs, 4321);
        assert!(setup.argv[0].starts_with(dirs.install.to_str().expect("UTF-8")), "{:?}", setup.argv);
        let home = setup.env.iter().find(|(key, _)| key == "HOME").map(|(_, value)| value.as_str());
        assert_eq!(home, dirs.home.to_str());
        assert!(
            mentions_port(&setup.env, &dirs.home, "4321"),
            "`{}` is not told where the model is",
            agent.name
        );
    }
}

/// Whether the environment or a file of the home names the port.
fn mentions_port(env: &[(String, String)], folder: &Path, port: &str) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files = files.filter(|path| {
        if path.is_dir() {
            return mentions_port(&[], path, port);
        }
        std::fs::read_to_string(path).unwrap_or_default().contains(port)
    });
    files.next().is_some() || env.iter().any(|(_, value)| value.contains(port))
}

fn is_chunk(event: &str, chunk: &str) -> bool {
    event.contains(&format!("\"text\":\"{chunk}\""))
        || event.contains(&format!("\"delta\":\"{chunk}\""))
        || event.contains(&format!("\"content\":\"{chunk}\""))
}

fn events(answer: &str) -> Vec<&str> {
    answer.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

/// Sends a request and reads the whole answer.
fn ask(server: &ModelServer, path: &str, body: &Value) -> String {
    let mut answer = String::new();
    send(server, path, body).read_to_string(&mut answer).expect("an answer");
    answer
}

fn send(server: &ModelServer, path: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let body = body.to_string();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: loopback\r\nContent-Length: {length}\r\n\r\n{body}")
        .expect("the request is sent");
    stream
}
