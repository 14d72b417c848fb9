//! Who takes up a turn that was interrupted: exactly one may, or the work is done twice.

use omi_tests::world::wire::Serving;
use omi_tests::world::{World, agent};

/// A registration of the test agent whose runtime goes on by itself, and one whose does not.
fn world() -> World {
    let world = World::new();
    world.configure(&[agent("goes-on", &[], "recovers = \"runtime\""), agent("stays", &[], "")].concat());
    world
}

#[test]
fn a_turn_that_its_runtime_takes_up_is_tried_again_only_anyway() {
    let world = world();
    assert_eq!(world.run(&["run", "--adapter", "goes-on", "say hello\nexit"], "").code, Some(1));
    let run = world.list("runs")[0]["runId"].as_str().expect("its id").to_owned();
    for arguments in [vec!["retry", &run], vec!["retry", &run, "--adapter", "echo"]] {
        let refused = world.run(&arguments, "");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("`goes-on` takes up an interrupted turn by itself"), "{refused:?}");
        assert!(refused.stderr.contains("`--anyway`"), "as the command line has it: {refused:?}");
    }
    assert_eq!(world.list("runs")[0]["attempts"].as_array().map(Vec::len), Some(1));
    let anyway = world.run(&["retry", &run, "--adapter", "echo", "--anyway"], "");
    assert_eq!((anyway.code, anyway.stdout.trim()), (Some(0), "say hello\nexit"), "{anyway:?}");
}

#[test]
fn on_the_wire_it_is_refused_with_a_code() {
    let world = world();
    let mut daemon = Serving::start(&world);
    daemon.query("a", "goes-on", "say hello\nexit");
    let run = daemon.result("a")["runId"].clone();
    daemon.ask("retry", "b", &serde_json::json!({ "runId": run }));
    assert_eq!(daemon.refusal("b").0, "runtime_recovers");
    daemon.ask("retry", "c", &serde_json::json!({ "runId": run, "adapterId": "echo", "anyway": true }));
    assert_eq!(daemon.result("c")["terminalStatus"], "succeeded");
}

#[test]
fn what_nobody_takes_up_is_tried_again() {
    let world = world();
    assert_eq!(world.run(&["run", "--adapter", "stays", "say hello\nexit"], "").code, Some(1));
    let run = world.list("runs")[0]["runId"].as_str().expect("its id").to_owned();
    assert_eq!(world.run(&["retry", &run, "--adapter", "echo"], "").code, Some(0));
}
