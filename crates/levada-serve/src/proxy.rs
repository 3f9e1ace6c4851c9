//! The proxy that a server is asked through, or a collector.

use std::env;

use axum::http::Uri;
use ureq::{Proxy, ProxyBuilder, ProxyProtocol};

use crate::cli::common::is_here;

/// The one that the environment names for servers of this scheme, or else for all. What it names is used or
/// refused: without it, the token would go another way than it should.
///
/// # Errors
/// Says which variable names none.
pub(crate) fn proxy(server: &Uri) -> Result<Option<Proxy>, String> {
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
            "the environment variable {name} has no proxy: give one such as http://proxy.example:3128 \
             or socks5h://proxy.example:1080"
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

/// A variable that is not empty, in capital letters or small ones: how it is called, and what it says.
fn variable(name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_lowercase()].into_iter().find_map(|name| {
        let text = env::var_os(&name).filter(|text| !text.is_empty())?;
        Some((name, text.to_string_lossy().into_owned()))
    })
}
