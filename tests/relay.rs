//! Tools of a surface that an agent uses: declared with a query, used over the shim, answered once.

use omi_tests::world::http::HttpDaemon;
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

/// A daemon whose test agent is handed the tools.
fn with_tools(more: &str) -> (World, Serving) {
    let world = World::new();
    world.configure(&format!("{more}\n{}", tester(&[], "tools = true")));
    let daemon = Serving::start(&world);
    (world, daemon)
}

/// A query that declares `weather`, and what is to be done.
fn query(daemon: &mut Serving, request: &str, prompt: &str, timeout_ms: u64) {
    let weather = json!({ "name": "weather", "description": "How it is outside", "timeoutMs": timeout_ms,
        "inputSchema": { "type": "object", "properties": { "city": { "type": "string" } } } });
    let fields = json!({ "adapterId": "tester", "prompt": prompt, "tools": [weather] });
    daemon.ask("query", request, &fields);
}

#[test]
fn an_agent_uses_a_tool_of_the_surface_that_asked_and_gets_its_result() {
    let (_world, mut daemon) = with_tools("");
    query(&mut daemon, "q", "tools\ncall weather {\"city\":\"Bern\"}\nsay done", 60_000);
    let used = daemon.hear("tool_use", "q");
    assert_eq!((&used["name"], &used["input"]), (&json!("weather"), &json!({ "city": "Bern" })));
    for (field, prefix) in
        [("sessionId", "ses_"), ("runId", "run_"), ("attemptId", "att_"), ("callId", "call_")]
    {
        assert!(text(&used, field).starts_with(prefix), "{field}: {used}");
    }
    let answer = json!({ "callId": used["callId"], "result": "rain" });
    daemon.ask("tool_result", "elsewhere", &answer);
    assert_eq!(daemon.refusal("elsewhere").0, "not_found", "another request's");
    daemon.ask("tool_result", "q", &answer);
    let result = daemon.result("q");
    assert_eq!(result["runId"], used["runId"]);
    let told = text(&result, "text");
    assert!(told.contains("weather: rain") && told.contains("done"), "{told}");
    assert!(
        told.contains("tools: list_agent_sessions") && told.contains(" weather\n"),
        "it was listed: {told}"
    );
    daemon.ask("tool_result", "q", &answer);
    assert_eq!(daemon.refusal("q").0, "not_found", "once");

    // The next run of the session declares nothing: the tool is gone.
    let next = json!({ "sessionId": result["sessionId"], "prompt": "tools\ncall weather {}" });
    daemon.ask("query", "next", &next);
    let told = text(&daemon.result("next"), "text");
    assert!(!told.contains(" weather\n") && told.contains("-32602"), "{told}");
    daemon.end();
}

#[test]
fn another_program_of_the_surface_gives_the_result_over_http() {
    let (world, mut daemon) = with_tools("");
    query(&mut daemon, "q", "call weather {\"city\":\"Bern\"}\nsay done", 60_000);
    let used = daemon.hear("tool_use", "q");
    let http = HttpDaemon::of(&world, daemon.running);
    let client = http.unix();
    let actions = format!("/v1/sessions/{}/actions", text(&used, "sessionId"));
    let result = |request: &str| {
        json!({ "type": "tool_result", "clientId": "test", "requestId": request, "callId": used["callId"],
            "result": "rain" })
    };
    assert_eq!(client.post(&actions, &result("elsewhere")).problem(), (404, "not_found".to_owned()));
    assert_eq!(client.post(&actions, &result("q")).status, 200);
    assert_eq!(client.post(&actions, &result("q")).problem(), (404, "not_found".to_owned()), "once");
    let path = format!("/v1/events?after=0&run={}", text(&used, "runId"));
    client.listen(&path).up_to(|event| event.kind == "run.succeeded");
    let run = client.get(&format!("/v1/runs/{}", text(&used, "runId"))).json();
    assert!(text(&run, "finalText").contains("weather: rain"), "{run}");
}

#[test]
fn a_result_that_does_not_come_in_time_is_dropped_when_it_comes() {
    let (_world, mut daemon) = with_tools("");
    query(&mut daemon, "q", "call weather {}", 50);
    let used = daemon.hear("tool_use", "q");
    let told = text(&daemon.result("q"), "text");
    assert!(told.contains("tool_timed_out"), "{told}");
    daemon.ask("tool_result", "q", &json!({ "callId": used["callId"], "result": "rain" }));
    assert_eq!(daemon.refusal("q").0, "not_found");
    daemon.end();
}

