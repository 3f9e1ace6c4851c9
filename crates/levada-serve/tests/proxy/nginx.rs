//! An nginx in front of a server.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{Server, until};

const DOCS: &str = include_str!("../../docs/serve.md");

/// A running nginx. Dropping it kills it.
pub(crate) struct Nginx {
    child: Child,
    directory: TempDir,
    address: SocketAddr,
}

impl Nginx {
    /// With `proxy_pass` and nothing else.
    pub(crate) async fn plain(server: &Server) -> Self {
        Self::with(server, "").await
    }

    /// With these settings beside `proxy_pass`.
    pub(crate) async fn with(server: &Server, settings: &str) -> Self {
        let to = server.address;
        Self::start(&|address, _| {
            format!(
                "server {{ listen {address}; location / {{ proxy_pass http://{to}; {settings} }} }}"
            )
        })
        .await
    }

    /// As the docs say, at other addresses and with a certificate made here. nginx checks that;
    /// then it serves the same without TLS.
    pub(crate) async fn of_the_docs(server: &Server) -> Self {
        let (_, rest) = DOCS.split_once("```nginx\n").expect("the docs have a configuration");
        let config = rest.split("```").next().unwrap();
        let at = |place: &str, with: String| {
            assert_eq!(config.matches(place).count(), 1, "{place} in {config}");
            (place.to_owned(), with)
        };
        Self::start(&|address, directory| {
            let made = rcgen::generate_simple_self_signed(["jobs.example".to_owned()]).unwrap();
            let (cert, key) = (directory.path().join("cert"), directory.path().join("key"));
            std::fs::write(&cert, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            let places = [
                at("127.0.0.1:8080", server.address.to_string()),
                at("/etc/ssl/certs/jobs.example.pem", cert.display().to_string()),
                at("/etc/ssl/private/jobs.example.key", key.display().to_string()),
            ];
            let moved = places
                .iter()
                .fold(config.to_owned(), |config, (place, with)| config.replace(place, with));
            let tls = moved.replace("listen 443 ssl", &format!("listen {address} ssl"));
            assert_ne!(tls, moved);
            let checked = command(directory, &tls).arg("-t").output().unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
            moved.replace("listen 443 ssl", &format!("listen {address}"))
        })
        .await
    }

    async fn start(config: &dyn Fn(SocketAddr, &TempDir) -> String) -> Self {
        // Another process may take the port before nginx does.
        for _ in 0..10 {
            let directory = TempDir::new().unwrap();
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let mut command = command(&directory, &config(address, &directory));
            let child = command.spawn().expect("nginx is installed; `cargo xtask proxy` does that");
            let mut nginx = Self { child, directory, address };
            let mut ended = None;
            until("nginx to listen", || {
                ended = nginx.child.try_wait().unwrap();
                ended.is_some() || std::net::TcpStream::connect(address).is_ok()
            })
            .await;
            if ended.is_none() {
                return nginx;
            }
            assert!(nginx.log().contains("Address already in use"), "{}", nginx.log());
        }
        panic!("no free port");
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What it complains about.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Where it has ended there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An nginx of one process, that keeps everything in this directory.
fn command(directory: &TempDir, http: &str) -> Command {
    let at = directory.path();
    let file = at.join("nginx.conf");
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", at.display()))
        .concat();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {{}}\n\
         http {{\naccess_log off;\n{places}{http}\n}}\n",
        dir = at.display()
    );
    std::fs::write(&file, config).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-e").arg(at.join("error.log")).arg("-p").arg(at).arg("-c").arg(file);
    nginx.stdin(Stdio::null()).stdout(Stdio::null());
    nginx
}
