//! Which clients may use the service: tokens, TLS, and where it may listen.
//!
//! Every client that can send a request can run the command. So other machines reach it only with a
//! token, or where an option says that they need none.

pub(crate) mod tls;
pub(crate) mod tokens;

use crate::config::{Config, Service};

/// Whether anyone beyond this machine can reach the service. All addresses of it count as beyond.
fn is_remote(service: &Service) -> bool {
    !service.listen.ip().to_canonical().is_loopback()
}

/// By which names clients may ask for the service. A page in a browser can make a name of its own
/// lead here (DNS rebinding), and then counts as one of the service's. A token stops it, and so
/// does a certificate where the clients are on other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts<'a> {
    Any,
    /// `localhost`, IP addresses, and these.
    Local(&'a [String]),
    /// The same, and names that are private by their form: no page on the Internet has one.
    Private(&'a [String]),
}

pub(crate) fn hosts(service: &Service, has_tokens: bool) -> Hosts<'_> {
    match (is_remote(service), has_tokens, service.tls_cert.is_some()) {
        (_, true, _) | (true, false, true) => Hosts::Any,
        (true, false, false) => Hosts::Private(&service.allow_host),
        (false, false, _) => Hosts::Local(&service.allow_host),
    }
}

/// Refuses to listen where any client could run the command by accident. Returns a warning for the
/// operator, if there is one.
///
/// # Errors
/// Says what to add.
pub(crate) fn check(service: &Service, has_tokens: bool) -> Result<Option<&'static str>, String> {
    if let Some(mistake) = incomplete(service) {
        return Err(mistake.to_owned());
    }
    if has_tokens && service.allow_anonymous {
        return Err(
            "--allow-anonymous: there are tokens, from --token-file or LEVADA_TOKEN, that \
                    clients would not need; remove one of them"
                .to_owned(),
        );
    }
    if !is_remote(service) {
        return Ok(None);
    }
    match (has_tokens, service.tls_cert.is_some() || service.allow_plain_http) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some(
            "other machines send their tokens and jobs unencrypted: add --tls-cert and --tls-key, \
             or --allow-plain-http where the network is trusted or a proxy in front does TLS",
        )),
        (false, true) if service.allow_anonymous => Ok(None),
        (false, _) => Err(format!(
            "--listen {}: other machines can reach this address, and every client that reaches it \
             can run the command; add one of:\n  \
             --token-file FILE: only clients with a token may\n  \
             --allow-anonymous, --tls-cert FILE and --tls-key FILE: every client may, encrypted\n  \
             --allow-anonymous and --allow-plain-http: every client may, unencrypted, in a trusted \
             network, such as that of a few containers",
            service.listen
        )),
    }
}

/// Whether a worker may run like this. No client has it run anything: it answers probes only.
///
/// # Errors
/// Says what to change.
pub(crate) fn check_worker(
    service: &Service,
    config: &Config,
) -> Result<Option<&'static str>, String> {
    if let Some(mistake) = incomplete(service) {
        return Err(mistake.to_owned());
    }
    if service.nats.is_none() {
        return Err("a worker takes the jobs of a cluster: add --nats URL".to_owned());
    }
    if config.queues.values().all(|queue| queue.workers == 0) {
        return Err("--workers 0: a worker without workers runs no jobs; use at least 1".to_owned());
    }
    Ok(None)
}

