//! Lists of jobs, page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::live::Live;
use super::service::{Job, Jobs};
use crate::job::JobId;
use crate::store::{Filter, StoreError, on_a_thread};

/// Some of the jobs, the newest first.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<Job>,
    /// There may be more that are older than this one, which need not be on the page.
    pub(crate) next: Option<JobId>,
}

impl Jobs {
    /// Some of the jobs, as they are now.
    pub(crate) async fn list(&self, filter: Filter) -> Result<Page, StoreError> {
        // One more than is shown tells whether there are more.
        let asked = Filter { limit: filter.limit + 1, ..filter.clone() };
        let mut records = on_a_thread(&self.store, move |store| store.list(&asked)).await?;
        let more = records.len() > filter.limit;
        records.truncate(filter.limit);
        let mut next = records.last().filter(|_| more).map(|record| record.id);

        let live = self.live();
        let mut page: BTreeMap<_, _> = records
            .into_iter()
            .map(|record| match live.get(&record.id) {
                Some(live) => (live.id, Job::Live(Arc::clone(live))),
                None => (record.id, Job::Past(Arc::new(record))),
            })
            .collect();
        // That a job runs is on disk a little later, and that it is in line after a pause never is.
        if filter.state.is_some_and(|state| !state.has_ended()) {
            let on_page = |job: &&Arc<Live>| {
                next.is_none_or(|end| job.id > end)
                    && filter.before.is_none_or(|end| job.id < end)
                    && filter.queue.as_ref().is_none_or(|queue| *queue == job.queue.name)
                    && filter.state == Some(job.state())
            };
            let unseen = live.values().filter(on_page);
            page.extend(unseen.map(|job| (job.id, Job::Live(Arc::clone(job)))));
        }
        drop(live);
        let is_wanted = |job: &Job| filter.state.is_none_or(|state| job.state() == state);
        let mut jobs: Vec<_> = page.into_values().rev().filter(is_wanted).collect();
        if jobs.len() > filter.limit {
            jobs.truncate(filter.limit);
            next = jobs.last().map(Job::id);
        }
        Ok(Page { jobs, next })
    }
}
