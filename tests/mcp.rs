//! `omi-agentd mcp`: a person's own MCP client has the control tools, over standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use omi_tests::world::{World, program};
use serde_json::{Value, json};

/// Names the folder of the published client.
const CLIENT: &str = "OMI_MCP_CLIENT";

/// A session and a run of the echo, made before.
fn echoed(world: &World) -> (Value, Value) {
    let ended = world.run(&["run", "hello", "--json"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let run = world.list("runs").remove(0);
    (run["sessionId"].clone(), run["runId"].clone())
}

#[test]
fn a_client_lists_and_calls_the_tools_and_the_daemon_ends_with_it() {
    let world = World::new();
    let (session, _) = echoed(&world);
    let mut daemon = world.command(&["mcp"]);
    let mut daemon = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) =
        (daemon.stdin.take().unwrap(), BufReader::new(daemon.stdout.take().unwrap()));
    let mut ask = |method: &str, params: Value| -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        writeln!(input, "{message}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" } });
    let began = ask("initialize", client);
    assert_eq!(began["result"]["serverInfo"]["name"], "omi-agentd", "{began}");
    let sent =
        json!({ "name": "send_agent_message", "arguments": { "sessionId": session, "prompt": "and you?" } });
    let sent = ask("tools/call", sent);
    assert_eq!(sent["result"]["structuredContent"]["text"], "and you?", "{sent}");

    // Another client is beside this one, as it is beside any daemon.
    let second = world.run(&["mcp"], "");
    assert_eq!((second.code, second.stdout.as_str(), second.stderr.as_str()), (Some(0), "", ""));
    drop(input);
    assert!(daemon.wait().unwrap().success());
    assert_eq!(world.list("runs").len(), 2);
}

#[test]
#[ignore = "needs the published client of MCP; hint: cargo xtask test --long"]
fn the_published_client_lists_and_calls_every_tool() {
    let folder = std::env::var_os(CLIENT);
    let folder = folder.expect("OMI_MCP_CLIENT names where the client is; hint: cargo xtask test --long");
    for lifecycle in ["legacy", "auto"] {
        let world = World::new();
        let (session, run) = echoed(&world);
        let nothing = format!("art_{}", "0".repeat(32));
        let calls = json!([
            ["list_agent_sessions", {}],
            ["get_agent_run", { "runId": run }],
            ["cancel_agent_run", { "runId": run }],
            ["inspect_agent_artifacts", { "runId": run }],
            ["update_agent_artifact_lifecycle", { "artifactId": nothing, "state": "opened" }],
            ["send_agent_message", { "sessionId": session, "prompt": "and you?" }],
            ["delegate_agent", { "parentRunId": run, "mode": "call", "objective": "count" }],
        ]);
        let mut client = Command::new(std::path::Path::new(&folder).join("venv/bin/python"));
        world.settle(&mut client);
        client.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/mcp/client.py"));
        client.args([lifecycle, &calls.to_string()]).arg(program("omi-agentd"));
        client.arg("--state-dir").arg(world.path("state")).arg("--config").arg(world.path("config.toml"));
        let told = client.arg("mcp").output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();

        let names: Vec<&str> = calls.as_array().unwrap().iter().filter_map(|call| call[0].as_str()).collect();
        let mut listed: Vec<&str> = told["tools"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut called = names.clone();
        listed.sort_unstable();
        called.sort_unstable();
        assert_eq!(listed, called, "every tool that is listed is called");
        assert_eq!(told["tools"]["get_agent_run"]["required"], json!(["runId"]));
        let code = |number: usize| told["calls"][number]["answer"]["error"]["code"].clone();
        let failed: Vec<bool> =
            told["calls"].as_array().unwrap().iter().map(|call| call["failed"] == true).collect();
        assert_eq!(failed, [false, false, false, false, true, false, true], "{lifecycle}: {told}");
        assert_eq!((code(4), code(6)), (json!("not_found"), json!("cannot_delegate")));
        assert_eq!(told["calls"][5]["answer"]["text"], "and you?");
        assert!(told["protocol"].as_str().is_some_and(|version| version.starts_with("20")), "{told}");
    }
}
