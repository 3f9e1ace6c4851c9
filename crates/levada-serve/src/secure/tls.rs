//! TLS, with a certificate that can be replaced while the service runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use levada::watch;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::{Mistakes, Service};
use crate::time_limit;

/// Turns connections into TLS connections.
#[derive(Clone)]
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    pair: watch::Sender<Pair>,
    acceptor: TlsAcceptor,
}

/// Shows where the certificate came from.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A certificate with its key, and the digest of the files that it came from.
#[derive(Debug, Clone)]
struct Pair {
    digest: [u8; 32],
    certified: Arc<CertifiedKey>,
}

/// Gives each handshake the certificate that is the newest then.
#[derive(Debug)]
struct Newest(watch::Receiver<Pair>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.borrow().certified))
    }
}

impl Tls {
    /// With the files of the command line, if it names them.
    ///
    /// # Errors
    /// Says which file is no good, and why.
    pub(crate) fn load(service: &Service) -> Result<Option<Self>, Mistakes> {
        let (Some(certificate), Some(key)) = (&service.tls_cert, &service.tls_key) else {
            return Ok(None);
        };
        let provider = Arc::new(ring::default_provider());
        let pair = read(certificate, key, &provider).map_err(Mistakes::one)?;
        let (pair, _) = watch::builder(pair).named("certificate").build();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Mistakes::one(format!("TLS cannot be set up: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Newest(pair.subscribe())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Self { certificate: certificate.clone(), key: key.clone(), pair, acceptor }))
    }

    /// Reads the files again, and returns whether there is another certificate now.
    ///
    /// # Errors
    /// Says why they are no good; then the certificate stays as it is.
    pub(crate) fn reload(&self) -> Result<bool, Mistakes> {
        let provider = ring::default_provider();
        let new = read(&self.certificate, &self.key, &provider).map_err(Mistakes::one)?;
        Ok(self.pair.send_if_modified(|pair| {
            let is_other = pair.digest != new.digest;
            if is_other {
                *pair = new;
            }
            is_other
        }))
    }

    /// Shakes hands with a client, for this long at most.
    ///
    /// # Errors
    /// The connection, or the client's TLS, failed or took too long.
    ///
    /// # Cancel safety
    /// The connection is closed when the future is dropped.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        time_limit::of_client(limit, self.acceptor.accept(stream)).await?
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Pair, String> {
    let open = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("{}: cannot read it: {error}", path.display()))
    };
    let (chain_pem, key_pem) = (open(certificate)?, open(key)?);
    let chain = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|error| {
            let name = certificate.display();
            format!(
                "{name}: there is no certificate in PEM form: {error}; give the certificate \
                     first, and then those that signed it"
            )
        })?;
    let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| {
        format!("{}: there is no private key in PEM form: {error}", key.display())
    })?;
    let certified = CertifiedKey::from_der(chain, private, provider).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("{key}: the key does not belong to the certificate in {certificate}")
            }
            error => format!("{certificate} and {key} cannot be used: {error}"),
        }
    })?;
    let digest = Sha256::new().chain_update(Sha256::digest(&chain_pem)).chain_update(&key_pem);
    Ok(Pair { digest: digest.finalize().into(), certified: Arc::new(certified) })
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::cli::tests::serve;

    /// Longer than anything here takes on the slowest machine; only a failing test waits for it.
    const LONG: Duration = Duration::from_secs(60);

    /// Writes a new certificate and its key to `cert` and `key`.
    pub(crate) fn write_pair(directory: &Path) -> CertificateDer<'static> {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".into()]).unwrap();
        std::fs::write(directory.join("cert"), cert.pem()).unwrap();
        std::fs::write(directory.join("key"), signing_key.serialize_pem()).unwrap();
        cert.into()
    }

    fn load(directory: &TempDir) -> Result<Option<Tls>, Mistakes> {
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let line = ["--tls-cert", &at("cert"), "--tls-key", &at("key"), "--", "true"];
        Tls::load(&serve(&line).unwrap().source().service())
    }

    /// Whether a client that trusts only this certificate gets an echo.
    async fn echoes(tls: &Tls, trusted: &CertificateDer<'static>) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = tls.clone();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tls.accept(stream, LONG).await?;
            let mut letter = [0];
            stream.read_exact(&mut letter).await?;
            stream.write_all(&letter).await
        });
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let client = async {
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            stream.write_all(b"x").await?;
            let mut letter = [0];
            stream.read_exact(&mut letter).await?;
            std::io::Result::Ok(letter)
        };
        let echoed = tokio::time::timeout(LONG, client).await.expect("took too long");
        let served = server.await.unwrap();
        assert_eq!(echoed.is_ok(), served.is_ok(), "{echoed:?} {served:?}");
        echoed.is_ok_and(|letter| letter == *b"x")
    }

    #[tokio::test]
    async fn new_certificate_takes_the_place_of_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let first = write_pair(directory.path());
        let tls = load(&directory).unwrap().unwrap();
        assert!(echoes(&tls, &first).await);
        assert_eq!(tls.reload(), Ok(false), "nothing changed");
        let second = write_pair(directory.path());
        assert!(!echoes(&tls, &second).await, "before it is read again");
        assert_eq!(tls.reload(), Ok(true));
        assert!(echoes(&tls, &second).await);
        assert!(!echoes(&tls, &first).await);
    }

    #[tokio::test]
    async fn bad_pair_is_refused_and_the_old_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let first = write_pair(directory.path());
        let tls = load(&directory).unwrap().unwrap();
        let old_key = std::fs::read(directory.path().join("key")).unwrap();
        write_pair(directory.path());
        std::fs::write(directory.path().join("key"), old_key).unwrap();
        for (file, text, expected) in [
            ("", "", "the key does not belong to the certificate in"),
            ("key", "nonsense", "key: there is no private key in PEM form"),
            ("cert", "", "cert: there is no certificate in PEM form"),
        ] {
            if !file.is_empty() {
                std::fs::write(directory.path().join(file), text).unwrap();
            }
            let message = tls.reload().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(load(&directory).is_err());
            assert!(echoes(&tls, &first).await);
        }
        std::fs::remove_file(directory.path().join("cert")).unwrap();
        assert!(tls.reload().unwrap_err().to_string().contains("cert: cannot read it"));
    }

    #[tokio::test(start_paused = true)]
    async fn silent_client_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        write_pair(directory.path());
        let tls = load(&directory).unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let error = tls.accept(stream, LONG).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(silent);
    }
}
