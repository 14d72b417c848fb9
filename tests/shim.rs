//! An agent reaches the control tools through its shim, as its own run and nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Running, World, program, tester};
use serde_json::{Value, json};

/// A daemon whose test agent is handed the tools.
fn with_tools(workers: usize, more: &str) -> (World, Serving) {
    let world = World::new();
    let state = world.path("agent").display().to_string();
    let tester = tester(&["--state", &state], &format!("tools = true\n{more}"));
    world.configure(&format!("workers-max = {workers}\n{tester}"));
    let daemon = Serving::start(&world);
    (world, daemon)
}

/// Has a prompt run in a session, a new one if none is named, and answers the end of the run.
fn prompt(daemon: &mut Serving, request: &str, session: Option<&Value>, prompt: &str) -> Value {
    let mut query = json!({ "adapterId": "tester", "prompt": prompt });
    if let Some(session) = session {
        query["sessionId"] = session.clone();
    }
    daemon.ask("query", request, &query);
    let result = daemon.result(request);
    assert_eq!(result["terminalStatus"], "succeeded", "{result}");
    result
}

/// What the agent said that a tool answered.
fn said(result: &Value, tool: &str) -> Vec<Value> {
    let told = text(result, "text");
    let lines = told.lines().filter_map(|line| line.strip_prefix(&format!("{tool}: ")));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Somebody who starts a shim as an agent would.
struct Stranger {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Stranger {
    /// `reached` is what the agent says about its server.
    fn start(world: &World, reached: &Value, handle: Option<&str>) -> Self {
        let mut command = std::process::Command::new(program("omi-agentd"));
        world.settle(&mut command);
        for variable in reached["env"].as_array().unwrap() {
            command.env(text(variable, "name"), text(variable, "value"));
        }
        if let Some(handle) = handle {
            command.env("OMI_MCP_HANDLE", handle);
        }
        command.arg("mcp-shim").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn begin(world: &World, reached: &Value) -> Self {
        let mut stranger = Self::start(world, reached, None);
        let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "stranger", "version": "1" } });
        let began = stranger.ask("initialize", &client).expect("it is let in");
        assert_eq!(began["result"]["serverInfo"]["name"], "omi-agentd", "{began}");
        writeln!(stranger.input, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#).unwrap();
        stranger
    }

    /// The next message; none if the other side has closed.
    fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        // One that is refused is not read to the end.
        let _ = writeln!(self.input, "{message}");
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).ok()
    }

    /// The word of the error that a call is refused with.
    fn refused(&mut self, tool: &str) -> Value {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": {} })).expect("an answer");
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["structuredContent"]["error"]["code"].clone()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It ends by itself when its pipes are closed; nobody is left behind if it does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the first server of a session is reached, as its agent says.
fn reached(result: &Value) -> Value {
    let told = text(result, "text");
    let line = told.lines().find(|line| line.starts_with('{')).expect("the agent says it");
    serde_json::from_str(line).unwrap()
}

#[test]
fn an_agent_lists_the_tools_and_delegates_as_its_own_run() {
    let (world, mut daemon) = with_tools(3, "");
    let spawn = r#"call delegate_agent {"mode":"spawn","objective":"say hi","adapterId":"echo"}"#;
    let call = r#"call delegate_agent {"mode":"call","objective":"count","adapterId":"echo"}"#;
    let done =
        prompt(&mut daemon, "q", None, &format!("tools\ncall list_agent_sessions {{}}\n{spawn}\n{call}"));
    let told = text(&done, "text");
    assert!(told.contains("tools: list_agent_sessions get_agent_run cancel_agent_run"), "{told}");
    let listed = &said(&done, "list_agent_sessions")[0];
    assert_eq!(listed["sessions"][0]["activeRun"]["runId"], done["runId"], "{listed}");
    let delegated = said(&done, "delegate_agent");
    assert_eq!(delegated.len(), 2);
    for answer in &delegated {
        assert_eq!(
            (&answer["ok"], &answer["delegation"]["parentRunId"]),
            (&json!(true), &done["runId"]),
            "{answer}"
        );
    }
    assert_eq!(delegated[0]["terminalStatus"], Value::Null);
    assert_eq!(
        (&delegated[1]["terminalStatus"], &delegated[1]["result"]["summary"]),
        (&json!("succeeded"), &json!("count"))
    );
    // What no child may know is in no answer, and no handle is recorded.
    let state = world.path("state").display().to_string();
    assert!(!told.contains(&state), "{told}");
    let events = Value::Array(world.list("events")).to_string();
    assert!(!events.contains("OMI_MCP_HANDLE"));
    daemon.end();
}

#[test]
fn an_agent_cannot_be_another_run_and_waits_for_nobody_who_waits_for_it() {
    let (_world, mut daemon) = with_tools(2, "");
    let other = prompt(&mut daemon, "other", None, "say hello");
    let as_other = json!({ "mode": "spawn", "objective": "x", "parentRunId": other["runId"] });
    let to_other = json!({ "sessionId": other["sessionId"], "prompt": "say and you" });
    let lines = format!("call delegate_agent {as_other}\ncall send_agent_message {to_other}");
    let done = prompt(&mut daemon, "q", None, &lines);
    assert_eq!(said(&done, "delegate_agent")[0]["error"]["code"], "not_own_run");
    let answered = &said(&done, "send_agent_message")[0];
    assert_eq!(
        (&answered["text"], &answered["terminalStatus"]),
        (&json!("and you"), &json!("succeeded")),
        "{answered}"
    );

    let itself = json!({ "sessionId": done["sessionId"], "prompt": "say hello" });
    let again =
        prompt(&mut daemon, "again", Some(&done["sessionId"]), &format!("call send_agent_message {itself}"));
    assert_eq!(said(&again, "send_agent_message")[0]["error"]["code"], "session_busy");

    // A child that its parent waits for cannot send its parent a message.
    let upwards = json!({ "sessionId": done["sessionId"], "prompt": "say hello" });
    let child = json!({ "mode": "call", "objective": format!("call send_agent_message {upwards}") });
    let parent =
        prompt(&mut daemon, "parent", Some(&done["sessionId"]), &format!("call delegate_agent {child}"));
    let summary = text(&said(&parent, "delegate_agent")[0]["result"], "summary");
    assert!(summary.contains("session_busy"), "{summary}");
    daemon.end();
}

#[test]
fn an_agent_that_would_hold_the_last_worker_while_it_waits_is_told_so() {
    let (_world, mut daemon) = with_tools(1, "");
    let other = prompt(&mut daemon, "other", None, "say hello");
    let message = json!({ "sessionId": other["sessionId"], "prompt": "say and you" });
    let done = prompt(&mut daemon, "q", None, &format!("call send_agent_message {message}"));
    assert_eq!(said(&done, "send_agent_message")[0]["error"]["code"], "no_free_worker");
    daemon.end();

    // A session that lives in this very worker, and can be taken up by no other.
    let world = World::new();
    world.configure(&format!("workers-max = 4\n{}", tester(&[], "tools = true")));
    let mut daemon = Serving::start(&world);
    let other = prompt(&mut daemon, "other", None, "say hello");
    let message = json!({ "sessionId": other["sessionId"], "prompt": "say and you" });
    let done = prompt(&mut daemon, "q", None, &format!("call send_agent_message {message}"));
    assert_eq!(said(&done, "send_agent_message")[0]["error"]["code"], "no_free_worker");
    daemon.end();
}

#[test]
fn sessions_in_one_worker_never_cross_and_a_handle_is_good_for_its_own_runs_alone() {
    let (world, mut daemon) = with_tools(2, "workers-max = 1");
    let first = prompt(&mut daemon, "a", None, "tools\nreached");
    let spawn = r#"call delegate_agent {"mode":"spawn","objective":"hi","adapterId":"echo"}"#;
    let second = prompt(&mut daemon, "b", None, &format!("{spawn}\nreached"));
    assert_eq!(said(&second, "delegate_agent")[0]["delegation"]["parentRunId"], second["runId"]);
    let back = prompt(&mut daemon, "c", Some(&first["sessionId"]), spawn);
    assert_eq!(said(&back, "delegate_agent")[0]["delegation"]["parentRunId"], back["runId"]);
    let adapters: Vec<Value> =
        ["a", "b"].iter().map(|request| daemon.result(request)["adapterSessionId"].clone()).collect();
    let process = |native: &Value| native.as_str().unwrap().split('-').nth(1).unwrap().to_owned();
    assert_eq!(process(&adapters[0]), process(&adapters[1]), "one process has both");

    // Nothing runs: a handle that is good is refused. While the other session runs, too.
    let mut idle = Stranger::begin(&world, &reached(&first));
    assert_eq!(idle.refused("list_agent_sessions"), "no_run");
    daemon.ask("query", "busy", &json!({ "sessionId": second["sessionId"], "prompt": "slow" }));
    daemon.hear("text_delta", "busy");
    assert_eq!(idle.refused("delegate_agent"), "no_run");
    let mut busy = Stranger::begin(&world, &reached(&second));
    assert_eq!(busy.refused("delegate_agent"), "invalid_tool_input", "it is let in: nothing is named");
    daemon.stop("busy");
    assert_eq!(busy.refused("list_agent_sessions"), "no_run", "the run is over");
    daemon.end();
}

#[test]
fn a_handle_is_dead_with_its_session_and_a_guessed_one_was_never_alive() {
    let (world, mut daemon) = with_tools(8, "");
    let done = prompt(&mut daemon, "a", None, "reached");
    let how = reached(&done);
    let refusal = |mut stranger: Stranger| -> String {
        let answer = stranger.ask("initialize", &json!({})).expect("a line that says why");
        assert_eq!(stranger.ask("tools/list", &json!({})), None, "nothing more is said");
        text(&answer["error"], "message")
    };
    let guessed = refusal(Stranger::start(&world, &how, Some(&"0".repeat(32))));
    assert!(guessed.contains("not known"), "{guessed}");

    let mut open = Stranger::begin(&world, &how);
    assert_eq!(open.refused("list_agent_sessions"), "no_run");
    daemon.ask("update_session", "close", &json!({ "sessionId": done["sessionId"], "status": "closed" }));
    daemon.hear("ack", "close");
    let after = open.ask("tools/call", &json!({ "name": "list_agent_sessions", "arguments": {} }));
    let is_refused = after.as_ref().is_none_or(|answer| answer["result"]["isError"] == true);
    assert!(is_refused, "{after:?}");
    let closed = refusal(Stranger::start(&world, &how, None));
    assert!(closed.contains("session was closed"), "{closed}");
    daemon.end();
}

#[test]
fn without_tools_no_agent_has_a_server_and_the_shim_says_who_starts_it() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    let done = prompt(&mut daemon, "q", None, "tools");
    assert!(text(&done, "text").contains("the session has no servers"), "{done}");
    daemon.end();
    let alone = world.run(&["mcp-shim"], "");
    assert_eq!(alone.code, Some(1));
    assert!(alone.stderr.contains("OMI_MCP_SOCKET") && alone.stderr.contains("hint:"), "{}", alone.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_confined_agent_reaches_its_tools_and_not_what_is_beside_them() {
    let world = World::new();
    // Where nothing that is confined may read otherwise.
    let (folder, secret) = (world.path("elsewhere"), world.path("elsewhere/secret"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&secret, "secret").unwrap();
    let daemon = folder.join("omi-agentd");
    std::fs::copy(program("omi-agentd"), &daemon).unwrap();
    let (agent, work) =
        (program("omi-test-agents").display().to_string(), world.work().display().to_string());
    world.configure(&format!(
        "[registrations.tester]\ncomponent = \"acp\"\ntools = true\n\
         grants.agent = {{ command = [{agent:?}], confine = \"landlock\", cwd = {work:?} }}\n"
    ));
    let mut command = std::process::Command::new(&daemon);
    world.settle(&mut command);
    command.arg("--state-dir").arg(world.path("state")).arg("--config").arg(world.path("config.toml"));
    let mut daemon = Serving { running: Running::start(command.args(["serve", "--stdio"])) };
    let lines = format!("tools\ncall list_agent_sessions {{}}\nread {}", secret.display());
    let done = prompt(&mut daemon, "q", None, &lines);
    assert_eq!(said(&done, "list_agent_sessions")[0]["ok"], true, "{done}");
    assert!(!text(&done, "text").contains("says: secret"), "it is confined: {done}");
    daemon.end();
}
