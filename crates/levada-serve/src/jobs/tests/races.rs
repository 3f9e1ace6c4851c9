//! What meets in the store, or while it writes.

use std::sync::Arc;

use super::super::record::State;
use super::super::service::NotAgain;
use super::{Bench, until};
use crate::store::{Change, Store};

#[tokio::test]
async fn a_job_that_is_emptied_meanwhile_does_not_run_again() {
    let mut bench = Bench::new("echo why >&2; exit 3");
    let live = bench.accept().await;
    bench.writing(until(&live, State::Failed)).await;
    let (id, queue) = (live.id, Arc::clone(&live.queue));
    let mut emptied = bench.store.record(id).unwrap().unwrap();
    emptied.emptied = true;
    emptied.revision += 1;
    let emptying = Change::Empty { record: emptied.clone() };
    let emptying = bench.jobs.writer().submit(vec![emptying]).await.unwrap();
    assert_eq!(bench.next().await, [id]);

    let again = tokio::spawn(Arc::clone(&bench.jobs).run_again(id, "somebody".to_owned()));
    // It has read the record, and found that the job can be run again.
    while queue.depth() == 0 {
        tokio::task::yield_now().await;
    }
    bench.go_on(Ok(()));
    emptying.committed().await.unwrap();
    let again = bench.writing(again).await.unwrap();
    assert!(matches!(again, Err(NotAgain::NoInput)), "{again:?}");
    assert_eq!(bench.store.record(id), Ok(Some(emptied)), "how it failed is still known");
    assert_eq!(queue.depth(), 0);
    bench.end().await;
}
