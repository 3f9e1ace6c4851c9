//! Servers in operator mode: JWTs for an operator, its accounts and their users.

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// An operator with one account, which may use JetStream, and one for the servers themselves.
#[derive(Debug)]
pub struct Operator {
    operator: KeyPair,
    account: KeyPair,
    system: KeyPair,
}

impl Operator {
    /// With new keys.
    #[must_use]
    pub fn new() -> Self {
        let [account, system] = [KeyPair::new_account(), KeyPair::new_account()];
        Self { operator: KeyPair::new_operator(), account, system }
    }

    /// The lines of a server's configuration that trusts this operator.
    #[must_use]
    pub fn config(&self) -> String {
        let (account, system) = (self.account.public_key(), self.system.public_key());
        let operator = json!({ "type": "operator", "version": 2, "system_account": system });
        let operator = token(&self.operator, &self.operator.public_key(), None, &operator);
        let of = |key: &str, jetstream: i64| {
            let limits = json!({
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1,
                "leaf": -1, "wildcards": true, "mem_storage": jetstream,
                "disk_storage": jetstream, "streams": jetstream, "consumer": jetstream,
            });
            let claims = json!({ "type": "account", "version": 2, "limits": limits });
            token(&self.operator, key, None, &claims)
        };
        format!(
            "operator: {operator}\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{ {account}: {}, {system}: {} }}",
            of(&account, -1),
            of(&system, 0)
        )
    }

    /// A credentials file for a new user of the account.
    ///
    /// # Panics
    ///
    /// If a new key has no seed.
    #[must_use]
    pub fn credentials(&self, expires: Option<SystemTime>) -> String {
        let user = KeyPair::new_user();
        let claims = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
        });
        let jwt = token(&self.account, &user.public_key(), expires, &claims);
        let seed = user.seed().expect("a new key has a seed");
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }
}

impl Default for Operator {
    fn default() -> Self {
        Self::new()
    }
}

/// A JWT of NATS: `issuer` says of `subject` what `claims` has.
fn token(issuer: &KeyPair, subject: &str, expires: Option<SystemTime>, claims: &Value) -> String {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut payload = json!({
        "jti": subject, "iat": seconds(SystemTime::now()), "iss": issuer.public_key(),
        "name": "levada", "sub": subject, "nats": claims,
    });
    if let Some(expires) = expires {
        payload["exp"] = seconds(expires).into();
    }
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encode(&header), encode(&payload));
    let signature = issuer.sign(signed.as_bytes()).expect("the issuer has a seed");
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}
