//! Redirects: of each kind, and to where the grant does not reach.

use std::sync::{Arc, Mutex};

use super::server::{Server, World, answer, bound, remote, request};
use crate::http::May;
use crate::input::HttpOutcome;

/// A server that redirects `/from` with this status and location, and says `arrived` elsewhere.
fn redirecting(world: &World, status: u16, location: &str) -> Server {
    let head = format!("location: {location}\r\n");
    Server::answering(world, move |request| {
        if request.split(' ').nth(1) == Some("/from") {
            answer(status, &head, "moved")
        } else {
            answer(200, "", "arrived")
        }
    })
}

#[test]
fn a_redirect_is_followed_as_its_status_says() {
    for (status, before, after, keeps_body) in [
        (301, "GET", "GET", false),
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (302, "PUT", "PUT", true),
        (303, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (307, "POST", "POST", true),
        (308, "PUT", "PUT", true),
    ] {
        let world = World::new();
        let server = redirecting(&world, status, "to/there?a=b#c");
        let mut from = request(before, "/from");
        from.headers = vec![("content-type".into(), "text/plain".into()), ("x".into(), "y".into())];
        if before != "GET" {
            from.body = b"the body".to_vec();
        }
        let asked = Arc::new(Mutex::new(Vec::new()));
        let may: May = {
            let asked = Arc::clone(&asked);
            Arc::new(move |method, path| {
                asked.lock().unwrap().push(format!("{method} {path}"));
                Ok(())
            })
        };
        let _transfer = world.start(remote(&bound(&server.origin())), from, may);
        let told = world.told();
        assert_eq!(told.outcome, HttpOutcome::Complete, "{status} {before}");
        assert_eq!((told.status(), told.body().as_str()), (200, "arrived"), "{status} {before}");
        assert_eq!(*asked.lock().unwrap(), [format!("{after} /to/there")]);
        let second = &server.seen()[1];
        assert!(
            second.starts_with(&format!("{after} /to/there?a=b HTTP/1.1\r\n")),
            "{status} {before}: {second}"
        );
        assert!(
            second.contains("authorization: Bearer sesame\r\n") && second.contains("x: y\r\n"),
            "{second}"
        );
        assert_eq!(second.ends_with("the body"), keeps_body, "{status} {before}: {second}");
        assert_eq!(
            second.contains("content-type"),
            keeps_body || before == "GET" && status == 301,
            "{second}"
        );
    }
}

#[test]
fn what_sends_nobody_on_is_an_answer() {
    let world = World::new();
    let server = redirecting(&world, 300, "/to");
    let told = world.send(remote(&bound(&server.origin())), request("GET", "/from"));
    assert_eq!((told.status(), told.body().as_str()), (300, "moved"));
    let server = Server::answering(&world, |_| answer(302, "", "nowhere"));
    let told = world.send(remote(&bound(&server.origin())), request("GET", "/from"));
    assert_eq!((told.status(), told.body().as_str()), (302, "nowhere"));
}

#[test]
fn a_redirect_away_from_the_origin_is_not_followed() {
    let world = World::new();
    let other = Server::answering(&world, |_| answer(200, "", "secrets"));
    let port = other.address.port();
    let elsewhere = [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("\\\\127.0.0.1:{port}\\"),
        "http://127.0.0.1/".to_owned(),
        "https://SELF/".to_owned(),
        "http://user@SELF/".to_owned(),
        "http://user:password@SELF/".to_owned(),
        format!("http://SELF@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:text/plain,x".to_owned(),
        "javascript:alert(1)".to_owned(),
    ];
    for location in elsewhere {
        let template = location.clone();
        let server = Server::answering(&world, move |request| {
            let own = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            answer(307, &format!("location: {}\r\n", template.replace("SELF", own)), "")
        });
        let told = world.send(remote(&bound(&server.origin())), request("GET", "/"));
        let why = told.failure();
        assert!(why.contains("redirects to `") && why.contains("the grant `remote` does not cover"), "{why}");
        assert!(!why.contains("password"), "{why}");
        assert!(told.head.is_none() && told.pieces.is_empty());
        assert_eq!(server.connections(), 1, "{location}");
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_redirect_within_the_origin_is_asked_about_again() {
    for (location, status, names) in [
        ("/admin", 307, "`GET /admin`"),
        ("/open/../admin", 307, "`GET /admin`"),
        ("/open/%2e%2e/admin", 307, "`GET /admin`"),
        ("/open/..%2fadmin", 307, "`.` or `..`"),
        ("/.//evil.example/", 307, "`//`"),
        ("http://", 307, "not an address"),
        ("/\u{e9}", 307, "not an address"),
    ] {
        let world = World::new();
        let server = redirecting(&world, status, location);
        let may: May = Arc::new(|method, path| match path {
            "/admin" => Err(format!("no live grant covers {method} {path}")),
            _ => Ok(()),
        });
        let _transfer = world.start(remote(&bound(&server.origin())), request("GET", "/from"), may);
        let told = world.told();
        assert!(told.failure().contains(names), "{location}: {told:?}");
        assert_eq!(server.connections(), 1, "{location}");
    }
    // A method that is not allowed is not come by either.
    let world = World::new();
    let server = redirecting(&world, 303, "/to");
    let bound = crate::registration::BoundHttp { methods: vec!["POST".into()], ..bound(&server.origin()) };
    let told = world.send(remote(&bound), request("POST", "/from"));
    assert!(told.failure().contains("does not allow the method `GET`"), "{told:?}");
    assert_eq!(server.connections(), 1);
}

#[test]
fn redirects_have_an_end() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(302, "location: /again\r\n", ""));
    let told = world.send(remote(&bound(&server.origin())), request("GET", "/"));
    assert!(told.failure().contains("redirects more than 5 times"), "{told:?}");
    assert_eq!(server.connections(), 6);
}
