//! What is configured about HTTP: names, origins, encryption, and the keys of other owners.

use std::path::PathBuf;

use serde::Deserialize;

use super::place::Place;

/// What is configured about HTTP.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HttpConfig {
    /// The names under which the server may be asked, beside those of loopback.
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// The origins of web pages and extensions that may ask.
    #[serde(default)]
    pub(crate) origins: Vec<String>,
    /// A proxy on this machine encrypts what other machines say.
    #[serde(default)]
    pub(crate) behind_proxy: bool,
    certificate: Option<String>,
    private_key: Option<String>,
    /// What it encrypts with.
    #[serde(skip)]
    pub(crate) tls: Option<Tls>,
}

/// What a server encrypts with.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// The file of its certificates, PEM.
    pub(crate) certificate: PathBuf,
    /// The file of their key, PEM.
    pub(crate) private_key: PathBuf,
}

/// A key of another owner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ApiKey {
    /// Whose everything is that is done with it.
    pub(crate) owner: String,
    /// The file that has the key.
    pub(crate) file: PathBuf,
}

impl HttpConfig {
    /// Finds what is wrong that the types cannot say. The error is a key, and what is wrong with its value.
    pub(super) fn settle(&mut self, place: &Place) -> Result<(), (String, String)> {
        let wrong = |key: &str, why: &str| (format!("http.{key}"), why.to_owned());
        if let Some(host) = self.hosts.iter().find(|host| host.is_empty() || host.contains(['/', ' ', '*'])) {
            return Err(wrong(
                "hosts",
                &format!("has `{host}`; hint: a name or an address alone, as in a browser's address line"),
            ));
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(wrong(
                "origins",
                &format!("has `{origin}`; hint: as `https://app.example` or `chrome-extension://ID`"),
            ));
        }
        let path = |key: &str, text: &String| place.path(text).map_err(|why| wrong(key, &why));
        self.tls = match (&self.certificate, &self.private_key) {
            (Some(certificate), Some(private_key)) => Some(Tls {
                certificate: path("certificate", certificate)?,
                private_key: path("private-key", private_key)?,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("certificate", "goes with `private-key`")),
            (None, Some(_)) => return Err(wrong("private-key", "goes with `certificate`")),
        };
        Ok(())
    }
}

/// A scheme, a name and perhaps a port, as a browser sends it.
fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
        scheme.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && !scheme.is_empty()
            && !rest.is_empty()
            && rest.chars().all(is_plain)
    })
}

impl ApiKey {
    /// Finds what is wrong that the types cannot say.
    pub(super) fn settle(&mut self, name: &str, place: &Place) -> Result<(), (String, String)> {
        if self.owner.trim().is_empty() {
            return Err((format!("api-keys.{name}.owner"), "is empty; hint: name an owner".to_owned()));
        }
        let file = self.file.display().to_string();
        self.file = place.path(&file).map_err(|why| (format!("api-keys.{name}.file"), why))?;
        Ok(())
    }
}
