//! The address of a server.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

/// An address that paths are put behind: `https://jobs.example/levada`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Whether requests to it are encrypted (HTTPS).
    pub(crate) fn is_secured(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Whether it is this machine.
    pub(crate) fn is_here(&self) -> bool {
        is_here(&self.uri())
    }

    pub(crate) fn uri(&self) -> Uri {
        self.0.parse().unwrap_or_default()
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "give one such as http://127.0.0.1:8080 or https://jobs.example";
        let uri: Uri = text.parse().map_err(|_| format!("that is not an address: {example}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(format!("an address begins with http:// or https://: {example}"));
        }
        if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err("an address has no name or password: give --token-file".to_owned());
        }
        let has_port = |authority: &Authority| authority.as_str() != authority.host();
        if uri.port().is_none() && uri.authority().is_some_and(has_port) {
            return Err(format!("a port is a number from 0 to 65535: {example}"));
        }
        if uri.query().is_some() {
            return Err(format!("an address has no query: {example}"));
        }
        // `uri` has the scheme in lower case.
        Ok(Self(uri.to_string().trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let url = |text: &str| text.parse::<BaseUrl>();
        assert_eq!(url("http://[::1]:80/").unwrap().to_string(), "http://[::1]:80");
        assert_eq!(url("https://a.example/x/").unwrap().to_string(), "https://a.example/x");
        let bad = ["", "a", "127.0.0.1:8080", "ftp://a", "http://", "http://u:p@a", "http://a/?b"];
        for bad in bad.into_iter().chain(["http://a:65536", "http://a:b", "http://[::1]:0x1"]) {
            assert!(url(bad).is_err(), "{bad:?} was accepted");
        }
        for here in ["http://localhost:1", "http://127.0.0.2", "http://[::1]"] {
            assert!(url(here).unwrap().is_here(), "{here}");
        }
        assert!(!url("http://a.example").unwrap().is_here());
        assert!(!url("http://a.example").unwrap().is_secured());
        assert!(url("https://a.example").unwrap().is_secured());
        assert!(url("HTTPS://a.example").unwrap().is_secured());
    }
}
