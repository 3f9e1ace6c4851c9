//! Which clients may use the service, and what they may see.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Notes, Server, levada, within};

const ALICE: &str = "Bearer 0123456789abcdef-alice";
const OTHER: &str = "Bearer 0123456789abcdef-other";

fn write_tokens(notes: &Notes, text: &str) -> String {
    std::fs::write(notes.path("tokens"), text).unwrap();
    std::fs::set_permissions(notes.path("tokens"), PermissionsExt::from_mode(0o600)).unwrap();
    notes.at("tokens")
}

#[tokio::test]
async fn nothing_but_the_open_paths_answers_without_a_token() {
    let notes = Notes::new();
    let tokens = write_tokens(&notes, "alice 0123456789abcdef-alice\n");
    let script = format!("echo run >> {}", notes.at("runs"));
    let server = Server::script(&["--token-file", &tokens], &script);
    for (method, path) in [
        ("POST", "/"),
        ("POST", "/q/default"),
        ("GET", "/q/default"),
        ("POST", "/q/default/retry"),
        ("GET", "/queues"),
        ("GET", "/jobs"),
        ("GET", "/jobs/019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33"),
        ("DELETE", "/jobs/019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33"),
        ("GET", "/events"),
        ("GET", "/metrics"),
        ("GET", "/channels"),
        ("GET", "/channels?format=text"),
        ("GET", "/openapi.json"),
        ("GET", "/nothing"),
        ("POST", "/health"),
    ] {
        for token in
            [None, Some(OTHER), Some("Basic YTpi"), Some("0123456789abcdef-alice"), Some("Bearer ")]
        {
            let headers: Vec<_> = token.map(|token| ("Authorization", token)).into_iter().collect();
            let answer = server.ask(method, path, &headers, "").await;
            answer.problem(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path} {token:?}");
        }
    }
    for path in ["/", "/health", "/ready", "/page/channels/index.html"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
        assert_eq!(server.ask("HEAD", path, &[], "").await.status, 200, "{path}");
    }
    assert_eq!(notes.read("runs"), "");
    for token in [ALICE, "bearer   0123456789abcdef-alice"] {
        assert_eq!(server.ask("POST", "/", &[("Authorization", token)], "").await.status, 200);
    }
    assert_eq!(notes.read("runs"), "run\nrun\n");

    // Five times each of the two ways to submit; refused reads do not count.
    let metrics = server.ask("GET", "/metrics", &[("Authorization", ALICE)], "").await;
    let refused = "\nlevada_rejected_total{queue=\"\",reason=\"unauthorized\"} 10\n";
    assert!(metrics.text().contains(refused), "{}", metrics.text());

    // Another file holds as soon as it is there.
    write_tokens(&notes, "alice 0123456789abcdef-other\n");
    let jobs =
        async |token| server.ask("GET", "/jobs", &[("Authorization", token)], "").await.status;
    within(async { while jobs(OTHER).await != 200 {} }).await;
    assert_eq!(jobs(ALICE).await, 401, "the old one does not");
}

#[tokio::test]
async fn token_of_the_environment_is_not_for_the_command() {
    let server = Server::start_as(&[], &["env"], |levada| {
        levada.env("LEVADA_TOKEN", "0123456789abcdef-other");
    });
    server.post("").await.problem(401, "unauthorized");
    let answer = server.ask("POST", "/", &[("Authorization", OTHER)], "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("LEVADA_JOB_ID="), "{answer:?}");
    assert!(!answer.text().contains("0123456789abcdef"), "{answer:?}");
}

/// What a client that trusts this certificate is answered.
pub(crate) async fn over_tls(
    server: &Server,
    trusted: &CertificateDer<'static>,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    within(async {
        let mut stream = connector.connect(name, server.connect().await).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    })
    .await
}

/// A certificate and its key in the files `cert` and `key`.
pub(crate) fn write_pair(notes: &Notes) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(notes.path("key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(notes.path("cert"), made.cert.pem()).unwrap();
    made.cert.into()
}

#[tokio::test]
async fn tls_with_a_certificate_that_can_be_replaced() {
    let notes = Notes::new();
    let first = write_pair(&notes);
    let tls = ["--tls-cert", &notes.at("cert"), "--tls-key", &notes.at("key")];
    let server = Server::start(&tls, &["cat"]);
    let request =
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    let answer = over_tls(&server, &first, request).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nbody"),
        "{answer}"
    );
    // Without TLS there is no answer.
    let mut plain = server.send(request).await;
    let mut answer = Vec::new();
    drop(within(plain.read_to_end(&mut answer)).await);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    let second = write_pair(&notes);
    assert!(
        within(async {
            loop {
                if let Ok(answer) = over_tls(&server, &second, request).await {
                    return answer;
                }
            }
        })
        .await
        .ends_with("body")
    );
    assert!(over_tls(&server, &first, request).await.is_err(), "the old one is no longer shown");
}

