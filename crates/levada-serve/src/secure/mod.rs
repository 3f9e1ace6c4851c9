//! Who may use the service: tokens, TLS, and where it may listen.
//!
//! Whoever can send a request can run the command. So other machines reach it only with a token,
//! or where somebody said that they need none.

pub(crate) mod tls;
pub(crate) mod tokens;

use crate::cli::serve::AccessOptions;

/// Whether anyone beyond this machine can reach the service. All addresses of it count as beyond.
pub(crate) fn is_remote(access: &AccessOptions) -> bool {
    !access.listen.ip().to_canonical().is_loopback()
}

/// Refuses to listen where anybody could run the command by accident, and returns what somebody
/// should know who listens like this.
///
/// # Errors
/// Says what to add.
pub(crate) fn check(
    access: &AccessOptions,
    has_tokens: bool,
) -> Result<Option<&'static str>, String> {
    if has_tokens && access.allow_anonymous {
        return Err("--allow-anonymous: there are tokens, from --token-file or LEVADA_TOKEN, and \
                    whoever has none could do without; remove one of them"
            .to_owned());
    }
    if !is_remote(access) {
        return Ok(None);
    }
    match (has_tokens, access.tls_cert.is_some()) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some(
            "other machines send their tokens and jobs in the clear: add --tls-cert and --tls-key, \
             or let something in front of this service do TLS",
        )),
        (false, true) if access.allow_anonymous => Ok(None),
        (false, _) => Err(format!(
            "--listen {}: other machines could reach it, and whoever reaches it can run the \
             command; add --token-file FILE so that only clients with a token may, or --tls-cert, \
             --tls-key and --allow-anonymous if anybody may",
            access.listen
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::serve;

    fn checked(arguments: &[&str], has_tokens: bool) -> Result<Option<&'static str>, String> {
        let line = [arguments, &["--", "true"]].concat();
        check(&serve(&line).unwrap().access, has_tokens)
    }

    #[test]
    fn other_machines_need_tokens_or_a_word() {
        let tls = ["--tls-cert=c", "--tls-key=k"];
        let anonymous = ["--tls-cert=c", "--tls-key=k", "--allow-anonymous"];
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
            for refused in [&[][..], &tls, &["--allow-anonymous"]] {
                let message = checked(refused, false).unwrap_err();
                assert!(message.contains("--token-file") && message.contains(address), "{message}");
            }
            assert_eq!(checked(&anonymous, false), Ok(None));
            assert_eq!(checked(&tls, true), Ok(None));
            assert!(checked(&[], true).unwrap().is_some_and(|warning| warning.contains("clear")));
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
}
