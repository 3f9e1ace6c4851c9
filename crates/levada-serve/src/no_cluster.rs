//! What stands for `cluster` without the feature `nats`: there is none.

use std::sync::Arc;

use levada::watch;

use crate::config::{Config, Role, Service};
use crate::fault::Fault;
use crate::jobs::service::Jobs;
use crate::jobs::shared::{self, SharedLine};
use crate::store::Store;

/// There is none.
#[derive(Debug)]
pub(crate) enum Cluster {}

/// There are none.
#[derive(Debug)]
pub(crate) enum Tasks {}

impl Cluster {
    pub(crate) async fn join(service: &Service, _: Role) -> Result<Option<Self>, Fault> {
        match service.nats {
            None => Ok(None),
            Some(_) => Err(Fault::usage(
                "this program was built without NATS; build it with `--features nats`".to_owned(),
            )),
        }
    }

    pub(crate) fn config(&self, _: watch::Receiver<Arc<Config>>) -> watch::Receiver<Arc<Config>> {
        match *self {}
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match *self {}
    }

    pub(crate) fn line(&self) -> Arc<dyn SharedLine> {
        match *self {}
    }

    pub(crate) fn members(&self) -> Arc<dyn shared::Cluster> {
        match *self {}
    }

    pub(crate) fn numbering(&self) -> String {
        match *self {}
    }

    pub(crate) async fn open_queues(&self, _: &Config) -> Result<(), Fault> {
        match *self {}
    }

    pub(crate) async fn start(&self, _: &Arc<Jobs>) -> Result<Tasks, Fault> {
        match *self {}
    }
}

impl Tasks {
    pub(crate) async fn cover(&self) {
        match *self {}
    }

    pub(crate) async fn close(&self) {
        match *self {}
    }

    pub(crate) async fn end(self, _: &Cluster) {
        match self {}
    }
}
