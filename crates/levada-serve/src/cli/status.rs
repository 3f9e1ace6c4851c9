//! `levada status`: its options.

use clap::{Args, ValueEnum};

use super::common::ServerOptions;
use crate::config::units::count;

/// Options of `levada status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples: levada status                   the newest jobs
          levada status --state failed    the newest jobs that failed
          levada status ID --watch        one job, until it has ended")]
pub struct StatusArgs {
    /// The ids of the jobs; without any, the newest jobs are listed
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,

    /// List only jobs of this queue
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    pub(crate) queue: Option<String>,

    /// List only jobs in this state
    #[arg(long, value_name = "STATE", conflicts_with = "ids")]
    pub(crate) state: Option<StateOption>,

    /// How many jobs to list at most
    #[arg(long, value_name = "N", default_value = "20", conflicts_with = "ids",
        value_parser = count::<usize, 1_000_000>)]
    pub(crate) limit: usize,

    /// Keep showing what changes: until the given jobs have ended, or until interrupted
    #[arg(long, short)]
    pub(crate) watch: bool,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// The states of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateOption {
    Queued,
    Running,
    Retrying,
    Succeeded,
    Failed,
    Cancelled,
}

impl StateOption {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
