//! HTTP is as it is described: schemathesis asks whatever the document allows and more, and judges every answer.

use std::path::Path;
use std::process::Command;

use omi_tests::world::http::HttpDaemon;
use omi_tests::world::wire::text;
use omi_tests::world::{World, guest, tester};
use serde_json::{Value, json};

/// Names the folder of schemathesis.
const TOOL: &str = "OMI_SCHEMATHESIS";
/// Requests of one operation, at most: enough for every parameter, few enough for minutes.
const EXAMPLES: &str = "40";
/// The same requests each time.
const SEED: &str = "7";
/// They end only with their client.
const STREAMS: [&str; 2] = ["follow", "followSession"];
/// The document says what a request looks like. What is possible beyond that (two names that go together, a folder that is
/// absolute, a cursor of this list, a registration that there is) is the kernel's rule, and answered with 400 or 422.
const RULES_BEYOND: &str = "positive_data_acceptance";

/// Things that are there, by the beginning of the paths that name them.
fn there(daemon: &HttpDaemon) -> Value {
    let client = daemon.tcp();
    let asked = |adapter: &str, prompt: &str| {
        let new = json!({ "adapterId": adapter, "message": { "text": prompt } });
        let made = client.post("/v1/sessions", &new).json();
        let accepted = made["accepted"].clone();
        let path = format!("/v1/events?after=0&run={}", text(&accepted, "runId"));
        client.listen(&path).up_to(|event| ["run.succeeded", "message.delta"].contains(&event.kind.as_str()));
        accepted
    };
    let made = asked("person_probe", "name-text hello\nfinish");
    let goes_on = asked("tester", "slow");
    let work = json!({ "parentRunId": goes_on["runId"], "mode": "spawn", "adapterId": "echo", "objective": "Count" });
    let delegated = client.post("/v1/delegations", &work).json();
    let first = |path: &str, name: &str| client.get(path).json()["items"][0][name].clone();
    let file = client.upload("POST", "/v1/files", "text/plain", b"hello").json();
    json!({
        "/v1/sessions/": { "id": made["sessionId"] },
        "/v1/tasks/": { "id": made["sessionId"] },
        "/v1/runs/": { "id": made["runId"] },
        "/v1/artifacts/": { "id": first("/v1/artifacts", "artifactId") },
        "/v1/grants/": { "id": first("/v1/grants", "grantId") },
        "/v1/delegations/": { "id": delegated["delegationId"] },
        "/v1/files/": { "id": file["fileId"] },
        "/v1/adapters/": { "id": "echo" },
    })
}

#[test]
#[ignore = "needs schemathesis; hint: cargo xtask test --long"]
fn every_answer_is_one_that_the_document_names() {
    let folder = std::env::var_os(TOOL);
    let folder = folder.expect("OMI_SCHEMATHESIS names where it is; hint: cargo xtask test --long");
    let world = World::new();
    world.configure(&format!("{}{}", tester(&[], "approvals = \"legacy\""), guest("person_probe")));
    world.install(&omi_tests::world::guest_file("person_probe"));
    let daemon = HttpDaemon::start(&world, &[]);
    let there = there(&daemon);
    let url = daemon.endpoint["http"].as_str().expect("it has an address");
    let mut tool = Command::new(Path::new(&folder).join("venv/bin/st"));
    world.settle(&mut tool);
    tool.arg("run").arg(format!("{url}/openapi.json"));
    tool.args(["--header", &format!("Authorization: Bearer {}", daemon.key), "--max-examples", EXAMPLES]);
    tool.args([
        "--seed",
        SEED,
        "--continue-on-failure",
        "--exclude-checks",
        RULES_BEYOND,
        "--request-timeout",
        "30",
    ]);
    for stream in STREAMS {
        tool.args(["--exclude-operation-id", stream]);
    }
    tool.env("OMI_THERE", there.to_string());
    tool.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", hooks());
    let judged = tool.output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success(), "{said}{}", String::from_utf8_lossy(&judged.stderr));
    let document = daemon.tcp().get("/openapi.json").json();
    let items = document["paths"].as_object().expect("paths").values();
    let operations = items.map(|item| item.as_object().expect("operations").len()).sum::<usize>();
    let (asked, all) = (operations - STREAMS.len(), operations);
    assert!(said.contains(&format!("{asked} selected / {all} total")), "{said}");
    assert_eq!(daemon.tcp().get("/healthz").status, 200);
    assert_eq!(daemon.end().code, Some(0));
}

fn hooks() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("described")
}
