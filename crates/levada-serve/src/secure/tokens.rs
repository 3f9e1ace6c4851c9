//! Tokens: which client sends a request.
//!
//! Only their SHA-256 digests are kept, and all of them are compared with what a client sends, in
//! a time that does not depend on how much of it is right.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::config::Mistakes;

/// The environment variable that holds one more token. A command must not inherit it.
pub(crate) const VARIABLE: &str = "LEVADA_TOKEN";
/// The client of every token without a name.
const UNNAMED: &str = "token";
/// Fewer characters could be guessed.
const SHORTEST: usize = 16;

/// Names a client in quotas and logs. It says nothing about the token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientName(Arc<str>);

impl ClientName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tokens that are good, and whose they are. There is at least one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    digests: Vec<([u8; 32], ClientName)>,
}

/// Shows the clients.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.digests.iter().map(|(_, client)| client.as_str());
        f.debug_tuple("Tokens").field(&clients.collect::<Vec<_>>()).finish()
    }
}

/// Where tokens are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenFile<'a> {
    pub(crate) path: &'a Path,
    /// No other user is on this machine, as in a container, whose secrets have the mode 444 or 644.
    pub(crate) may_be_world_readable: bool,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    /// It has no `Authorization`.
    Missing,
    /// Its `Authorization` is not `Bearer TOKEN`.
    Malformed,
    /// The token is not one of the service.
    Unknown,
}

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "The request has no token; send Authorization: Bearer TOKEN.",
            Self::Malformed => "The header Authorization is not of the form Bearer TOKEN.",
            Self::Unknown => "The service does not know the token.",
        })
    }
}

impl Tokens {
    /// The tokens of this file and of the variable's value; `None` if neither is given.
    ///
    /// # Errors
    /// All mistakes that can be found at once. None shows a token.
    pub(crate) fn load(
        file: Option<TokenFile<'_>>,
        variable: Option<OsString>,
    ) -> Result<Option<Self>, Mistakes> {
        let mut digests = Vec::new();
        if let Some(value) = variable {
            let token = value.to_str().ok_or_else(|| "it is not text".to_owned());
            let client = ClientName(UNNAMED.into());
            match token.and_then(digest) {
                Ok(digest) => digests.push((digest, client)),
                Err(mistake) => return Err(Mistakes::one(format!("{VARIABLE}: {mistake}"))),
            }
        }
        let Some(file) = file else {
            return Ok(if digests.is_empty() { None } else { Some(Self { digests }) });
        };
        let name = file.path.display();
        let text = file.read().map_err(|what| Mistakes::one(format!("{name}: {what}")))?;
        let mut mistakes = Vec::new();
        let mut is_empty = true;
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            is_empty = false;
            match read_line(line).and_then(|new| add(&mut digests, new)) {
                Ok(()) => {}
                Err(mistake) => mistakes.push(format!("{name}:{}: {mistake}", number + 1)),
            }
        }
        if is_empty {
            mistakes.push(format!("{name}: there is no token; add a line NAME TOKEN"));
        }
        if mistakes.is_empty() { Ok(Some(Self { digests })) } else { Err(Mistakes(mistakes)) }
    }

    /// Whose token this `Authorization` has.
    ///
    /// # Errors
    /// [`Unauthorized`] says why it identifies no client.
    pub(crate) fn client(
        &self,
        authorization: Option<&HeaderValue>,
    ) -> Result<ClientName, Unauthorized> {
        let text = authorization.ok_or(Unauthorized::Missing)?.to_str();
        let (scheme, token) =
            text.ok().and_then(|text| text.split_once(' ')).ok_or(Unauthorized::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return Err(Unauthorized::Malformed);
        }
        let sent: [u8; 32] = Sha256::digest(token.trim()).into();
        let mut found = u64::MAX;
        for (index, (digest, _)) in (0_u64..).zip(&self.digests) {
            found.conditional_assign(&index, sent.ct_eq(digest));
        }
        let entry = usize::try_from(found).ok().and_then(|index| self.digests.get(index));
        entry.map(|(_, client)| client.clone()).ok_or(Unauthorized::Unknown)
    }
}

