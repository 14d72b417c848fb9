//! Where connections come from: TCP, TCP with TLS, a Unix socket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::patient::WRITE_PATIENCE;
use crate::config::{HttpConfig, Tls};
use crate::state::StateDir;

/// Bytes of the path of a Unix socket that every system takes.
const SOCKET_PATH_BYTES_MAX: usize = 100;
/// How long to wait where the system has no room for another connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long a connection may be silent before the system asks whether its peer is still there.
const ASK_AFTER: Duration = Duration::from_mins(1);
/// How often it asks then,
const ASK_EVERY: Duration = Duration::from_secs(15);
/// and how often at most, where it has no other limit: two minutes after the last sign of life a peer is gone.
const ASK_TIMES: u32 = 4;
/// How long a client may take to agree on the encryption.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// What is wrong with where to listen. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; hint: `--http` without an address takes a free port")]
    Address {
        /// The address.
        address: String,
        /// Why not.
        error: std::io::Error,
    },
    /// Others could reach it, and nobody said that they may.
    #[error("{0} can be reached from other machines; hint: add --remote if that is meant")]
    Remote(SocketAddr),
    /// Others can reach it, and what they say can be read on the way.
    #[error(
        "{0} would be served without encryption; hint: set `http.certificate` and `http.private-key`, \
         or `http.behind-proxy = true` if a proxy on this machine encrypts"
    )]
    Unencrypted(SocketAddr),
    /// The certificate or its key cannot be used.
    #[error("cannot use `{path}` for TLS: {why}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The Unix socket cannot be made.
    #[error("cannot make the socket `{path}`: {error}")]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

/// A TCP address that is listened on.
pub(super) struct Tcp {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    /// Where it is.
    pub(super) address: SocketAddr,
}

/// A Unix socket that is listened on. Its file is removed with it.
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    /// Where it is.
    pub(super) path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

