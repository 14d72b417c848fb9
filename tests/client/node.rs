//! The example of the client's documentation, as it stands there, with Node.

use std::process::Command;

use omi_tests::world::World;
use omi_tests::world::http::HttpDaemon;

use super::{built, folder};

#[test]
#[ignore = "needs the built client; hint: cargo xtask test --long"]
fn the_example_of_the_documentation_shows_an_answer_and_ends() {
    built("index.js");
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &["--http"]);
    let documentation = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let example = documentation.split("```js\n").nth(1).and_then(|rest| rest.split("```").next());
    std::fs::write(world.path("example.mjs"), example.expect("an example")).unwrap();
    std::fs::create_dir(world.path("node_modules")).unwrap();
    std::os::unix::fs::symlink(folder(), world.path("node_modules/omi-agentd-client")).unwrap();

    let mut node = Command::new("node");
    world.settle(&mut node);
    node.env("OMI_URL", daemon.endpoint["http"].as_str().unwrap()).env("OMI_KEY", &daemon.key);
    let told = node.arg(world.path("example.mjs")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(told.status.success(), "{}", text(&told.stderr));
    assert_eq!(text(&told.stdout), "hello");
    let runs = daemon.tcp().get("/v1/runs").json();
    assert_eq!(runs["items"][0]["status"], "succeeded", "{runs}");
    daemon.end();
}
