//! Which processes the cluster has: each holds a lease, and describes itself by it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use levada_nats::members::{self, Members, Membership};
use levada_nats::{Connection, OpenError};
use tokio::time::sleep;
use tracing::debug;

use super::held::HeldJobs;
use super::line::LEASE;
use crate::config::{Durability, Role};
use crate::job::Moment;
use crate::jobs::service::Jobs;
use crate::jobs::shared::{Cluster, ClusterState, Member};

/// How often a process looks whether it has something else to say of itself.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct ClusterMembers {
    members: Members,
    role: Role,
    cluster: String,
    durability: Durability,
}

impl ClusterMembers {
    pub(super) async fn open(
        connection: &Connection,
        role: Role,
        durability: Durability,
        stored: levada_nats::Durability,
    ) -> Result<Self, OpenError> {
        let name = "service".parse().map_err(|_| OpenError::Settings("the name".to_owned()))?;
        let members = connection.members(name).durability(stored).lease(LEASE).open().await?;
        let cluster = connection.namespace().to_string();
        Ok(Self { members, role, cluster, durability })
    }

    pub(super) fn join(&self) -> Arc<Membership> {
        Arc::new(self.members.join(match self.role {
            Role::FrontEnd => members::Role::Sender,
            Role::Worker => members::Role::Receiver,
        }))
    }

    /// Tells the others what this process has and does, for ever.
    pub(super) async fn describe(
        self: Arc<Self>,
        membership: Arc<Membership>,
        jobs: Arc<Jobs>,
        held: Arc<HeldJobs>,
    ) {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        loop {
            let config = jobs.config.borrow().clone();
            let seats = config.queues.values().map(|queue| queue.workers).sum();
            let member = Member {
                kind: self.role,
                host: host.clone(),
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                draining: jobs.is_draining(),
                seats: config.max_running.map_or(seats, |most| most.min(seats)),
                running: held.count(),
            };
            let text = serde_json::to_string(&member).unwrap_or_default();
            if let Err(error) = membership.describe(text) {
                debug!(%error, "this process does not describe itself");
            }
            sleep(LOOK).await;
        }
    }
}

impl Cluster for ClusterMembers {
    fn state(&self) -> ClusterState {
        // What does not describe itself yet is shown when it does.
        let known = |member: &members::Member| {
            let described = serde_json::from_str(member.description()).ok()?;
            Some((moment(member.since()), described))
        };
        ClusterState {
            name: self.cluster.clone(),
            durability: self.durability,
            members: self.members.borrow().iter().filter_map(known).collect(),
        }
    }
}

fn moment(time: SystemTime) -> Moment {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(0).after(since_1970)
}
