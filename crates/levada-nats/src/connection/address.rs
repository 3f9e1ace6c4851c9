//! Addresses of servers, and how an error may name them.

use super::ConnectError;
use async_nats::ServerAddr;

/// The servers in a list with commas.
pub(super) fn parse(addresses: &str) -> Result<Vec<ServerAddr>, ConnectError> {
    let addresses = addresses.split(',').map(str::trim).filter(|address| !address.is_empty());
    let parsed = addresses.map(|address| {
        address.parse().map_err(|error: std::io::Error| ConnectError::Address {
            address: without_secrets(address),
            reason: error.to_string(),
        })
    });
    let parsed = parsed.collect::<Result<Vec<ServerAddr>, _>>()?;
    if parsed.is_empty() {
        let reason = "it names no server".to_owned();
        return Err(ConnectError::Address { address: String::new(), reason });
    }
    Ok(parsed)
}

/// The addresses without the user names, passwords and tokens that may stand in them.
pub(super) fn without_secrets(addresses: &str) -> String {
    let strip = |address: &str| match address.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{host}"),
            None => host.to_owned(),
        },
        None => address.to_owned(),
    };
    addresses.split(',').map(strip).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        for (address, shown) in [
            ("nats://me:secret@host:4222", "nats://host:4222"),
            ("token@host", "host"),
            ("nats://me:p@ss@host,tls://you:x@other", "nats://host,tls://other"),
            ("nats://host", "nats://host"),
        ] {
            assert_eq!(without_secrets(address), shown);
        }
    }

    #[test]
    fn a_list_has_commas() {
        let servers = parse("nats://one:1, two ,").unwrap();
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1].host(), "two");
        for wrong in ["", " , ", "http://host", "nats://:secret@"] {
            let error = parse(wrong).unwrap_err();
            assert!(matches!(&error, ConnectError::Address { .. }), "{wrong}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
