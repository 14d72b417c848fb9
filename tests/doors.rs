//! Who is let in, and how a daemon is found: the key, the names, the origins, the Unix socket.

use std::os::unix::fs::PermissionsExt as _;

use omi_tests::world::World;
use omi_tests::world::http::{Client, HttpDaemon};
use omi_tests::world::wire::Serving;
use serde_json::json;

fn mode(world: &World, name: &str) -> u32 {
    std::fs::metadata(world.path(name)).expect("a file").permissions().mode() & 0o777
}

fn refused(client: &Client, path: &str) -> (u16, String) {
    client.get(path).problem()
}

#[test]
fn a_daemon_is_found_as_long_as_it_serves() {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    for name in ["state/endpoint.json", "state/api-key", "state/omi-agentd.sock"] {
        assert_eq!(mode(&world, name), 0o600, "{name}");
    }
    assert_eq!(daemon.endpoint["protocolVersion"], 2);
    assert_eq!(daemon.endpoint["pid"], daemon.running.id());
    assert_eq!(daemon.endpoint["keyFile"], world.path("state/api-key").display().to_string());
    for client in [daemon.tcp(), daemon.unix()] {
        assert_eq!(client.get("/healthz").json()["status"], "ok");
        assert_eq!(client.get("/openapi.json").json()["openapi"], "3.1.0");
    }
    let key = daemon.key.clone();
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!world.path("state/endpoint.json").exists() && !world.path("state/omi-agentd.sock").exists());
    let again = HttpDaemon::start(&world, &[]);
    assert_eq!(again.key, key, "the key outlives a daemon");
}

#[test]
fn a_pipe_has_its_socket_too_and_no_address() {
    let world = World::new();
    let serving = Serving::start(&world);
    let daemon = HttpDaemon::of(&world, serving.running);
    assert!(daemon.endpoint["http"].is_null());
    assert_eq!(daemon.unix().get("/healthz").status, 200);
}

#[test]
fn nobody_is_let_in_without_the_key_but_to_ask_whether_it_is_there() {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let wrong = "0".repeat(64);
    for client in [daemon.tcp(), daemon.unix()] {
        for key in [None, Some(""), Some(wrong.as_str()), Some(&daemon.key[1..])] {
            let client = client.with_key(key);
            assert_eq!(client.get("/healthz").status, 200);
            for path in ["/v1/events", "/v1/nothing", "/docs/", "/openapi.json"] {
                assert_eq!(refused(&client, path), (401, "unauthorized".to_owned()), "{path}");
            }
            assert_eq!(client.websocket().err(), Some(401));
        }
    }
    // A person opens the pages in a browser, with the key as password; nothing else is opened so.
    let password = ["Basic ", &base64(&format!("any:{}", daemon.key))].concat();
    let person = daemon.tcp().with_key(None).with("authorization", &password);
    assert_eq!(person.get("/docs/").status, 200);
    assert_eq!(person.get("/openapi.json").status, 200);
    assert_eq!(refused(&person, "/v1/events").0, 401);
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut coded = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(*three.get(place).unwrap_or(&0)));
        for place in 0..4 {
            let digit = bits >> (18 - 6 * place) & 63;
            coded.push(if place <= three.len() { DIGITS[digit as usize].into() } else { '=' });
        }
    }
    coded
}