impl TokenFile<'_> {
    /// Its text, if only its owner and group can read it; others may where that is allowed, but
    /// never write it.
    fn read(&self) -> Result<String, String> {
        const OTHERS: u32 = 0o007;
        const OTHERS_WRITE: u32 = 0o002;
        let cannot = |error: std::io::Error| format!("cannot read it: {error}");
        let mut open = File::open(self.path).map_err(cannot)?;
        let mode = open.metadata().map_err(cannot)?.mode();
        let (what, advice) = match mode {
            _ if mode & OTHERS_WRITE != 0 => ("change", ""),
            _ if mode & OTHERS != 0 && !self.may_be_world_readable => {
                let allow = ", or give --allow-world-readable-tokens where there are no other users, \
                             as in a container";
                ("read", allow)
            }
            _ => {
                let mut text = String::new();
                open.read_to_string(&mut text).map_err(cannot)?;
                return Ok(text);
            }
        };
        let (mode, file) = (mode & 0o777, self.path.display());
        Err(format!(
            "every user of this machine can {what} the tokens (mode {mode:03o}); run: chmod o= '{file}'{advice}"
        ))
    }
}

/// `TOKEN` or `NAME TOKEN`.
fn read_line(line: &str) -> Result<([u8; 32], ClientName), String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let (name, token) = match words[..] {
        [token] => (UNNAMED, token),
        [name, token] => (name, token),
        _ => return Err("give one token a line, as TOKEN or NAME TOKEN".to_owned()),
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if name.len() > 64 || !name.chars().all(is_part) {
        return Err("a client's name has at most 64 of a-z, A-Z, 0-9, and . _ @ -".to_owned());
    }
    Ok((digest(token)?, ClientName(name.into())))
}

fn digest(token: &str) -> Result<[u8; 32], String> {
    if !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err("a token has only visible ASCII characters, and no spaces".to_owned());
    }
    if token.len() < SHORTEST {
        return Err(format!(
            "the token has {} characters; give at least {SHORTEST}, for example from: \
             openssl rand -hex 32",
            token.len()
        ));
    }
    Ok(Sha256::digest(token).into())
}

