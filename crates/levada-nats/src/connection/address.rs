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

/// The user, or else the token, and the password in the first address that has them. The client
/// leaves them out of account.
pub(super) fn login(servers: &[ServerAddr]) -> Option<(String, Option<String>)> {
    let (user, password) =
        servers.iter().find_map(|server| Some((server.username()?, server.password())))?;
    Some((decoded(user), password.map(decoded)))
}

/// A part of a URL without its escapes (`%40`).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.first_chunk::<2>().filter(|_| *first == b'%');
        let digits = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
    fn the_first_login_counts() {
        for (addresses, user, password) in [
            ("nats://host,nats://me:p%40ss@other,nats://you:x@third", "me", Some("p@ss")),
            ("token@host", "token", None),
            ("nats://a%2:%zz@host", "a%2", Some("%zz")),
        ] {
            let found = login(&parse(addresses).unwrap()).unwrap();
            assert_eq!((found.0.as_str(), found.1.as_deref()), (user, password));
        }
        assert_eq!(login(&parse("nats://host").unwrap()), None);
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
