//! A credentials file: the JWT of a user, and the seed of the key that the JWT is for.
//!
//! The file is read for each connection: a JWT expires, and what renews it writes the file again.
//! The client of NATS reads it once, and after that it reconnects with what has expired.

use async_nats::Auth;
use nkeys::{KeyPair, KeyPairType};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Reads the file and answers the challenge of a server with it, on a thread that may wait.
pub(super) async fn authenticate(path: PathBuf, nonce: Vec<u8>) -> Result<Auth> {
    let read = tokio::task::spawn_blocking(move || read(&path, &nonce));
    read.await.map_err(|_| Error::other("the runtime ends"))?
}

fn read(path: &Path, nonce: &[u8]) -> Result<Auth> {
    let text = std::fs::read_to_string(path)?;
    sign(&text, nonce)
}

/// No error contains anything of the file.
fn sign(text: &str, nonce: &[u8]) -> Result<Auth> {
    let invalid = |reason| Error::new(ErrorKind::InvalidData, reason);
    let jwt = block(text, "NATS USER JWT").ok_or_else(|| {
        invalid("it has no user JWT, between lines of dashes, as `nsc` writes it")
    })?;
    let seed = block(text, "USER NKEY SEED").ok_or_else(|| {
        invalid("it has no seed of a user, between lines of dashes, as `nsc` writes it")
    })?;
    let key = KeyPair::from_seed(seed).ok().filter(|key| key.key_pair_type() == KeyPairType::User);
    let key = key.ok_or_else(|| invalid("its seed is not that of a user: it begins with SU"))?;
    let signature = key.sign(nonce).map_err(|_| invalid("its seed cannot sign"))?;
    let mut auth = Auth::new();
    auth.jwt = Some(jwt.to_owned());
    auth.signature = Some(signature);
    Ok(auth)
}

/// What follows the line of dashes with these words.
fn block<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("---") && line.contains(&format!("BEGIN {words}")))?;
    lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(jwt: &str, seed: &str) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\r\n{jwt}\r\n------END NATS USER JWT------\r\n\r\n\
             *** IMPORTANT ***\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    #[test]
    fn a_file_gives_its_jwt_and_a_signature_of_its_key() {
        let user = KeyPair::new_user();
        let auth = sign(&file("e30.e30.sig", &user.seed().unwrap()), b"nonce").unwrap();
        assert_eq!(auth.jwt.as_deref(), Some("e30.e30.sig"));
        user.verify(b"nonce", &auth.signature.unwrap()).unwrap();
    }

    #[test]
    fn an_error_says_what_is_missing_and_nothing_of_the_file() {
        let seed = KeyPair::new_user().seed().unwrap();
        let account = KeyPair::new_account().seed().unwrap();
        let damaged = seed.replace(&seed[20..24], "0000");
        for (text, reason) in [
            (String::new(), "no user JWT"),
            (seed.clone(), "no user JWT"),
            (file("", &seed), "no user JWT"),
            (file("e30.e30.sig", ""), "no seed"),
            (file("e30.e30.sig", &account), "not that of a user"),
            (file("e30.e30.sig", &damaged), "not that of a user"),
        ] {
            let error = sign(&text, b"nonce").err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains(&seed[..10]) && !error.contains("e30"), "{error}");
        }
    }
}
