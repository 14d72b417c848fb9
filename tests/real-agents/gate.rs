//! The gate that makes pi ask, by itself: what it lets pass, and that everything but an `allow` blocks.

use std::path::Path;
use std::process::{Command, Stdio};

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

/// Loads the gate as pi does, calls tools, and prints what it came to as a line of JSON. In this pi `find` is the tool of
/// another extension.
const SCRIPT: &str = r#"
const text = require("fs").readFileSync(process.argv[1], "utf8");
import("data:text/javascript," + encodeURIComponent(text)).then(async ({ default: gate }) => {
  let onTool;
  const commands = [];
  gate({
    registerCommand: (name) => commands.push(name),
    on: (event, handler) => { if (event === "tool_call") onTool = handler; },
    registerTool: () => {},
    getAllTools: () => ["read", "ls", "find", "bash"].map((name) => (
      { name, sourceInfo: { source: name === "find" ? "extension" : "builtin" } })),
  });
  const signal = new AbortController().signal;
  const call = async (toolName, answer) => {
    const asked = [];
    const ui = { select: async (title, options, more) => {
      asked.push({ title, options, signal: more.signal === signal });
      if (answer instanceof Error) throw answer;
      return answer;
    } };
    const event = { toolName, toolCallId: "t", input: { command: "rm x" } };
    const verdict = await onTool(event, { ui, signal });
    return { asked, block: verdict?.block ?? false, reason: verdict?.reason ?? "" };
  };
  console.log(JSON.stringify({
    commands,
    read: await call("read", "refuse"),
    grep: await call("grep", "refuse"),
    find: await call("find", "allow"),
    allow: await call("bash", "allow"),
    refuse: await call("bash", "refuse"),
    other: await call("bash", "Allow"),
    none: await call("bash", undefined),
    error: await call("bash", new Error("no screen")),
  }));
});
"#;

#[test]
fn only_an_allow_lets_a_tool_run_that_may_change_something() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/pi-mono/extension/omi-gate.js");
    let ended = Command::new("node").args(["--input-type=commonjs", "-e", SCRIPT]).arg(file).output();
    let ended = ended.expect("there is a Node; hint: cargo xtask test --quick leaves this out");
    let said = String::from_utf8_lossy(&ended.stdout);
    let error = String::from_utf8_lossy(&ended.stderr);
    let seen: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{error}"));

    assert_eq!(seen["commands"], json!(["omi-gate"]), "so the adapter knows that it is there");
    assert_eq!((&seen["read"]["block"], &seen["read"]["asked"]), (&json!(false), &json!([])));
    assert_eq!(
        seen["grep"]["asked"][0]["options"],
        json!(["allow", "refuse"]),
        "pi has no such tool of its own"
    );
    assert_eq!(seen["find"]["asked"].as_array().map(Vec::len), Some(1), "another extension took the name");

    let question =
        seen["allow"]["asked"][0]["title"].as_str().and_then(|title| title.strip_prefix("omi-gate:"));
    let question: Value = serde_json::from_str(question.expect("the mark")).expect("it is JSON");
    assert_eq!(question, json!({"tool": "bash", "call": "t", "input": {"command": "rm x"}}));
    assert_eq!(seen["allow"]["asked"][0]["signal"], true, "an abort closes the question");
    assert_eq!(seen["allow"]["block"], false);
    for case in ["refuse", "other", "none", "error"] {
        assert_eq!(seen[case]["block"], true, "{case}: {seen}");
        assert_ne!(seen[case]["reason"], "", "{case}");
    }
}

/// Loads the extension as pi does in a session with the tools of the host, and uses some of them.
const TOOLS: &str = r#"
const [file, told] = process.argv.slice(1);
const text = require("fs").readFileSync(file, "utf8");
import("data:text/javascript," + encodeURIComponent(text)).then(async ({ default: gate }) => {
  // pi reads its input: it does not end by itself.
  process.stdin.resume();
  const handlers = {};
  const tools = {};
  gate({
    registerCommand: () => {},
    registerTool: (tool) => { tools[tool.name] = tool; },
    on: (event, handler) => { handlers[event] = handler; },
    getAllTools: () => [],
  });
  const asked = [];
  await handlers.session_start({}, { ui: { input: async (title) => { asked.push(title); return told; } } });
  await handlers.before_agent_start();
  const call = (name, input) =>
    tools[name].execute("t", input)
      .then((result) => result.content[0].text, (error) => `failed: ${error.message}`);
  console.log(JSON.stringify({
    asked,
    names: Object.keys(tools),
    parameters: tools.get_agent_run?.parameters.required,
    listed: await call("list_agent_sessions", {}),
    wrong: await call("get_agent_run", {}),
  }));
  process.exit(0);
});
"#;

#[test]
fn the_tools_of_the_host_are_tools_of_pi() {
    let world = World::new();
    world.configure(&tester(&[], "tools = true"));
    let mut daemon = Serving::start(&world);
    daemon.query("q", "tester", "reached\nslow");
    let told = daemon
        .hear_that("text_delta", "q", |message| message["text"].as_str().unwrap_or("").starts_with('{'));
    let server: Value =
        serde_json::from_str(text(&told, "text").trim()).expect("the agent says how it is reached");
    let env = server["env"].as_array().expect("variables").iter();
    let env: serde_json::Map<String, Value> =
        env.map(|variable| (text(variable, "name"), variable["value"].clone())).collect();

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/pi-mono/extension/omi-gate.js");
    let mut node = Command::new("node");
    node.args(["--input-type=commonjs", "-e", TOOLS])
        .arg(file)
        .arg(Value::Object(env).to_string())
        .arg("rpc");
    let node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut node = node.expect("there is a Node; hint: cargo xtask test --quick leaves this out");
    let input = node.stdin.take();
    let ended = node.wait_with_output().expect("it ends");
    drop(input);
    let said = String::from_utf8_lossy(&ended.stdout);
    let error = String::from_utf8_lossy(&ended.stderr);
    let seen: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{error}"));
    assert_eq!(seen["asked"], json!(["omi-tools:"]));
    assert_eq!(seen["names"].as_array().map(Vec::len), Some(7), "{seen}");
    assert_eq!(seen["parameters"], json!(["runId"]));
    let listed: Value = serde_json::from_str(&text(&seen, "listed")).expect("JSON in a text");
    assert_eq!(listed["sessions"][0]["activeRun"]["runId"], told["runId"], "{listed}");
    assert!(
        text(&seen, "wrong").starts_with("failed: ") && text(&seen, "wrong").contains("`runId`"),
        "{seen}"
    );
    daemon.stop("q");
    daemon.end();
}
