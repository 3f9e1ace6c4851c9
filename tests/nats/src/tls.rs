//! Certificates for a server, from an authority of its own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::fs;
use std::path::{Path, PathBuf};

/// The names for which the server's certificate is valid.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Files in PEM, for the server and for its clients.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The authority, which a client has to trust.
    pub authority: PathBuf,
    /// A certificate for a client.
    pub client: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    pub(crate) server: PathBuf,
    pub(crate) server_key: PathBuf,
}

impl Certificates {
    /// Makes an authority, and what it signs, in the folder `dir`.
    pub(crate) fn make(dir: &Path) -> Self {
        let made = make(dir);
        made.expect("certificates for names that are valid")
    }

    /// The lines for a server's configuration file. `verify`: clients need a certificate, too.
    pub(crate) fn lines(&self, verify: bool) -> String {
        let Self { authority, server, server_key, .. } = self;
        format!(
            "tls {{ cert_file: {server:?}, key_file: {server_key:?}, ca_file: {authority:?}, \
             verify: {verify} }}\n"
        )
    }
}

fn make(dir: &Path) -> Result<Certificates, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "levada test authority");
    let key = KeyPair::generate()?;
    let authority = dir.join("authority.pem");
    fs::write(&authority, params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let signed = |names: &[&str], file: &str| -> Result<_, Box<dyn std::error::Error>> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, file);
        let key = KeyPair::generate()?;
        let paths = (dir.join(format!("{file}.pem")), dir.join(format!("{file}-key.pem")));
        fs::write(&paths.0, params.signed_by(&key, &issuer)?.pem())?;
        fs::write(&paths.1, key.serialize_pem())?;
        Ok(paths)
    };
    let (server, server_key) = signed(&NAMES, "server")?;
    let (client, client_key) = signed(&["client.example"], "client")?;
    Ok(Certificates { authority, client, client_key, server, server_key })
}
