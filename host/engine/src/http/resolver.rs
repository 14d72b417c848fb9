//! Finds the addresses of a server, and drops those that its grant does not allow.
//!
//! The connection is made to the very addresses that were checked here: a name is not looked up twice, so a server that
//! answers first with a public address and then with one of this machine gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Name, Resolve, Resolving};

use crate::address::is_public;

/// Looks up one name.
pub(super) type LookUp =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// Finds the addresses of the server of one grant.
pub(super) struct Resolver {
    /// What to say when there is none that is allowed.
    hint: String,
    private: bool,
    look_up: LookUp,
}

impl Resolver {
    /// Asks the system.
    pub(super) fn system(grant: &str, private: bool) -> Self {
        let look_up: LookUp = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        });
        Self::new(grant, private, look_up)
    }

    pub(super) fn new(grant: &str, private: bool, look_up: LookUp) -> Self {
        let hint = format!("hint: `private = true` in `grants.{grant}` allows it");
        Self { hint, private, look_up }
    }

    /// Checks an address that stands in the origin itself: that one is not looked up.
    pub(super) fn check_literal(&self, origin: &Url) -> Result<(), String> {
        let host = origin.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if literal.is_ok_and(|address| !self.allows(address)) {
            return Err(format!("`{host}` is not a public address; {}", self.hint));
        }
        Ok(())
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.private || is_public(address)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let found = (self.look_up)(name.clone());
        let (private, hint) = (self.private, self.hint.clone());
        Box::pin(async move {
            let found =
                found.await.map_err(|error| format!("cannot find the address of `{name}`: {error}"))?;
            if found.is_empty() {
                return Err(format!("`{name}` has no address").into());
            }
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|found| private || is_public(found.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("`{name}` has no public address; {hint}").into());
            }
            Ok(Box::new(allowed.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}