#[test]
fn a_run_that_is_stopped_waits_for_no_result() {
    let (_world, mut daemon) = with_tools("cancel-grace-ms = 100");
    query(&mut daemon, "q", "call weather {}", 60_000);
    let used = daemon.hear("tool_use", "q");
    assert_eq!(daemon.stop("q")["terminalStatus"], "cancelled");
    daemon.ask("tool_result", "q", &json!({ "callId": used["callId"], "result": "rain" }));
    assert_eq!(daemon.refusal("q").0, "not_found");
    daemon.end();
}

#[test]
fn a_long_result_is_cut_and_kept_whole_as_an_artifact_that_the_agent_can_read_on() {
    let (world, mut daemon) = with_tools("");
    let whole = "ü".repeat(10_000);
    query(&mut daemon, "q", "call weather {}", 60_000);
    let used = daemon.hear("tool_use", "q");
    daemon.ask("tool_result", "q", &json!({ "callId": used["callId"], "result": whole }));
    let result = daemon.result("q");
    let told = text(&result, "text");
    let shown: String = told.chars().filter(|letter| *letter == 'ü').collect();
    assert_eq!(shown.len(), 8 * 1024, "8 KiB, and no half character");
    let artifact = told.split('`').find(|word| word.starts_with("art_")).expect("it is named").to_owned();
    assert!(told.contains("the first 8192 of 20000 bytes"), "{}", &told[told.len() - 300..]);
    assert!(!told.contains(&world.path("state").display().to_string()));

    let read = json!({ "artifactId": artifact, "fromByte": 8192 });
    let next = format!("call inspect_agent_artifacts {read}");
    daemon.ask("query", "next", &json!({ "sessionId": result["sessionId"], "prompt": next }));
    let told = text(&daemon.result("next"), "text");
    let answer: Value =
        serde_json::from_str(told.trim().strip_prefix("inspect_agent_artifacts: ").unwrap()).unwrap();
    let content = &answer["content"];
    assert_eq!((&content["fromByte"], &content["nextByte"]), (&json!(8192), &json!(16384)), "{answer}");
    assert!(text(content, "text").chars().all(|letter| letter == 'ü'));
    let shown = &answer["artifacts"][0];
    assert_eq!((&shown["role"], &shown["sizeBytes"]), (&json!("tool_output"), &json!(20_000)));
    assert!(
        !answer.to_string().contains(&world.path("state").display().to_string()),
        "no child is told where"
    );

    let opened = json!({ "name": "update_agent_artifact_lifecycle",
        "input": { "artifactId": artifact, "state": "opened", "runId": result["runId"] } });
    let answer = |daemon: &Serving, number: usize| -> Value {
        let told = daemon.hear_all("control_tool_result", "u", number).pop().unwrap();
        serde_json::from_str(&text(&told, "result")).unwrap()
    };
    daemon.ask("direct_control_tool", "u", &opened);
    let changed = answer(&daemon, 1);
    assert_eq!(
        (&changed["changed"], &changed["artifact"]["lifecycleState"]),
        (&json!(true), &json!("opened"))
    );
    assert_eq!(changed["event"]["payload"]["artifactId"], json!(artifact), "{changed}");
    daemon.ask("direct_control_tool", "u", &opened);
    assert_eq!(answer(&daemon, 2)["changed"], false);
    daemon.end();
}

#[test]
fn what_is_wrong_with_declared_tools_is_refused_before_anything_runs() {
    let (world, mut daemon) = with_tools("");
    let tools = json!([{ "name": "delegate_agent", "inputSchema": { "type": "object" } }]);
    daemon.ask("query", "q", &json!({ "adapterId": "tester", "prompt": "say hi", "tools": tools }));
    let (code, why) = daemon.refusal("q");
    assert!(code == "invalid_message" && why.contains("control tool"), "{why}");
    let tools = json!([{ "name": "weather", "inputSchema": { "type": "object" } }]);
    daemon.ask("query", "deaf", &json!({ "adapterId": "echo", "prompt": "hi", "tools": tools }));
    let (code, why) = daemon.refusal("deaf");
    assert!(code == "no_tools" && why.contains("`tools = true`"), "nobody would ever use it: {why}");
    assert_eq!(world.list("runs").len(), 0);
    daemon.end();
}