fn add(
    digests: &mut Vec<([u8; 32], ClientName)>,
    new: ([u8; 32], ClientName),
) -> Result<(), String> {
    if let Some((_, other)) = digests.iter().find(|(digest, _)| *digest == new.0) {
        return Err(format!("{other} already has this token; give each client its own"));
    }
    digests.push(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ALICE: &str = "0123456789abcdef-alice";
    const BOB: &str = "0123456789abcdef-bob";

    fn with_file<T>(text: &str, mode: u32, test: impl FnOnce(&Path) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        test(&path)
    }

    fn private(path: &Path) -> Option<TokenFile<'_>> {
        Some(TokenFile { path, may_be_world_readable: false })
    }

    fn load(text: &str) -> Result<Option<Tokens>, Mistakes> {
        with_file(text, 0o600, |path| Tokens::load(private(path), None))
    }

    fn client(tokens: &Tokens, authorization: &str) -> Result<String, Unauthorized> {
        let value = HeaderValue::from_str(authorization).unwrap();
        tokens.client(Some(&value)).map(|client| client.to_string())
    }

    #[test]
    fn tokens_name_clients() {
        let text =
            format!("# who\n\nalice {ALICE}\n  bob\t{BOB}  \r\nalice {ALICE}-next\n{BOB}-x\n");
        let tokens = load(&text).unwrap().unwrap();
        for (token, name) in [(ALICE, "alice"), (BOB, "bob")] {
            assert_eq!(client(&tokens, &format!("Bearer {token}")).as_deref(), Ok(name));
            assert_eq!(client(&tokens, &format!("bearer  {token} ")).as_deref(), Ok(name));
        }
        assert_eq!(client(&tokens, &format!("Bearer {ALICE}-next")).as_deref(), Ok("alice"));
        assert_eq!(client(&tokens, &format!("Bearer {BOB}-x")).as_deref(), Ok(UNNAMED));
    }

    #[test]
    fn the_others_are_not_let_in() {
        let tokens = load(&format!("alice {ALICE}")).unwrap().unwrap();
        assert_eq!(tokens.client(None), Err(Unauthorized::Missing));
        for bad in ["", "Bearer", "Bearer ", "Basic abcdef", ALICE, "Bearer\u{9}x"] {
            assert_eq!(client(&tokens, bad), Err(Unauthorized::Malformed), "{bad:?}");
        }
        for bad in [BOB, &ALICE[1..], "x", &format!("{ALICE} {ALICE}"), &ALICE.to_uppercase()] {
            assert_eq!(client(&tokens, &format!("Bearer {bad}")), Err(Unauthorized::Unknown));
        }
        let bytes = HeaderValue::from_bytes(b"Bearer \xff\xff").unwrap();
        assert_eq!(tokens.client(Some(&bytes)), Err(Unauthorized::Malformed));
    }

    #[test]
    fn mistakes_name_the_line_and_not_the_token() {
        let text = format!("short hunter2\nalice {ALICE}\nbob {ALICE}\na b {BOB}\n\u{e4} {BOB}\n");
        let mistakes = load(&text).unwrap_err().0;
        for (mistake, expected) in mistakes.iter().zip([
            ":1: the token has 7 characters; give at least 16",
            ":3: alice already has this token",
            ":4: give one token a line",
            ":5: a client's name",
        ]) {
            assert!(mistake.contains(expected), "{mistake}");
            assert!(![ALICE, BOB, "hunter2"].iter().any(|token| mistake.contains(token)));
        }
        assert_eq!(mistakes.len(), 4);
        assert!(load("# none\n").unwrap_err().0[0].contains("there is no token"));
        let missing = Tokens::load(private(Path::new("/no/such/file")), None).unwrap_err();
        assert!(missing.to_string().contains("/no/such/file: cannot read it"));
    }

    #[test]
    fn files_that_others_can_read_are_refused() {
        for mode in [0o604, 0o644, 0o444, 0o602] {
            let refused = with_file(ALICE, mode, |path| Tokens::load(private(path), None));
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("chmod o= '/"), "{message}");
            assert!(message.contains(&format!("{mode:o}")), "{message}");
            assert_eq!(
                message.contains("--allow-world-readable-tokens"),
                mode != 0o602,
                "{message}"
            );
        }
        assert!(with_file(ALICE, 0o440, |path| Tokens::load(private(path), None)).is_ok());
    }

    #[test]
    fn files_that_others_can_read_are_taken_where_that_is_allowed() {
        let allowed =
            |path: &Path| Tokens::load(Some(TokenFile { path, may_be_world_readable: true }), None);
        for mode in [0o444, 0o644, 0o604, 0o400] {
            assert!(with_file(ALICE, mode, allowed).is_ok(), "{mode:o}");
        }
        for mode in [0o666, 0o602, 0o646] {
            let message = with_file(ALICE, mode, allowed).unwrap_err().to_string();
            assert!(message.contains("can change the tokens"), "{message}");
        }
    }

    #[test]
    fn variable_is_one_more_token() {
        assert_eq!(Tokens::load(None, None), Ok(None));
        let tokens = Tokens::load(None, Some(ALICE.into())).unwrap().unwrap();
        assert_eq!(client(&tokens, &format!("Bearer {ALICE}")).as_deref(), Ok(UNNAMED));
        let both = with_file(BOB, 0o600, |path| Tokens::load(private(path), Some(ALICE.into())));
        assert!(client(&both.unwrap().unwrap(), &format!("Bearer {ALICE}")).is_ok());
        for bad in [
            "",
            "hunter2",
            "two words and more of them",
            "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
        ] {
            let message = Tokens::load(None, Some(bad.into())).unwrap_err().to_string();
            assert!(message.starts_with("LEVADA_TOKEN: "), "{message}");
            assert!(bad.is_empty() || !message.contains(bad), "{message}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let tokens = load(&format!("alice {ALICE}")).unwrap();
        assert_eq!(format!("{tokens:?}"), "Some(Tokens([\"alice\"]))");
    }
}