/// What is wrong with options that need another one, or that contradict another one.
fn incomplete(service: &Service) -> Option<&'static str> {
    match (&service.tls_cert, &service.tls_key) {
        (Some(_), None) => return Some("--tls-cert: add the private key with --tls-key FILE"),
        (None, Some(_)) => return Some("--tls-key: add the certificate with --tls-cert FILE"),
        (Some(_), Some(_)) if service.allow_plain_http => {
            return Some("--allow-plain-http: --tls-cert is given, too; remove one of them");
        }
        _ => {}
    }
    if let Some(mistake) = service.out_of_place() {
        return Some(mistake);
    }
    let useless = service.allow_world_readable_tokens && service.token_file.is_none();
    useless.then_some("--allow-world-readable-tokens: there is no file; add --token-file FILE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::serve;

    fn service(arguments: &[&str]) -> Service {
        serve(&[arguments, &["--", "true"]].concat()).unwrap().source().service()
    }

    fn checked(arguments: &[&str], has_tokens: bool) -> Result<Option<&'static str>, String> {
        check(&service(arguments), has_tokens)
    }

    #[test]
    fn option_that_would_be_ignored_is_refused() {
        for (line, option) in [
            (&["--tls-cert=c"][..], "--tls-key"),
            (&["--tls-key=k"], "--tls-cert"),
            (&["--tls-cert=c", "--tls-key=k", "--allow-plain-http"], "--allow-plain-http"),
            (&["--allow-world-readable-tokens"], "--token-file"),
            (&["--nats=nats://n", "--store=memory"], "--store"),
            (&["--cluster=c"], "--nats"),
            (&["--durability=fsync"], "--nats"),
            (&["--nats-credentials=f"], "--nats"),
        ] {
            let message = checked(line, true).unwrap_err();
            assert!(message.contains(option), "{message}");
        }
    }

    #[test]
    fn other_machines_need_tokens_or_a_word() {
        let tls = ["--tls-cert=c", "--tls-key=k"];
        let anonymous = ["--tls-cert=c", "--tls-key=k", "--allow-anonymous"];
        let plain = ["--allow-plain-http", "--allow-anonymous"];
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            let listen = format!("--listen={address}");
            let with = |more: &[&'static str]| {
                let mut line = vec![listen.as_str()];
                line.extend(more);
                line.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            let checked = |more: &[&'static str], has_tokens| {
                let line = with(more);
                checked(&line.iter().map(String::as_str).collect::<Vec<_>>(), has_tokens)
            };
            for refused in [&[][..], &tls, &["--allow-anonymous"], &["--allow-plain-http"]] {
                let message = checked(refused, false).unwrap_err();
                for word in ["--token-file", "--allow-plain-http", address] {
                    assert!(message.contains(word), "{message}");
                }
            }
            assert_eq!(checked(&anonymous, false), Ok(None));
            assert_eq!(checked(&plain, false), Ok(None));
            assert_eq!(checked(&tls, true), Ok(None));
            assert!(
                checked(&[], true).unwrap().is_some_and(|warning| warning.contains("unencrypted"))
            );
            assert_eq!(checked(&["--allow-plain-http"], true), Ok(None), "as it is meant to be");
            assert!(checked(&anonymous, true).unwrap_err().contains("--allow-anonymous"));
        }
    }

    #[test]
    fn this_machine_needs_nothing() {
        for address in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
            let listen = format!("--listen={address}");
            assert_eq!(checked(&[&listen], false), Ok(None), "{address}");
            assert_eq!(checked(&[&listen], true), Ok(None), "{address}");
        }
        assert!(checked(&["--allow-anonymous"], true).is_err());
    }

    #[test]
    fn hosts_are_free_where_no_page_can_use_them() {
        let hosts_of = |arguments: &[&str], has_tokens| {
            format!("{:?}", hosts(&service(arguments), has_tokens))
        };
        let remote = "--listen=0.0.0.0:0";
        let tls = ["--tls-cert=c", "--tls-key=k"];
        assert_eq!(hosts_of(&[], true), "Any");
        assert_eq!(hosts_of(&[remote], true), "Any");
        assert_eq!(hosts_of(&[&[remote], &tls[..]].concat(), false), "Any");
        assert_eq!(hosts_of(&tls, false), "Local([])");
        assert_eq!(hosts_of(&["--allow-host=a.example"], false), "Local([\"a.example\"])");
        assert_eq!(hosts_of(&[remote, "--allow-plain-http"], false), "Private([])");
    }
}