#[test]
fn a_page_of_another_server_cannot_ask() {
    let world = World::new();
    world.configure("http.origins = ['https://app.example']\nhttp.hosts = ['agents.example']\n");
    let daemon = HttpDaemon::start(&world, &[]);
    let (client, unix) = (daemon.tcp(), daemon.unix());
    for host in ["evil.example", "127.0.0.1.evil.example", "", "evil.example:80"] {
        let refused = refused(&client.with("host", host), "/healthz");
        assert_eq!(refused, (403, "forbidden_host".to_owned()), "{host}");
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8", "agents.example"] {
        assert_eq!(client.with("host", host).get("/healthz").status, 200, "{host}");
    }
    for origin in ["http://evil.example", "null", "https://app.example.evil", "chrome-extension://abc"] {
        for client in [&client, &unix] {
            let client = client.with("origin", origin);
            assert_eq!(refused(&client, "/healthz"), (403, "forbidden_origin".to_owned()), "{origin}");
            assert_eq!(client.websocket().err(), Some(403), "{origin}");
            let preflight = client.send("OPTIONS", "/v1/events", None);
            assert_eq!(preflight.header("access-control-allow-origin"), None, "{origin}");
        }
    }
    // Its own pages, and those that are configured.
    let own = daemon.endpoint["http"].as_str().expect("an address");
    assert_eq!(client.with("origin", own).get("/healthz").status, 200);
    let app = client.with("origin", "https://app.example").with_key(None);
    let allowed = app.with("access-control-request-method", "POST").send("OPTIONS", "/v1/events", None);
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example"));
    let seen = app.get("/healthz");
    assert_eq!(seen.header("access-control-expose-headers"), Some("content-disposition,location"));
    assert_eq!(client.get("/healthz").header("access-control-allow-origin"), None, "nobody else is named");
}

#[test]
fn another_owner_has_a_key_and_things_of_its_own() {
    let world = World::new();
    let key = "k".repeat(40);
    std::fs::write(world.path("phone.key"), &key).expect("a file");
    world.configure("[api-keys.phone]\nowner = 'phone'\nfile = 'phone.key'\n");
    let daemon = HttpDaemon::start(&world, &[]);
    let own = daemon.tcp();
    let other = own.with_key(Some(&key));
    let mut socket = own.websocket().expect("it is let in");
    socket.send("c", "query", "r", &json!({ "prompt": "hello" }));
    let result = socket.hear(|message| message["type"] == "result");
    let session = result["sessionId"].as_str().expect("a session");
    assert_eq!(refused(&other, &format!("/v1/sessions/{session}/events")), (404, "not_found".to_owned()));
    let mut socket = other.websocket().expect("it is let in");
    socket.send("c", "query", "q", &json!({ "prompt": "hello", "sessionId": session }));
    assert_eq!(socket.hear(|message| message["type"] == "error")["code"], "not_found");
    socket.send("c", "subscribe", "s", &json!({ "afterCursor": 0 }));
    socket.send("c", "query", "mine", &json!({ "prompt": "mine" }));
    let result = socket.hear(|message| message["type"] == "result");
    let seen = socket.heard.iter().filter(|message| message["type"] == "event");
    assert!(seen.clone().count() > 0);
    assert!(
        seen.into_iter().all(|message| message["sessionId"] == result["sessionId"]),
        "{:?}",
        socket.heard
    );
}

#[test]
fn what_others_could_reach_needs_a_word_and_encryption() {
    let world = World::new();
    let tried = |arguments: &[&str]| {
        let ended = world.run(&[&["serve"], arguments].concat(), "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.stderr
    };
    assert!(tried(&["--http", "0.0.0.0:0"]).contains("--remote"));
    assert!(tried(&["--http", "0.0.0.0:0", "--remote"]).contains("without encryption"));
    world.configure("http.certificate = 'none.pem'\nhttp.private-key = 'none.pem'\n");
    assert!(tried(&["--http", "127.0.0.1:0"]).contains("none.pem"));
    world.configure("http.certificate = 'none.pem'\n");
    assert!(tried(&[]).contains("private-key"));
    for (wrong, word) in [
        ("http.hosts = ['*']", "http.hosts"),
        ("http.origins = ['*']", "http.origins"),
        ("[api-keys.x]\nowner = ''\nfile = 'x'", "api-keys.x.owner"),
        ("[api-keys.x]\nowner = 'x'\nfile = 'x'", "API key"),
    ] {
        world.configure(wrong);
        assert!(tried(&[]).contains(word), "{wrong}");
    }
}
