//! The address of a server as a person gives it: its origin, and the path that its API begins with.

use anyhow::{anyhow, bail};
use url::{Host, Url};

/// A server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// Scheme, host and port.
    pub(super) origin: String,
    /// What the address says beyond that; none if nothing.
    pub(super) path: Option<String>,
    /// It is on this machine or in a private network.
    pub(super) is_private: bool,
}

impl Remote {
    /// Reads an address. One with a password in it is not shown.
    pub(super) fn read(address: &str) -> anyhow::Result<Self> {
        if address.contains('@') {
            bail!(
                "--origin has a name or password in it; hint: name a variable with the secret by --secret-env"
            );
        }
        let url = Url::parse(address).map_err(|error| {
            anyhow!("--origin is no address: `{address}`: {error}; hint: --origin https://host")
        })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            bail!("--origin is no address of a server: `{address}`; hint: --origin https://host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            bail!("--origin has more than a path: `{address}`; hint: leave out what begins with `?` or `#`");
        }
        let path = url.path().trim_end_matches('/');
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            path: (!path.is_empty()).then(|| path.to_owned()),
            is_private: match url.host() {
                Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
                Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
                Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
                None => false,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin_and_a_path() {
        let read = |text: &str| {
            let Remote { origin, path, is_private } = Remote::read(text).unwrap();
            (origin, path.unwrap_or_default(), is_private)
        };
        let is = |origin: &str, path: &str, private: bool| (origin.to_owned(), path.to_owned(), private);
        assert_eq!(read("http://host:1/"), is("http://host:1", "", false));
        assert_eq!(read("https://h/api/v1/"), is("https://h", "/api/v1", false));
        assert_eq!(read("http://127.0.0.1:9"), is("http://127.0.0.1:9", "", true));
        assert_eq!(read("http://localhost:9/v1"), is("http://localhost:9", "/v1", true));
        for text in
            ["", "host", "ftp://h", "file:///etc", "https://h/?q", "https://h#f", "https://me:sesame@h"]
        {
            let why = Remote::read(text).unwrap_err().to_string();
            assert!(why.starts_with("--origin ") && why.contains("hint: "), "{why}");
            assert!(!why.contains("sesame"), "{why}");
        }
    }
}