#[tokio::test]
async fn other_machines_need_tokens_or_tls_and_a_word() {
    let notes = Notes::new();
    write_pair(&notes);
    let tokens = write_tokens(&notes, "0123456789abcdef-other\n");
    let (cert, key) = (notes.at("cert"), notes.at("key"));
    let tls = ["--tls-cert", &*cert, "--tls-key", &*key];
    let anonymous = [&tls[..], &["--allow-anonymous"]].concat();
    let remote = ["--listen", "0.0.0.0:0"];
    for refused in [
        &[][..],
        &["--allow-anonymous"],
        &tls,
        &["--allow-plain-http"],
        &[&anonymous[..], &["--token-file", &tokens]].concat(),
    ] {
        let arguments = [&["serve"], &remote[..], refused, &["--", "cat"]].concat();
        let output = levada().args(&arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains("--allow-anonymous"), "{message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let plain = ["--allow-anonymous", "--allow-plain-http"];
    for accepted in [&anonymous[..], &["--token-file", &tokens], &plain] {
        let mut server = Server::start(&[&remote[..], accepted].concat(), &["cat"]);
        assert!(server.address.ip().is_unspecified());
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(server.exit().await.code(), Some(0));
    }
}

/// A page whose own name leads to the service (DNS rebinding) runs nothing, where clients in a
/// container network do.
#[tokio::test]
async fn without_tokens_and_tls_only_private_names_are_answered() {
    let notes = Notes::new();
    let script = format!("echo run >> {}; cat", notes.at("runs"));
    let options = ["--listen", "0.0.0.0:0", "--allow-anonymous", "--allow-plain-http"];
    let options = [&options[..], &["--allow-host", "jobs.example"]].concat();
    let server = Server::script(&options, &script);
    for host in ["page.example", "levada.page.example:8080"] {
        let origin = format!("http://{host}");
        for headers in [&[("Host", host)][..], &[("Host", host), ("Origin", &origin)]] {
            let problem = server.ask("POST", "/", headers, "x").await.problem(403, "foreign-page");
            assert!(problem["detail"].as_str().unwrap().contains("--allow-host"), "{problem}");
        }
    }
    assert_eq!(notes.read("runs"), "");
    for host in
        ["levada", "levada:8080", "levada.jobs.svc.cluster.local", "10.0.0.7:8080", "jobs.example"]
    {
        assert_eq!(server.ask("POST", "/", &[("Host", host)], "x").await.text(), "x", "{host}");
    }
}

/// As Kubernetes mounts a secret, with the mode that it has by default, and replaces it.
#[tokio::test]
async fn tokens_of_a_mounted_secret() {
    let notes = Notes::new();
    for (version, token) in [("..1", "alice"), ("..2", "other")] {
        std::fs::create_dir(notes.path(version)).unwrap();
        let file = notes.path(version).join("tokens");
        std::fs::write(&file, format!("it 0123456789abcdef-{token}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o444)).unwrap();
    }
    let swap = |version: &str| {
        std::os::unix::fs::symlink(version, notes.path("..data_tmp")).unwrap();
        std::fs::rename(notes.path("..data_tmp"), notes.path("..data")).unwrap();
    };
    swap("..1");
    std::os::unix::fs::symlink("..data/tokens", notes.path("tokens")).unwrap();
    let options = ["--token-file", &notes.at("tokens")];
    let refused = levada().arg("serve").args(options).args(["--", "cat"]).output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        message.contains("mode 444") && message.contains("--allow-world-readable-tokens"),
        "{message}"
    );
    let options = [&options[..], &["--allow-world-readable-tokens"]].concat();
    let server = Server::start(&options, &["cat"]);
    let jobs =
        async |token| server.ask("GET", "/jobs", &[("Authorization", token)], "").await.status;
    assert_eq!((jobs(ALICE).await.as_u16(), jobs(OTHER).await.as_u16()), (200, 401));
    // The first change may come before anything watches: the same link is swapped until that is
    // seen.
    within(async {
        while jobs(OTHER).await != 200 {
            swap("..2");
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    })
    .await;
    assert_eq!(jobs(ALICE).await, 401, "the old one does not hold");
}
