//! Where a name leads: not to this machine or its neighbours, unless the grant says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::Resolve as _;

use super::server::{Server, World, answer, bound, request};
use crate::http::resolver::{LookUp, Resolver};
use crate::http::{Remote, tls};
use crate::redact::Hidden;
use crate::registration::BoundHttp;

fn public(origin: &str) -> BoundHttp {
    BoundHttp { private: false, ..bound(origin) }
}

/// Answers the first question with the first list, the second with the second, and so on.
fn answering(lists: &[&[&str]]) -> (LookUp, Arc<AtomicUsize>) {
    let lists: Vec<Vec<SocketAddr>> =
        lists.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let look_up: LookUp = Arc::new(move |_| {
        let list = lists[count.fetch_add(1, Ordering::SeqCst)].clone();
        Box::pin(async move { Ok(list) })
    });
    (look_up, asked)
}

fn resolved(world: &World, resolver: &Resolver) -> Result<Vec<SocketAddr>, String> {
    let found = world.runtime.block_on(resolver.resolve("rebind.example".parse().unwrap()));
    found.map(Iterator::collect).map_err(|error| error.to_string())
}

#[test]
fn an_address_that_is_not_public_is_refused_however_it_is_written() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "017700000001",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        let made = Remote::new("remote", &public(&format!("http://{host}:8080")), &[], Hidden::default());
        let why = made.err().unwrap_or_else(|| panic!("`{host}` was taken"));
        assert!(
            why.contains("is not a public address; hint: `private = true` in `grants.remote`"),
            "{host}: {why}"
        );
    }
    assert!(Remote::new("remote", &public("http://8.8.8.8"), &[], Hidden::default()).is_ok());
    assert!(Remote::new("remote", &bound("http://127.0.0.1"), &[], Hidden::default()).is_ok());
}

#[test]
fn a_name_of_this_machine_is_refused() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(200, "", "inside"));
    let origin = format!("http://localhost:{}", server.address.port());
    let send = |bound: &BoundHttp| {
        let remote = Remote::new("remote", bound, &[], Hidden::default()).unwrap();
        world.send(remote, request("GET", "/"))
    };
    let told = send(&public(&origin));
    assert!(told.failure().contains("`localhost` has no public address; hint: `private = true`"), "{told:?}");
    assert_eq!(server.connections(), 0);
    assert_eq!(send(&bound(&origin)).body(), "inside");
}

#[test]
fn a_name_that_is_public_first_and_private_then_gains_nothing() {
    let world = World::new();
    let (look_up, _) =
        answering(&[&["8.8.8.8:0"], &["127.0.0.1:0"], &["10.0.0.1:0", "1.1.1.1:0", "[::1]:0"], &[]]);
    let resolver = Resolver::new("remote", false, look_up);
    assert_eq!(resolved(&world, &resolver), Ok(vec!["8.8.8.8:0".parse().unwrap()]));
    let why = resolved(&world, &resolver).unwrap_err();
    assert!(
        why.contains("`rebind.example` has no public address; hint: `private = true` in `grants.remote`"),
        "{why}"
    );
    // Of a list, only the public ones are tried.
    assert_eq!(resolved(&world, &resolver), Ok(vec!["1.1.1.1:0".parse().unwrap()]));
    assert!(resolved(&world, &resolver).unwrap_err().contains("has no address"));
}

#[test]
fn a_connection_is_made_to_the_addresses_that_were_checked() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(200, "", "inside"));
    let origin = format!("http://rebind.example:{}", server.address.port());
    let send = |private: bool, look_up: LookUp| {
        let bound = BoundHttp { private, ..bound(&origin) };
        let resolver = Resolver::new("remote", private, look_up);
        let remote =
            Remote::with("remote", &bound, &[], Hidden::default(), resolver, tls::none().unwrap()).unwrap();
        world.send(remote, request("GET", "/"))
    };
    // One question for one connection: there is no second answer that could differ from the one that was checked.
    let (look_up, asked) = answering(&[&["127.0.0.1:0"]]);
    assert_eq!(send(true, look_up).body(), "inside");
    assert_eq!((asked.load(Ordering::SeqCst), server.connections()), (1, 1));
    // What is not allowed is not connected to, not even as the last of a list of no use.
    let (look_up, _) = answering(&[&["127.0.0.1:0", "[::ffff:127.0.0.1]:0"]]);
    let told = send(false, look_up);
    assert!(told.failure().contains("has no public address"), "{told:?}");
    assert_eq!(server.connections(), 1);
}
