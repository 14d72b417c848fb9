//! The gate that makes pi ask, by itself: what it lets pass, and that everything but an `allow` blocks.

use std::path::Path;
use std::process::Command;

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
