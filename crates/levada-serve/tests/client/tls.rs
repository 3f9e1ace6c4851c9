//! Servers are trusted that the system trusts, or that the certificates of `--ca` vouch for.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{answer, levada, run};

const QUEUES: &str = r#"{"status":"running","queues":[]}"#;

/// A server of HTTPS for `localhost`. Its address, and its certificate.
fn secured() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut head = [0; 4096];
            // A client that does not trust it hangs up.
            if stream.read(&mut head).is_ok_and(|read| read > 0) {
                stream.write_all(answer("200 OK", "application/json", QUEUES).as_bytes()).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    });
    (url, cert.pem())
}

#[test]
fn trust() {
    let (url, pem) = secured();
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &pem).unwrap();
    let levada = || {
        let mut command = levada();
        command.args(["queues", "--json", "--server", &url]);
        command
    };
    let ran = run(levada().arg("--ca").arg(&file), b"");
    assert_eq!((ran.code, ran.line().as_str()), (0, QUEUES), "{ran:?}");
    // As where the system trusts it.
    let ran = run(levada().env("SSL_CERT_FILE", &file), b"");
    assert_eq!((ran.code, ran.line().as_str()), (0, QUEUES), "{ran:?}");

    let (_, other) = secured();
    std::fs::write(&file, other).unwrap();
    run(levada().arg("--ca").arg(&file), b"").says(69, &[&url, "certificate", "--ca"]);
    run(levada().env("SSL_CERT_FILE", &file), b"").says(69, &[&url, "certificate", "--ca"]);
    std::fs::write(&file, "nothing").unwrap();
    run(levada().arg("--ca").arg(&file), b"").says(2, &["ca.pem", "PEM"]);
    run(levada().args(["--ca", "no-such-file"]), b"").says(66, &["no-such-file"]);
}
