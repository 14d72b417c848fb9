//! A real Chromium with a small extension, which connects, asks, answers and joins what was cut, with the lines of the
//! documentation.

use std::path::Path;
use std::process::{Command, Stdio};

use omi_tests::world::server::{Server, answer};
use omi_tests::world::{Running, World, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::browser::nothing_is_left_of;

/// Names the program.
const PROGRAM: &str = "OMI_CHROMIUM";

#[test]
#[ignore = "needs Chromium; hint: cargo xtask test --long"]
fn an_extension_of_chromium_asks_answers_and_hears() {
    let chromium =
        std::env::var_os(PROGRAM).expect("OMI_CHROMIUM names Chromium; hint: cargo xtask test --long");
    let world = World::new();
    world.register_tester(&[]);
    let server = Server::start(|_| answer("200 OK", "", ""));
    let extension = extension(&world, &server.origin());
    let profile = world.path("profile");
    let folder = profile.join("NativeMessagingHosts");
    let (folder, id) = (folder.to_str().unwrap(), id(&extension));
    let words =
        ["native-host", "install", "--browser", "chromium", "--extension-id", &id, "--folder", folder];
    let installed = world.run(&words, "");
    assert_eq!(installed.code, Some(0), "{installed:?}");

    let mut command = Command::new(chromium);
    world.settle(&mut command);
    command.args(["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu"]);
    command.args(["--disable-features=DisableLoadExtensionCommandLineSwitch", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.arg(format!("--load-extension={}", extension.display())).arg("about:blank");
    let browser = Running::start(command.stdin(Stdio::null()));
    let told = || -> Vec<Value> {
        server.seen().iter().filter_map(|request| serde_json::from_str(&request.body).ok()).collect()
    };
    let is_over = |told: &Value| told["heard"] == "result" || told["heard"] == "disconnect";
    eventually("the extension tells how it went", || told().iter().any(is_over));
    let told = told();
    assert_eq!(told[0], json!({ "heard": "init", "protocolVersion": 2 }), "{told:?}");
    assert_eq!(told[1], json!({ "heard": "approval", "title": "Write out.txt" }), "{told:?}");
    let result = &told[2];
    assert_eq!((&result["heard"], &result["status"]), (&"result".into(), &"succeeded".into()), "{told:?}");
    assert_eq!(result["characters"], 1_500_000, "{told:?}");
    assert!(result["chunks"].as_u64().is_some_and(|chunks| chunks >= 2), "{told:?}");
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");

    browser.signal(Signal::TERM);
    browser.ended();
    nothing_is_left_of(&world);
    assert_eq!(world.list("runs")[0]["status"], "succeeded");
}

/// The extension, with the lines that join what was cut from the documentation, and where it tells what it hears.
fn extension(world: &World, report: &str) -> std::path::PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("native/extension");
    let folder = world.path("extension");
    std::fs::create_dir(&folder).unwrap();
    for file in ["manifest.json", "background.js"] {
        std::fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    let documentation = sources.join("../../../host/daemon/docs/native-messaging.md");
    let documentation = std::fs::read_to_string(documentation).unwrap();
    let code = documentation.split("```js\n").nth(1).and_then(|rest| rest.split("const port").next());
    std::fs::write(folder.join("joined.js"), code.expect("the lines that join")).unwrap();
    let places = format!("const REPORT = {};\nconst WORK = {};\n", json!(report), json!(world.work()));
    std::fs::write(folder.join("report.js"), places).unwrap();
    folder.canonicalize().unwrap()
}

/// The id of an extension that is loaded from a folder: the digest of its path, with a letter for each half of a byte.
fn id(folder: &Path) -> String {
    let digest = Sha256::digest(folder.to_str().unwrap().as_bytes());
    let letter = |half: u8| char::from(b'a' + half);
    digest[..16].iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect()
}
