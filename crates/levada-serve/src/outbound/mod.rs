//! Requests to other services (a levada server, a collector): trusted certificates, and the proxy.

mod address;

use std::env;
use std::sync::Arc;

use http::Uri;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Proxy, ProxyBuilder, ProxyProtocol};

pub(crate) use self::address::BaseUrl;
use self::address::is_here;

/// What asks this server, if one of these certificates vouches for it. The headers, with what lets
/// us in, are for this server alone: it follows no redirections.
///
/// # Errors
/// Says which variable of the environment should name a proxy, and does not.
pub(crate) fn agent(
    server: &Uri,
    trusted: Vec<Certificate<'static>>,
) -> Result<ConfigBuilder<AgentScope>, String> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy(server)?))
}

/// The certificates that this system trusts.
///
/// # Errors
/// Says that there are none, and why.
pub(crate) fn of_the_system() -> Result<Vec<Certificate<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let errors = found.errors.iter().map(|error| format!(": {error}")).collect::<String>();
        return Err(format!("the system has no trusted certificates{errors}"));
    }
    Ok(found.certs.iter().map(|found| Certificate::from_der(found).to_owned()).collect())
}

/// The certificates of a file (PEM); `None` if it has none, or something that is no PEM.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let items: Result<Vec<_>, _> = ureq::tls::parse_pem(pem).collect();
    let certificates = items.ok()?.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    Some(certificates.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

/// The one that the environment names for servers of this scheme, or else for all. What it names is
/// used or refused: without it, the token would go another way than it should.
///
/// # Errors
/// Says which variable names none.
fn proxy(server: &Uri) -> Result<Option<Proxy>, String> {
    // No proxy leads back to this machine.
    if is_here(server) || is_excepted(server) {
        return Ok(None);
    }
    let is_secured = server.scheme_str() == Some("https");
    let own = if is_secured { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some((name, text)) = variable(own).or_else(|| variable("ALL_PROXY")) else {
        return Ok(None);
    };
    // What it says may have a password.
    let refused = |_| {
        format!(
            "the environment variable {name} is not the address of a proxy: give one such as \
             http://proxy.example:3128 or socks5h://proxy.example:1080"
        )
    };
    Proxy::new(&text).map(Some).map_err(refused)
}

/// Whether `NO_PROXY` names it.
fn is_excepted(server: &Uri) -> bool {
    let Some((_, list)) = variable("NO_PROXY") else { return false };
    let rules = list.split(',').map(str::trim);
    // Only a proxy knows how to read them.
    let any = Proxy::builder(ProxyProtocol::Http);
    rules.fold(any, ProxyBuilder::no_proxy).build().is_ok_and(|any| any.is_no_proxy(server))
}

/// A variable that is not empty, in capital letters or small ones: how it is called, and what it
/// says.
fn variable(name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_lowercase()].into_iter().find_map(|name| {
        let text = env::var_os(&name).filter(|text| !text.is_empty())?;
        Some((name, text.to_string_lossy().into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_in_a_file() {
        assert!(certificates(b"").is_none());
        assert!(certificates(b"no certificate").is_none());
        assert!(
            certificates(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").is_none()
        );
    }
}
