//! Artifacts: what an adapter names is recorded, its bytes are kept, and a file that is gone is not hidden.

use omi_tests::world::World;
use omi_tests::world::wire::{Serving, text};
use serde_json::json;

#[test]
fn a_kept_file_is_there_or_changed_or_missing() {
    let world = World::new();
    world.register_guest("person_probe", "");
    let mut daemon = Serving::start(&world);
    let prompt = "name-text hello\nname-extra {\"k\":1}\nfinish";
    let cwd = world.work();
    daemon.ask("query", "a", &json!({ "adapterId": "person_probe", "prompt": prompt, "cwd": cwd }));
    let a = daemon.result("a");
    assert_eq!(a["terminalStatus"], "succeeded", "{a}");
    let listed = |field: &str| {
        let artifacts = world.show(&["artifacts", &text(&a, "runId"), "--json"]);
        assert_eq!(artifacts.as_array().map(Vec::len), Some(2), "{artifacts}");
        [artifacts[1][field].clone(), artifacts[0][field].clone()]
    };
    assert_eq!(listed("present"), ["yes", "missing"], "the second one names a file that was never made");
    assert_eq!(listed("metadata")[1], json!({ "k": 1 }));
    let [uri, _] = listed("uri");
    let file = uri.as_str().unwrap().strip_prefix("file://").expect("a file of this machine").to_owned();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");
    std::fs::write(&file, "hullo").unwrap();
    assert_eq!(listed("present")[0], "changed");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(listed("present")[0], "missing");
    let lines = world.run(&["artifacts"], "");
    assert_eq!(lines.stdout.matches("(the file is missing)").count(), 2, "{lines:?}");
    std::fs::write(world.work().join("out.txt"), "made after all").unwrap();
    assert_eq!(listed("present"), ["missing", "yes"], "a relative name is in the folder of the run");

    let [first, _] = listed("artifactId");
    daemon.ask("update_artifact", "u", &json!({ "artifactId": first, "state": "opened" }));
    daemon.hear("ack", "u");
    assert_eq!(listed("lifecycleState"), ["opened", "retained"]);
    let unknown = format!("art_{}", "0".repeat(32));
    daemon.ask("update_artifact", "v", &json!({ "artifactId": unknown, "state": "opened" }));
    assert_eq!(daemon.refusal("v").0, "not_found");
    daemon.ask("update_artifact", "w", &json!({ "artifactId": first, "state": "lost" }));
    assert!(daemon.refusal("w").1.contains("`state`"));
}
