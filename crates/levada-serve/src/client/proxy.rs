//! The proxy that a server is asked through.

use std::env;

use axum::http::Uri;
use ureq::{Proxy, ProxyBuilder, ProxyProtocol};

use super::failure::{Done, Failure};
use crate::cli::common::BaseUrl;

/// The one that the environment names for servers of this scheme, or else for all. What it names is used or
/// refused: without it, the token would go another way than it should.
pub(super) fn proxy(url: &BaseUrl) -> Done<Option<Proxy>> {
    // No proxy leads back to this machine.
    if url.is_here() || is_excepted(url) {
        return Ok(None);
    }
    let own = if url.is_secured() { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some((name, text)) = variable(own).or_else(|| variable("ALL_PROXY")) else {
        return Ok(None);
    };
    // What it says may have a password.
    let refused = |_| {
        Failure::usage(format!(
            "the environment variable {name} has no proxy: give one such as http://proxy.example:3128 \
             or socks5h://proxy.example:1080"
        ))
    };
    Proxy::new(&text).map(Some).map_err(refused)
}

/// Whether `NO_PROXY` names it.
fn is_excepted(url: &BaseUrl) -> bool {
    let Some((_, list)) = variable("NO_PROXY") else { return false };
    let rules = list.split(',').map(str::trim);
    // Only a proxy knows how to read them.
    let any = Proxy::builder(ProxyProtocol::Http);
    let uri: Uri = url.to_string().parse().unwrap_or_default();
    rules.fold(any, ProxyBuilder::no_proxy).build().is_ok_and(|any| any.is_no_proxy(&uri))
}

/// A variable that is not empty, in capital letters or small ones: how it is called, and what it says.
fn variable(name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_lowercase()].into_iter().find_map(|name| {
        let text = env::var_os(&name).filter(|text| !text.is_empty())?;
        Some((name, text.to_string_lossy().into_owned()))
    })
}
