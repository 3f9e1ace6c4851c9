//! Which crates, and why these.

/// A published crate whose own tests are run.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// What cargo is told beside `build --tests`.
    pub(super) features: &'static [&'static str],
    pub(super) why: &'static str,
    /// As many tests have to pass at least.
    pub(super) at_least: usize,
    /// `TARGET::TEST` or `TARGET`, and why it is not run.
    pub(super) skip: &'static [(&'static str, &'static str)],
}

const ALL: &[&str] = &["--all-features"];

pub(super) const SUITES: &[Suite] = &[
    s("tokio-stream", "0.1.19", ALL),
    s("tokio-util", "0.7.20", ALL),
    s("tower", "0.5.3", ALL),
    s("hyper", "1.12.0", &["--features", "full"]),
    s("hyper-util", "0.1.21", &["--features", "full"]),
    s("kameo", "0.22.2", &[]),
    s("ractor", "0.16.5", &["--features", "cluster,monitors,output-port-v2"]),
    s("tarpc", "0.38.0", &["--features", "full"]),
    s("mini-redis", "0.4.1", &[]),
    s("bb8", "0.9.1", &[]),
    s("turmoil", "0.7.2", &[]),
    s("actix-rt", "2.15.0", &[]),
    s("actix-server", "2.10.0", &[]),
    s("actix", "0.13.5", &[]),
    s("axum", "0.8.9", ALL),
    s("warp", "0.4.3", &["--features", "server,websocket,multipart,test"]),
    s("openraft", "0.9.25", &[]),
    s("tokio-graceful-shutdown", "0.20.0", &[]),
    s("jsonrpsee-server", "0.26.1", &[]),
    s(
        "rmcp",
        "3.11.0",
        &[
            "--features",
            "client,server,macros,schemars,elicitation,local,transport-io,transport-child-process,transport-streamable-http-server,transport-streamable-http-client-reqwest,transport-streamable-http-client-unix-socket",
        ],
    ),
    s("redis", "1.8.1", &["--features", "tokio-comp,connection-manager,cluster-async"]),
];

const fn s(name: &'static str, version: &'static str, features: &'static [&'static str]) -> Suite {
    Suite { name, version, features, why: "", at_least: 1, skip: &[] }
}

impl Suite {
    /// Whether `test`, a `TARGET` or a `TARGET::TEST`, is not run.
    pub(super) fn skips(&self, test: &str) -> bool {
        self.skip.iter().any(|(name, _)| *name == test)
    }
}