/// One connection, whatever it came by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Tcp {
    /// Listens on an address. One that other machines reach needs a word that this is meant, and encryption.
    pub(super) async fn bind(
        address: SocketAddr,
        remote: bool,
        config: &HttpConfig,
    ) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() {
            if !remote {
                return Err(ListenError::Remote(address));
            }
            if config.tls.is_none() && !config.behind_proxy {
                return Err(ListenError::Unencrypted(address));
            }
        }
        let acceptor = config.tls.as_ref().map(acceptor).transpose()?;
        let failed = |error| ListenError::Address { address: address.to_string(), error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, acceptor, address })
    }

    /// What a client calls it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.acceptor.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The next connection; none if that one came to nothing. It is agreed on encryption in the task of that connection.
    pub(super) async fn accept(
        &self,
    ) -> Option<impl Future<Output = Option<Box<dyn Stream>>> + Send + use<>> {
        let (stream, _) = accepted(self.listener.accept().await).await?;
        // Without it the last event of a burst waits for an acknowledgement.
        let _ = stream.set_nodelay(true);
        if let Err(error) = watch(&stream) {
            tracing::debug!(%error, "a peer that vanishes is noticed late");
        }
        let acceptor = self.acceptor.clone();
        Some(async move {
            let Some(acceptor) = acceptor else { return Some(Box::new(stream) as Box<dyn Stream>) };
            let agreed = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await;
            agreed.ok()?.ok().map(|stream| Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// Has the system notice a peer that vanished without a word.
fn watch(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, ASK_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, ASK_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, ASK_TIMES)?;
    // Where something waits to be received, the system does not ask: it sends that again, for a quarter of an hour. Nobody
    // is to wait for longer than for one who is there and reads nothing.
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(stream, u32::try_from(WRITE_PATIENCE.as_millis()).unwrap_or(u32::MAX))?;
    Ok(())
}

/// A connection; none where there is no room for one at the moment.
pub(super) async fn accepted<S>(accepted: std::io::Result<S>) -> Option<S> {
    match accepted {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a connection could not be taken");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

impl Socket {
    /// Makes the socket in the state folder, whose lock its daemon has; where the name of that is too long for a socket,
    /// in a folder of its own.
    pub(super) fn bind(state: &StateDir) -> Result<Self, ListenError> {
        let path = state.socket();
        if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return Self::at(path, None);
        }
        let failed = |error| ListenError::Socket { path: std::env::temp_dir(), error };
        // A temporary folder is made for its owner alone.
        let folder = tempfile::Builder::new().prefix("omi-agentd-").tempdir().map_err(failed)?;
        Self::at(folder.path().join("omi-agentd.sock"), Some(folder))
    }

    fn at(path: PathBuf, folder: Option<tempfile::TempDir>) -> Result<Self, ListenError> {
        // What an earlier daemon left: nobody listens there, because that one had the lock.
        let _ = std::fs::remove_file(&path);
        let failed = |error| ListenError::Socket { path: path.clone(), error };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        own(&path).map_err(failed)?;
        Ok(Self { listener, path, _folder: folder })
    }
}

/// Closes a socket to everybody but its owner. Its folder is closed to them already.
fn own(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The next daemon removes it, too.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, ListenError> {
    let wrong = |path: &Path, why: String| ListenError::Tls { path: path.to_owned(), why };
    let certificates = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(&tls.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&tls.private_key)
        .map_err(|error| wrong(&tls.private_key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong(&tls.certificate, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::*;

    const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

    fn config(tls: Option<Tls>, behind_proxy: bool) -> HttpConfig {
        let mut config = HttpConfig::default();
        (config.tls, config.behind_proxy) = (tls, behind_proxy);
        config
    }

    /// A certificate for `localhost` in files, and what trusts nothing else.
    fn certified(folder: &Path) -> (Tls, TlsConnector) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, private_key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&private_key, made.signing_key.serialize_pem()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Tls { certificate, private_key }, TlsConnector::from(Arc::new(client)))
    }

    #[tokio::test]
    async fn what_others_reach_is_encrypted_with_the_certificate_that_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let (tls, connector) = certified(folder.path());
        let tcp = Tcp::bind(ANYWHERE, true, &config(Some(tls), false)).await.unwrap();
        assert!(tcp.url().starts_with("https://"), "{}", tcp.url());
        let port = tcp.address.port();
        let server = tokio::spawn(async move {
            let mut stream = tcp.accept().await.unwrap().await.unwrap();
            let mut said = [0; 5];
            stream.read_exact(&mut said).await.unwrap();
            stream.write_all(&said).await.unwrap();
            stream.flush().await.unwrap();
            // Who does not encrypt gets no connection.
            tcp.accept().await.unwrap().await.is_none()
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(server.await.unwrap());
    }

    #[tokio::test]
    async fn an_address_that_others_reach_is_meant_and_encrypted_here_or_by_a_proxy() {
        let bind =
            async |remote, behind_proxy| Tcp::bind(ANYWHERE, remote, &config(None, behind_proxy)).await;
        assert!(matches!(bind(false, true).await, Err(ListenError::Remote(_))));
        assert!(matches!(bind(true, false).await, Err(ListenError::Unencrypted(_))));
        assert!(bind(true, true).await.is_ok());
        let folder = tempfile::tempdir().unwrap();
        let (tls, _) = certified(folder.path());
        std::fs::write(&tls.private_key, "no key").unwrap();
        let wrong = Tcp::bind(ANYWHERE, true, &config(Some(tls), false)).await;
        assert!(matches!(wrong, Err(ListenError::Tls { path, .. }) if path.ends_with("key.pem")));
    }

    #[tokio::test]
    async fn a_peer_that_vanishes_is_noticed_by_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        watch(&stream).unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), ASK_AFTER);
        assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), ASK_EVERY);
        assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), ASK_TIMES);
        #[cfg(target_os = "linux")]
        assert_eq!(u128::from(sockopt::tcp_user_timeout(&stream).unwrap()), WRITE_PATIENCE.as_millis());
    }
}
