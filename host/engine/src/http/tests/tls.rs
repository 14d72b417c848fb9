//! TLS: a server is talked to only if its certificate is trusted and is for its name.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

use super::server::{Server, World, answer, bound, request};
use crate::http::resolver::Resolver;
use crate::http::{Remote, tls};
use crate::redact::Hidden;

/// A server with a certificate of its own for `localhost`, and who trusts it.
fn server(world: &World) -> (Server, RootCertStore) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let serve = Arc::new(|_, mut connection: Box<dyn super::server::Connection>| {
        Box::pin(async move {
            let _ = connection.write_all(answer(200, "", "safe").as_bytes()).await;
            let _ = connection.shutdown().await;
        }) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>
    });
    (Server::listen(world, serve, Some(TlsAcceptor::from(Arc::new(config)))), roots)
}

fn remote(origin: &str, tls: rustls::ClientConfig) -> Remote {
    let secrets = [("authorization".to_owned(), "Bearer sesame".to_owned())];
    Remote::with("remote", &bound(origin), &secrets, Hidden::default(), Resolver::system("remote", true), tls)
        .unwrap()
}

#[test]
fn only_a_server_with_a_trusted_certificate_for_its_name_is_talked_to() {
    let world = World::new();
    let (server, roots) = server(&world);
    let named = format!("https://localhost:{}", server.address.port());
    let numbered = format!("https://{}", server.address);
    let send = |origin: &str, tls| world.send(remote(origin, tls), request("GET", "/"));

    let told = send(&named, tls::system().unwrap());
    assert!(told.failure().contains("certificate"), "{told:?}");
    let told = send(&numbered, tls::trusting(roots.clone()).unwrap());
    assert!(told.failure().contains("certificate"), "{told:?}");
    assert_eq!(server.seen(), Vec::<String>::new(), "nothing was sent");
    let told = send(&named, tls::trusting(roots).unwrap());
    assert_eq!(told.body(), "safe");
    assert!(server.seen()[0].contains("Bearer sesame"));
}

#[test]
fn a_server_without_tls_is_not_talked_to_where_the_origin_has_it() {
    let world = World::new();
    let plain = Server::answering(&world, |_| answer(200, "", "plain"));
    let told =
        world.send(remote(&format!("https://{}", plain.address), tls::none().unwrap()), request("GET", "/"));
    assert!(told.failure().contains("no answer from `https://127.0.0.1:"), "{told:?}");
}
