//! Requests to granted origins, and every way out of them.

use omi_tests::world::World;
use omi_tests::world::server::{Request, Server, answer, redirect};

/// A server that a grant may name: some of its pages lead to `inner`, which none may reach.
pub(crate) fn outer(inner: &Server) -> Server {
    let (inner, port) = (inner.address, inner.address.port());
    Server::start(move |request: &Request| match request.target() {
        "/redirect/absolute" => redirect(&format!("http://{inner}/stolen")),
        "/redirect/relative-authority" => redirect(&format!("//{inner}/stolen")),
        "/redirect/userinfo" => {
            let own = request.header("host").unwrap_or_default();
            redirect(&format!("http://{own}@{inner}/stolen"))
        }
        "/redirect/mapped" => redirect(&format!("http://[::ffff:127.0.0.1]:{port}/stolen")),
        "/redirect/scheme" => redirect(&format!("https://{}/", request.header("host").unwrap_or_default())),
        "/redirect/chain" => redirect("/redirect/absolute"),
        "/redirect/endless" => redirect("/redirect/endless"),
        "/redirect/near" => redirect("/v1/models"),
        "/redirect/narrow" => redirect("/v2/admin"),
        "/echo" => {
            let copy = request.header("authorization").unwrap_or_default();
            answer("200 OK", &format!("X-Copy: {copy}\r\n"), &format!("{}{}", request.head, request.body))
        }
        "/echo/error" => answer("401 Unauthorized", "", &request.head),
        "/echo/bytes" => {
            let chunk = |byte: char| format!("1\r\n{byte}\r\n");
            let chunks: String = request.head.chars().map(chunk).collect();
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}0\r\n\r\n"
            )
        }
        _ => answer("200 OK", "", &format!("{} {}", request.line(), request.body)),
    })
}

fn servers() -> (Server, Server) {
    let inner = Server::start(|_| answer("200 OK", "", "stolen"));
    let outer = outer(&inner);
    (inner, outer)
}

/// What the probe says of a prompt, at a registration whose grant `remote` has these lines.
fn probe(grant: &str, prompt: &str) -> String {
    let world = World::new();
    world.register_guest("effect_probe", &format!("grants.remote = {{ {grant} }}"));
    let ended = world.run(&["run", "--adapter", "effect_probe", prompt], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[test]
fn a_granted_origin_answers() {
    let (_, outer) = servers();
    let grant = format!("origin = '{}', private = true, methods = ['GET', 'POST']", outer.origin());
    let said =
        probe(&grant, "get remote /v1/models?x=1\npost remote /v1/chat hello\nget remote /redirect/near");
    assert_eq!(
        said,
        "get remote /v1/models?x=1: 200 GET /v1/models?x=1 HttpOutcome::Complete\n\
         post remote /v1/chat hello: 200 POST /v1/chat helloHttpOutcome::Complete\n\
         get remote /redirect/near: 200 GET /v1/models HttpOutcome::Complete\n"
    );
    assert!(outer.seen().iter().all(|request| request.header("host") == Some(&outer.address.to_string())));
}

#[test]
fn an_origin_is_narrowed_to_methods_and_paths_and_so_are_its_redirects() {
    let (_, outer) = servers();
    let origin = outer.origin();
    let grant = format!(
        "origin = '{origin}', private = true, methods = ['GET'], resources = ['GET /v1/**', 'GET /redirect/**']"
    );
    let prompt = "post remote /v1/chat hello\nget remote /v2/admin\nget remote /redirect/near\nget remote /redirect/narrow";
    let said = probe(&grant, prompt);
    let said: Vec<&str> = said.lines().collect();
    assert!(said[0].contains("refused"), "{said:?}");
    assert!(said[1].contains("`resources` of the grant `remote`") && said[1].contains("hint:"), "{said:?}");
    assert!(said[2].contains("200 GET /v1/models"), "{said:?}");
    assert!(said[3].contains("Failed") && said[3].contains("/v2/admin"), "{said:?}");
    assert!(
        !outer.seen().iter().any(|request| request.head.contains("POST") || request.target() == "/v2/admin")
    );
}

#[test]
fn what_is_on_this_machine_needs_a_word_for_it() {
    let (inner, _) = servers();
    let port = inner.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "[::1]"] {
        let said = probe(&format!("origin = 'http://{host}:{port}', methods = ['GET']"), "get remote /");
        assert!(said.contains("private = true"), "{host}: {said}");
    }
    assert!(inner.seen().is_empty(), "{:?}", inner.seen());
}

#[test]
fn there_is_no_way_out_of_an_origin() {
    let (inner, outer) = servers();
    let world = World::new();
    let (origin, port) = (outer.origin(), inner.address.port());
    let secret = "secrets = { authorization = { file = 'token', prefix = 'Bearer ' } }";
    std::fs::write(world.path("token"), "of-the-registration\n").unwrap();
    let grants = format!(
        "grants.remote = {{ origin = '{origin}', private = true, methods = ['GET'], {secret} }}\n\
         grants.named = {{ origin = 'http://localhost:{port}', methods = ['GET'] }}\n\
         grants.mapped = {{ origin = 'http://[::ffff:127.0.0.1]:{port}', methods = ['GET'] }}\n\
         grants.public = {{ origin = 'http://127.0.0.1:{port}', methods = ['GET'] }}\n"
    );
    world.register_guest("origin_escape", &grants);
    let ended = world.run(&["run", "--adapter", "origin_escape", &inner.address.to_string()], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(said.len(), 41, "{ended:?}");
    let arrived = |line: &&&str| line.contains(" 200 ") || line.contains(" 302 ");
    for line in said.iter().filter(arrived) {
        assert!(!line.contains("stolen"), "{line}");
    }
    assert!(inner.seen().is_empty(), "{:?}", inner.seen());
    let own = outer.address.to_string();
    for request in outer.seen() {
        let head = &request.head;
        assert!(head.starts_with("GET /"), "{head}");
        assert_eq!(request.header("host"), Some(own.as_str()), "{head}");
        assert_eq!(request.header("authorization"), Some("Bearer of-the-registration"), "{head}");
        let names: Vec<String> =
            head.lines().filter_map(|line| Some(line.split_once(':')?.0.to_lowercase())).collect();
        for never in ["injected", "transfer-encoding", "content-length", "proxy-authorization", "upgrade"] {
            assert!(!names.iter().any(|name| name == never), "{head}");
        }
        assert_eq!(names.iter().filter(|name| *name == "host").count(), 1, "{head}");
        assert!(!head.contains("smuggled") && !head.contains("of-the-guest"), "{head}");
    }
}
