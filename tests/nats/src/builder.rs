//! How a server is configured.

use crate::program::version;
use crate::server::Server;
use crate::tls::Certificates;
use std::path::Path;

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    On,
    /// Clients need a certificate, too.
    Mutual,
}

/// Settings of a [`Server`]; what is not set has the server's own default.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) jetstream: bool,
    pub(crate) login: Option<(String, String)>,
    pub(crate) tls: Tls,
    sync_always: bool,
    max_payload: Option<usize>,
    account_store: Option<String>,
    extra: String,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            version: version(),
            name: "levada-1".to_owned(),
            jetstream: true,
            login: None,
            tls: Tls::Off,
            sync_always: false,
            max_payload: None,
            account_store: None,
            extra: String::new(),
        }
    }

    /// The version of the program, as in `2.14.6`.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The server's name, which a cluster shows as leader or replica; `levada-1` if it is not set.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Every message is on disk before it is acknowledged: `sync_interval: always`.
    #[must_use]
    pub fn sync_always(mut self) -> Self {
        self.sync_always = true;
        self
    }

    /// The largest payload, in bytes; the server's own limit is 1 MiB.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = Some(bytes);
        self
    }

    /// How much the account of the clients keeps in files at most, over all servers. A cluster
    /// whose servers have no room themselves elects no leader any more.
    #[must_use]
    pub fn account_store(mut self, size: &str) -> Self {
        self.account_store = Some(size.to_owned());
        self
    }

    /// Clients need this name and password. [`Server::url`] has neither.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.login = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// Connections are encrypted, with a certificate of [`Server::certificates`].
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = Tls::On;
        self
    }

    /// As [`tls`](Self::tls), and clients need a certificate, too.
    #[must_use]
    pub fn tls_for_both(mut self) -> Self {
        self.tls = Tls::Mutual;
        self
    }

    /// JetStream is off.
    #[must_use]
    pub fn without_jetstream(mut self) -> Self {
        self.jetstream = false;
        self
    }

    /// More lines for the configuration file.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.extra += lines;
        self.extra.push('\n');
        self
    }

    /// Starts the server, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not start, with its log; or if its program is not installed.
    pub async fn start(self) -> Server {
        let server = self.spawn();
        server.ready().await;
        server
    }

    /// Starts the server and does not wait.
    pub(crate) fn spawn(self) -> Server {
        Server::spawn(self)
    }

    /// The configuration file of a server in the folder `dir`.
    pub(crate) fn text(
        &self,
        dir: &Path,
        (port, monitor): (u16, u16),
        certificates: Option<&Certificates>,
    ) -> String {
        let mut text = format!("server_name: \"{}\"\n", self.name);
        text += &format!("listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n");
        // The shortest that a server takes is thirty seconds, after a grace of ten.
        text += "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1s\"\n";
        if self.jetstream {
            let store = dir.join("store");
            text += &format!("jetstream {{\n  store_dir: {store:?}\n");
            // What a server assumes by itself depends on the machine.
            text += "  max_memory_store: 256MB\n  max_file_store: 4GB\n";
            text += if self.sync_always { "  sync_interval: always\n}\n" } else { "}\n" };
        }
        if let Some(size) = &self.account_store {
            text += "no_auth_user: tester\naccounts { TESTS {\n";
            text += "  users: [{ user: tester, password: tester }]\n";
            text += &format!("  jetstream {{ max_file: {size}, max_mem: 256MB }}\n}} }}\n");
        }
        if let Some((user, password)) = &self.login {
            text += &format!("authorization {{ user: {user:?}, password: {password:?} }}\n");
        }
        if let Some(certificates) = certificates {
            text += &certificates.lines(self.tls == Tls::Mutual);
        }
        if let Some(bytes) = self.max_payload {
            text += &format!("max_payload: {bytes}\n");
        }
        text + &self.extra
    }
}
