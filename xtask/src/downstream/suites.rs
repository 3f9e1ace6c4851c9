//! Which crates, and why these.

/// A published crate whose own tests are run.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Beside its default features.
    pub(super) features: &'static [&'static str],
    /// Development dependencies that only its examples and benchmarks need, or tests of a feature
    /// that is off.
    pub(super) without: &'static [&'static str],
    /// What it uses tokio's channels for.
    pub(super) why: &'static str,
    /// As many tests pass at least, so that none are lost unseen.
    pub(super) at_least: usize,
    /// `TARGET::TEST` or `TARGET`, and why it is not run.
    pub(super) skip: &'static [(&'static str, &'static str)],
}

impl Suite {
    /// Whether `test`, a `TARGET` or a `TARGET::TEST`, is not run.
    pub(super) fn skips(&self, test: &str) -> bool {
        self.skip.iter().any(|(name, _)| *name == test)
    }
}

pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "tokio-stream",
        version: "0.1.19",
        features: &["full"],
        without: &[],
        why: "wraps the receivers of mpsc, broadcast and watch as streams",
        at_least: 118,
        skip: &[],
    },
    Suite {
        name: "tokio-util",
        version: "0.7.20",
        features: &["full"],
        without: &[],
        why: "PollSender, and futures that own a channel's end and are used again",
        at_least: 317,
        skip: &[],
    },
    Suite {
        name: "tower",
        version: "0.5.3",
        features: &["full"],
        without: &[],
        why: "a buffer's requests wait in an mpsc and are answered through a oneshot",
        at_least: 82,
        skip: &[],
    },
    Suite {
        name: "hyper",
        version: "1.12.0",
        features: &["full"],
        without: &[],
        why: "a client dispatches through an unbounded mpsc and a oneshot for each request",
        at_least: 124,
        skip: &[],
    },
    Suite {
        name: "hyper-util",
        version: "0.1.21",
        features: &["full"],
        without: &[],
        why: "watch ends connections; the pooled client is hyper's",
        at_least: 132,
        skip: &[(
            "proxy::test_socks_v5_with_locally_resolved_domain_works",
            "looks up a name in the internet",
        )],
    },
    Suite {
        name: "kameo",
        version: "0.22.2",
        features: &[],
        without: &["criterion", "libp2p", "metrics-exporter-prometheus"],
        why: "actors: mailboxes are mpsc, replies oneshot, lifecycle watch",
        at_least: 54,
        skip: &[],
    },
    Suite {
        name: "actix",
        version: "0.13.5",
        features: &[],
        without: &[],
        why: "actors: every answer comes through a oneshot, arbiters are fed by mpsc",
        at_least: 69,
        skip: &[],
    },
    Suite {
        name: "actix-rt",
        version: "2.15.0",
        features: &[],
        without: &[],
        why: "arbiters and the system are fed by unbounded mpsc",
        at_least: 28,
        skip: &[],
    },
    Suite {
        name: "actix-server",
        version: "2.10.0",
        features: &[],
        without: &[],
        why: "connections go to workers in mpsc, shutdown through oneshot and watch",
        at_least: 38,
        skip: &[],
    },
    Suite {
        name: "tarpc",
        version: "0.38.0",
        features: &["full"],
        without: &[
            "console-subscriber",
            "flate2",
            "opentelemetry-otlp",
            "opentelemetry_sdk",
            "rustls-pemfile",
            "tokio-rustls",
        ],
        why: "remote calls: requests in mpsc, answers in oneshot, cancellation in unbounded mpsc",
        at_least: 83,
        skip: &[("compile_fail", "runs cargo, on what its macros refuse")],
    },
    Suite {
        name: "mini-redis",
        version: "0.4.1",
        features: &[],
        without: &[],
        why: "a broker and its client: pub/sub is broadcast, shutdown broadcast and mpsc",
        at_least: 10,
        skip: &[(
            "server::key_value_timeout",
            "fails on tokio as well: it advances a paused clock past a key's end",
        )],
    },
    Suite {
        name: "bb8",
        version: "0.9.1",
        features: &[],
        without: &[],
        why: "a pool whose tests hold connections with oneshot",
        at_least: 28,
        skip: &[],
    },
    Suite {
        name: "turmoil",
        version: "0.7.2",
        features: &[],
        without: &[],
        why: "a simulated network: sockets are mpsc, connecting is oneshot",
        at_least: 128,
        skip: &[(
            "net::tcp::exhaust_ephemeral_ports",
            "fails on tokio as well: the panic it expects stays in its task",
        )],
    },
    Suite {
        name: "openraft",
        version: "0.9.25",
        features: &[],
        without: &[],
        why: "consensus: its core is fed by unbounded mpsc, answers by oneshot, metrics are watch",
        at_least: 188,
        skip: &[],
    },
    Suite {
        name: "tokio-graceful-shutdown",
        version: "0.20.0",
        features: &[],
        without: &["console-subscriber", "http-body-util", "hyper", "hyper-util"],
        why: "errors of subsystems come through mpsc, their end through oneshot",
        at_least: 67,
        skip: &[],
    },
];
