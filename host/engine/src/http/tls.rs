//! TLS: rustls, and the certificates that the system trusts.

use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

/// Trusts whom the system trusts. That is read once, by the first request that needs it.
pub(super) fn system() -> Result<ClientConfig, String> {
    static READ: OnceLock<ClientConfig> = OnceLock::new();

    if let Some(read) = READ.get() {
        return Ok(read.clone());
    }
    let config = finish(builder()?.with_platform_verifier()).map_err(|error| {
        format!(
            "cannot read the certificates that this system trusts: {error}; hint: install `ca-certificates`"
        )
    })?;
    Ok(READ.get_or_init(|| config).clone())
}

/// Trusts nobody: for requests without TLS.
pub(super) fn none() -> Result<ClientConfig, String> {
    trusting(RootCertStore::empty())
}

/// Trusts these.
pub(super) fn trusting(roots: RootCertStore) -> Result<ClientConfig, String> {
    finish(Ok(builder()?.with_root_certificates(roots)))
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot set up TLS: {error}"))
}

fn finish(
    builder: Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error>,
) -> Result<ClientConfig, String> {
    let config = builder.map(ConfigBuilder::<ClientConfig, WantsClientCert>::with_no_client_auth);
    config.map_err(|error| error.to_string())
}
