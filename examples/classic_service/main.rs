//! The classic service: takes readings over HTTP, writes them in batches, and shows what it wrote.
//!
//! ```text
//! POST /readings --try_send--> bounded queue --batches--> writer --ask--> database (an actor)
//!                                                           |
//! GET /events   <--------------- broadcast <----------------+
//! PUT /config   ---------------> watch ----> writer, handlers
//! SIGTERM       ---------------> watch ----> server, writer
//! ```
//!
//! `cargo run --example classic_service -- 127.0.0.1:8080 readings.txt 10`, where 10 is how many
//! seconds a stop may take. The guide of levada has a page that walks through these files.
//!
//! Look at:
//! - `http.rs`: a full queue is a 503 with `Retry-After`, never a request that waits.
//! - `writer.rs`: a batch that the database refuses is put back, in order.
//! - `database.rs`: one thread owns the file; no lock, and no blocking call in a task.
//! - `service.rs`: which channel ends which, so that a client that does not read cannot keep the
//!   process alive.

mod config;
mod database;
mod http;
mod reading;
mod service;
mod writer;

use std::env;
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::config::Config;
use crate::service::{Limits, Service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: classic_service ADDRESS FILE [STOP_SECONDS]".into());
    };
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;

    // Before anything is accepted: a SIGTERM that comes early is not missed.
    let mut terminations = Terminations::new()?;
    let database = database::open(Path::new(&file))?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let service = Service::start(listener, database, Limits::default(), Config::default())?;
    terminations.next().await;
    println!("stopping: a second signal does not wait for the rest");
    let totals = service.stop(Duration::from_secs(seconds), terminations.next()).await?;

    println!("{} readings written in {} commits", totals.flushed, totals.batches);
    match totals.items() - totals.flushed {
        0 => Ok(()),
        lost => Err(format!("{lost} readings were accepted and not written").into()),
    }
}

/// The signals that ask for a stop.
struct Terminations {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Terminations {
    fn new() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            signals: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        self.signals.recv().await;
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
