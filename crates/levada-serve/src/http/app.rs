//! What the handlers share, and what they know of a request.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::job::JobId;
use crate::jobs::service::Jobs;
use crate::settings::Settings;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) started: Instant,
    /// The jobs whose output was found to be lost, each of which is logged once.
    pub(crate) lost: Mutex<HashSet<JobId>>,
}

impl App {
    pub(crate) fn new(jobs: Arc<Jobs>, settings: Arc<Settings>) -> Self {
        Self { jobs, settings, started: Instant::now(), lost: Mutex::default() }
    }
}

/// The client that sent a request: the name of its token, or else its address.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) String);

impl Client {
    /// It has no token, and clients need one for most.
    pub(crate) fn is_stranger(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a request did not become a job, for those who count that.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) queue: Option<String>,
    pub(crate) reason: &'static str,
}
